/** From words on a command line to a command and its exit code. */
import { parseArgs } from "node:util";
import { Me } from "../shared/contracts/resources.ts";
import { systemClock } from "../shared/domain/time.ts";
import { createClient } from "./client.ts";
import { add, type Context, done, exportText, importText, list, undo, watch } from "./commands.ts";
import { EXIT_CODES, Failure } from "./failure.ts";
import { printable } from "./line.ts";
import { readSettings, writeSettings } from "./settings.ts";

const USAGE = `rondo: tasks from the command line

  login                       keep an API key, read from standard input
  add <text>                  such as: rondo add "Pay rent tomorrow 9am #home every month"
  list                        --due today|overdue|upcoming|none  --status open|completed|all
                              --list <name>  --tag <tag>  --search <words>  --limit <1-200>
  done <task> …               the end of an id, or words of the title
  undo                        the last change and what was made with it
  watch                       what changes, as it happens
  import --format <format>    todotxt, todoist-csv or ical from standard input
  export --format <format>    json, todotxt or ical

  --json                      results as JSON
  --help

RONDO_SERVER and RONDO_API_KEY come before what login has kept.`;

export interface World {
  args: readonly string[];
  env: Readonly<Record<string, string | undefined>>;
  write(text: string): void;
  /** For failures. */
  complain(text: string): void;
  /** All of standard input. */
  input(): Promise<string>;
  signal: AbortSignal;
}

/** Runs one command; the answer is the exit code. */
export async function run(world: World): Promise<number> {
  try {
    await dispatch(world);
    return 0;
  } catch (cause) {
    // Such as `rondo list | head -1`: whoever read it has what they wanted.
    if (cause instanceof Deno.errors.BrokenPipe) return 0;
    // It may name what others wrote.
    world.complain(printable(`rondo: ${cause instanceof Error ? cause.message : String(cause)}`));
    return EXIT_CODES[cause instanceof Failure ? cause.kind : "failed"];
  }
}

async function dispatch(world: World): Promise<void> {
  const { values, words } = parse(world.args);
  const [command, ...rest] = words;
  if (values.help || command === undefined) {
    if (!values.help) throw new Failure("usage", `Say what to do\n\n${USAGE}`);
    return world.write(USAGE);
  }
  const none = () => {
    if (rest.length > 0) throw new Failure("usage", `${command} takes nothing more: ${rest.join(" ")}`);
  };
  const some = (what: string) => {
    if (rest.length === 0) throw new Failure("usage", `${command} needs ${what}`);
  };
  const context = (): Context => ({
    client: createClient(readSettings(world.env)),
    output: {
      json: values.json ?? false,
      write: (text) => world.write(printable(text)),
      copy: world.write,
    },
    clock: systemClock,
    signal: world.signal,
  });
  switch (command) {
    case "login":
      none();
      return await login(world, values.json ?? false);
    case "add":
      some("a text");
      return await add(context(), rest.join(" "));
    case "list":
      none();
      return await list(context(), values);
    case "done":
      some("a task");
      return await done(context(), rest);
    case "undo":
      none();
      return await undo(context());
    case "watch":
      none();
      return await watch(context());
    case "import":
      none();
      return await importText(context(), values.format ?? "", await world.input());
    case "export":
      none();
      return await exportText(context(), values.format ?? "json");
    default:
      throw new Failure("usage", `There is no command ${command}\n\n${USAGE}`);
  }
}

async function login({ env, input, write }: World, json: boolean): Promise<void> {
  const { server } = readSettings({ ...env, RONDO_API_KEY: undefined });
  const apiKey = (env.RONDO_API_KEY || await input()).trim();
  if (apiKey === "") throw new Failure("usage", "login reads an API key from standard input: there was none");
  const me = await createClient({ server, apiKey }).call("GET", "/api/me", Me);
  const file = await writeSettings(env, { server, apiKey });
  write(json ? JSON.stringify({ server, email: me.email, file }) : `Signed in to ${server} as ${me.email}`);
}

function parse(args: readonly string[]) {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        json: { type: "boolean" },
        help: { type: "boolean", short: "h" },
        due: { type: "string" },
        status: { type: "string" },
        list: { type: "string" },
        tag: { type: "string", multiple: true },
        search: { type: "string" },
        limit: { type: "string" },
        format: { type: "string" },
      },
    });
    return { values, words: positionals };
  } catch (cause) {
    throw new Failure("usage", cause instanceof Error ? cause.message : String(cause));
  }
}
