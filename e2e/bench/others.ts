/** Import of a large file, and start-up. */
import { fileURLToPath } from "node:url";
import { follow } from "../support/follow.ts";
import { openDatabase, type RunningRondo, startRondo, temporaryFolder, waitFor } from "../support/rondo.ts";
import { median } from "./measure.ts";

const SAMPLE = fileURLToPath(
  new URL("../../services/shared/domain/formats/samples/todo.txt", import.meta.url),
);

export interface ImportFigure {
  lines: number;
  imported: number;
  /** Seconds from sending the file to its answer, the last change in a stream, and the last line of the audit log. */
  answered: number;
  streamed: number;
  audited: number;
}

export async function measureImport(rondo: RunningRondo): Promise<ImportFigure> {
  const text = await Deno.readTextFile(SAMPLE);
  const client = await rondo.signUp();
  await using admin = await openDatabase(rondo.dataDir);
  await using tab = follow(client);
  await waitFor(() => tab.open, 10_000);
  const began = performance.now();
  const seconds = () => (performance.now() - began) / 1_000;
  const answer = await client.call<{ imported: number }>("POST", "/api/import?format=todotxt", text, {
    timeoutMs: 120_000,
  });
  if (answer.status !== 200) throw new Error(`the import answered ${answer.status}`);
  const answered = seconds();
  const [{ seq = 0 } = {}] = await admin<{ seq: number }[]>`
    select seq from tasks.streams where user_id = ${client.id}`;
  const [streamed, audited] = await Promise.all([
    waitFor(() => tab.lastId >= seq, 120_000).then(seconds),
    waitFor(async () => {
      const [row] = await admin<{ written: number }[]>`
        select count(*) as written from audit.entries
        where user_id = ${client.id} and (type like 'task.%' or type like 'list.%')`;
      return (row?.written ?? 0) >= seq;
    }, 180_000).then(seconds),
  ]);
  return {
    lines: text.trimEnd().split("\n").length,
    imported: answer.body.imported,
    ...{ answered, streamed, audited },
  };
}

export interface StartFigure {
  /** Seconds to `/ready`. */
  first: number;
  later: number;
  starts: { first: number; later: number };
}

/** Starts on fresh folders, and again on one that has been used. */
export async function measureStarts(starts: { first: number; later: number }): Promise<StartFigure> {
  const [first, later]: [number[], number[]] = [[], []];
  for (let round = 0; round < starts.first; round++) {
    await using rondo = await startRondo();
    first.push(rondo.readyMs / 1_000);
  }
  await using folder = temporaryFolder();
  for (let round = 0; round <= starts.later; round++) {
    await using rondo = await startRondo({ dataDir: folder.path });
    if (round > 0) later.push(rondo.readyMs / 1_000);
  }
  return { first: median(first), later: median(later), starts };
}
