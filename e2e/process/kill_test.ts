/**
 * Rondo is killed at random moments while people work, its PostgreSQL once as well, and started again: what was
 * acknowledged is there once, and everything that follows from it has happened once.
 *
 * `SEED` repeats the choices of a run, `KILLS` makes it longer.
 */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { follow } from "../support/follow.ts";
import {
  type Client,
  metric,
  openDatabase,
  postmaster,
  residentMb,
  type RunningRondo,
  seeded,
  spawnService,
  startRondo,
  temporaryFolder,
  waitFor,
} from "../support/rondo.ts";
import { embeddedBroker } from "./broker_view.ts";
import { changesOf, rest, violations } from "./invariants.ts";
import { type Operation, startWorkload } from "./workload.ts";

const KILLS = Number(Deno.env.get("KILLS") ?? 6);
const SEED = Number(Deno.env.get("SEED") ?? crypto.getRandomValues(new Uint32Array(1))[0]);
const USERS = 3;
/** Milliseconds of work between two kills. */
const ROUND = { least: 700, most: 4_500 };
/** Lines of the import. */
const IMPORTED = 1_000;
const QUIET_MS = 90_000;

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

Deno.test(`SIGKILL at ${KILLS} random moments loses nothing and repeats nothing`, async () => {
  console.log(`  seed ${SEED}`);
  const random = seeded(SEED);
  await using folder = temporaryFolder();
  let rondo = await startRondo({ dataDir: folder.path });
  const { port } = rondo;
  const starts = [rondo.readyMs];
  try {
    const clients: Client[] = [];
    for (let index = 0; index < USERS; index++) clients.push(await rondo.signUp(`user ${index + 1}`));
    await using streams = new AsyncDisposableStack();
    const followers = clients.flatMap((client) => [client, client]).map((client) => ({
      client,
      follower: streams.use(follow(client)),
    }));
    const workload = startWorkload({ clients, random });
    const [importer] = clients;
    assert.ok(importer !== undefined);
    // A part of the sample: all of it takes longer than some rounds last.
    const sample = (await readFile(
      new URL("../../services/shared/domain/formats/samples/todo.txt", import.meta.url),
      "utf8",
    )).split("\n").slice(0, IMPORTED).join("\n");
    let importing: Promise<Operation> | undefined;
    const withImport = Math.floor(random() * KILLS);
    const withPostgres = Math.floor(random() * KILLS);
    for (let round = 0; round < KILLS; round++) {
      if (round === withImport) {
        importing = workload.send(importer, {
          kind: "import",
          method: "POST",
          path: "/api/import?format=todotxt",
          body: sample,
        });
        // Awaited below: a failure before that must not end the process.
        importing.catch(() => {});
      }
      await pause(ROUND.least + random() * (ROUND.most - ROUND.least));
      await kill(rondo, round === withPostgres);
      // Now and then it does not even come up before the next kill.
      if (random() < 0.4) {
        const starting = spawnService("embedded", {
          env: { RONDO_DATA_DIR: folder.path, PORT: String(port) },
        });
        await pause(random() * 1_500);
        starting.kill("SIGKILL");
        await starting.ended;
      }
      rondo = await startRondo({ dataDir: folder.path, port });
      starts.push(rondo.readyMs);
    }
    await workload.finish();
    await importing;

    await using sql = await openDatabase(folder.path);
    const broker = embeddedBroker(sql);
    const quietSince = await rest({ sql, broker }, { patienceMs: QUIET_MS });
    for (const { client, follower } of followers) {
      const { length } = await changesOf(client);
      await waitFor(() => follower.lastId === length, 20_000);
    }
    const problems = await violations(
      { sql, broker, clients, operations: workload.operations, followers },
      quietSince,
    );
    const { operations } = workload;
    const repeated = operations.filter(({ attempts }) => attempts > 1).length;
    console.log(
      `  ${operations.length} writes acknowledged, ${repeated} of them after a repeat; ` +
        `${followers.reduce((sum, { follower }) => sum + follower.connections, 0)} stream connections; ` +
        `starts ${starts.map((ms) => Math.round(ms)).join(", ")} ms; ${await residentMb(
          rondo.pid,
        )} MB resident`,
    );
    assert.equal(problems.length, 0, `seed ${SEED}\n${problems.join("\n")}`);
    await waitFor(async () => await metric(rondo.origin, "outbox_pending") === 0);
    assert.equal(await metric(rondo.origin, "dead_letters_total"), 0);
    await repeatsAnswerTheSame(operations);
  } finally {
    if (rondo.output.stderr !== "") console.log(rondo.output.stderr.slice(-5_000));
    const asked = performance.now();
    const code = await rondo.stop();
    console.log(`  stopped with ${code} in ${Math.round(performance.now() - asked)} ms`);
  }
});

/** A key gives its first answer again, now as then, and does nothing. */
async function repeatsAnswerTheSame(operations: readonly Operation[]): Promise<void> {
  const accepted = operations.filter(({ answer }) => answer !== undefined && answer.status < 300);
  for (const { client, method, path, body, key, answer } of accepted.slice(-50)) {
    const again = await client.call(method, path, body, { key });
    assert.deepEqual([again.status, again.body], [answer?.status, answer?.body], `${method} ${path} ${key}`);
    assert.equal(again.headers.get("idempotent-replayed"), "true");
  }
}

async function kill(rondo: RunningRondo, withPostgres: boolean): Promise<void> {
  if (withPostgres) {
    const { pid } = await postmaster(rondo.dataDir);
    Deno.kill(pid, "SIGKILL");
  }
  rondo.kill("SIGKILL");
  await rondo.ended;
}
