/** Runs cases through the assistant as a browser would, each on an account that has everything as it was at first. */
import { createFakeClock } from "../../services/shared/testing/fake_runtime.ts";
import type { ModelEndpoint } from "../../services/assistant/chat/model.ts";
import type { TestClient } from "../../services/shared/testing/api.ts";
import { contentOf, startScriptedOpenAi } from "../../services/shared/testing/scripted_openai.ts";
import { testAssistant } from "../../services/assistant/testing.ts";
import { type Case, COMPLETED, type ExpectedCall, LISTS, NOW, TASKS, TRASHED, ZONE } from "./cases.ts";
import { isRight, type MadeCall } from "./score.ts";

export type Target = { kind: "commands" } | { kind: "scripted" } | {
  kind: "endpoint";
  endpoint: ModelEndpoint;
};

export interface Result {
  says: string;
  right: boolean;
  /** Whether plain commands are excused, which they are only when they changed nothing. */
  excused: boolean;
  expected: readonly ExpectedCall[];
  made: readonly MadeCall[];
  answer: string;
}

/** Messages that one account says at most: more within a minute are refused. */
const MOST_SAID = 25;

/** How many conversations go on at once, each on a database of its own. */
const LANES = 3;

/** The result of each case, in order; `tell` hears of each as it is there. */
export async function evaluate(
  cases: readonly Case[],
  target: Target,
  tell: (result: Result) => void = () => {},
): Promise<Result[]> {
  // A real endpoint counts how much it is asked at once.
  const lanes = target.kind === "endpoint" ? 1 : LANES;
  const length = Math.ceil(cases.length / lanes);
  const results = await Promise.all(
    Array.from(
      { length: lanes },
      (_, lane) => inOneLane(cases.slice(lane * length, (lane + 1) * length), target, tell),
    ),
  );
  return results.flat();
}

async function inOneLane(
  cases: readonly Case[],
  target: Target,
  tell: (result: Result) => void,
): Promise<Result[]> {
  let calls: readonly ExpectedCall[] = [];
  await using stand = target.kind === "scripted"
    ? startScriptedOpenAi(({ messages }) => {
      const asked = messages.findLastIndex(({ role }) => role === "user");
      const answered = messages.slice(asked).some(({ role }) => role === "tool");
      if (answered || calls.length === 0) {
        return { text: `I am a script. You said: ${contentOf(messages[asked])}` };
      }
      return {
        calls: calls.map(({ tool, args }) => ({ name: tool, args: literal(args) as MadeCall["args"] })),
      };
    })
    : null;
  const endpoint = target.kind === "endpoint"
    ? target.endpoint
    : stand === null
    ? undefined
    : { baseUrl: stand.baseUrl, model: "scripted" };
  const made: MadeCall[] = [];
  await using assistant = await testAssistant({
    api: { clock: createFakeClock(NOW) },
    endpoint,
    observe: (call) => void made.push(call),
  });
  const results: Result[] = [];
  let known: { person: TestClient; ids: ReadonlyMap<string, string>; said: number } | null = null;
  for (const { says, calls: expected, beyondGrammar = false } of cases) {
    if (known === null || known.said >= MOST_SAID) {
      const person = await assistant.api.signUp();
      known = { person, ids: await furnish(person), said: 0 };
    }
    const { person, ids } = known;
    known.said++;
    calls = resolve(expected, ids) as readonly ExpectedCall[];
    made.length = 0;
    const { turn } = await assistant.say(person, says);
    // Whoever has everything as it was can say the next thing, too.
    if (turn.changed > 0) {
      const { status } = await person.call("POST", "/api/undo", { causationId: turn.id });
      if (status !== 200) known = null;
    }
    const right = isRight(calls, made);
    const excused = !right && target.kind === "commands" && beyondGrammar && isRight([], made);
    const result = { says, right, excused, expected: calls, made: [...made], answer: turn.answer };
    results.push(result);
    tell(result);
  }
  return results;
}

const LABELS = {
  commands: "plain commands, for real",
  scripted: "scripted stand-in, plumbing only",
  endpoint: "language model",
} as const;

/** The score in one line. */
export function scoreOf({ kind }: Target, results: readonly Result[]): string {
  const right = results.filter((result) => result.right).length;
  const excused = results.filter((result) => result.excused).length;
  const percent = (100 * right / results.length).toFixed(1);
  const rest = excused === 0 ? "" : `; ${excused} take a language model and changed nothing`;
  return `${kind}: ${right} of ${results.length} right, ${percent} %${rest} (${LABELS[kind]})`;
}

/** Gives a person what the cases are about; ids by `$Title` and `@List`. */
async function furnish(person: TestClient): Promise<ReadonlyMap<string, string>> {
  const ids = new Map<string, string>();
  await person.call("PATCH", "/api/me", { timeZone: ZONE });
  for (const name of LISTS) ids.set(`@${name}`, (await person.call("POST", "/api/lists", { name })).body.id);
  const [inbox] = (await person.call("GET", "/api/lists")).body.items;
  ids.set("@Inbox", inbox.id);
  const { body } = await person.call("POST", "/api/tasks/bulk", { create: resolve(TASKS, ids) });
  for (const { title, id } of body.created) ids.set(`$${title}`, id);
  await person.call("POST", "/api/tasks/bulk", {
    complete: resolve(COMPLETED.map((title) => `$${title}`), ids),
    delete: resolve(TRASHED.map((title) => `$${title}`), ids),
  });
  return ids;
}

/** The value with ids in the place of names. */
function resolve(value: unknown, ids: ReadonlyMap<string, string>): unknown {
  if (typeof value === "string") return ids.get(value) ?? value;
  if (Array.isArray(value)) return value.map((each) => resolve(each, ids));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, resolve(each, ids)]));
}

/** Expected arguments as a script can send them. */
function literal(value: unknown): unknown {
  if (typeof value === "string") return value.replace(/^~/, "");
  if (Array.isArray(value)) return value.map(literal);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, literal(each)]));
}
