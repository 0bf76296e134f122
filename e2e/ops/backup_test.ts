/** A backup of a Rondo in use becomes a Rondo again, on a real PostgreSQL with PostgreSQL's own programs. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { backup, restore } from "../../deploy/backup.ts";
import { freePorts, LOOPBACK } from "../../deploy/local/ports.ts";
import { smoke } from "../../deploy/smoke.ts";
import { StartError } from "../../services/shared/host/config.ts";
import { connect } from "../../services/shared/store/database.ts";
import { call } from "../support/client.ts";
import { startRondo, waitFor } from "../support/rondo.ts";

const report = () => {};

Deno.test("a backup under work restores accounts, tasks, history and the audit chain; what it has not is missing", async () => {
  await using server = await startServer();
  const file = join(server.folder, "rondo.dump");
  const secret = crypto.randomUUID();
  const env = (database: string) => ({ DATABASE_URL: server.url(database), RONDO_SECRET: secret });
  await server.createDatabase("rondo");
  await using rondo = await startRondo({ env: env("rondo") });
  await smoke(rondo.origin, { report });
  const ada = await rondo.signUp();
  const made = await ada.call<{ id: string }>("POST", "/api/tasks", {
    ...{ title: "Before the backup", due: { date: "2027-01-31" }, recurrence: "monthly" },
  });
  await ada.call("POST", `/api/tasks/${made.body.id}/complete`, {});
  const tasks = async (origin: string) =>
    (await call<{ items: { title: string; occurrence: number }[] }>(origin, "GET", "/api/tasks", undefined, {
      cookie: ada.cookie,
    })).body.items;
  const verified = async (origin: string) =>
    (await call<{ ok: boolean; checked: number }>(origin, "GET", "/api/audit/verify", undefined, {
      cookie: ada.cookie,
    })).body;
  await waitFor(async () => (await tasks(rondo.origin)).some(({ occurrence }) => occurrence === 2), 60_000);
  await waitFor(async () => (await verified(rondo.origin)).checked >= 3, 60_000);
  const { checked } = await verified(rondo.origin);
  await backup({ databaseUrl: server.url("rondo"), file, report, programs: server.programs });
  await ada.call("POST", "/api/tasks", { title: "After the backup" });
  await rondo.stop();

  await server.createDatabase("restored");
  await restore({ databaseUrl: server.url("restored"), file, report, programs: server.programs });
  await assert.rejects(
    restore({ databaseUrl: server.url("restored"), file, report, programs: server.programs }),
    StartError,
  );
  await using again = await startRondo({ env: env("restored") });
  const items = await tasks(again.origin);
  assert.deepEqual(items.map(({ title, occurrence }) => [title, occurrence]), [["Before the backup", 2]]);
  const chain = await verified(again.origin);
  assert.ok(chain.ok && chain.checked >= checked, JSON.stringify(chain));
  const { body } = await ada.call<{ items: unknown[] }>(
    "GET",
    `${again.origin}/api/tasks/${made.body.id}/history`,
  );
  assert.ok(body.items.length >= 2);
  // Every part still works on it, and each role may do what it has to.
  await smoke(again.origin, { report });
});

Deno.test("smoke() says what does not work", async () => {
  const [port = 0] = freePorts(1);
  await assert.rejects(smoke(`http://${LOOPBACK}:${port}`, { report }), /was not answered/);
  await using other = Deno.serve(
    { hostname: LOOPBACK, port: 0, onListen: () => {} },
    () => new Response("hello"),
  );
  await assert.rejects(smoke(`http://${LOOPBACK}:${other.addr.port}`, { report }), /does not show Rondo/);
});

/** The newest PostgreSQL that the system has, with a cluster of its own. */
async function startServer() {
  const bin = await programsOf();
  const folder = await Deno.makeTempDir({ prefix: "rondo-backup-" });
  await Deno.chmod(folder, 0o777);
  const data = join(folder, "data");
  const [port = 0] = freePorts(1);
  // PostgreSQL refuses to run as root.
  const as = Deno.uid() === 0 ? ["runuser", "-u", "postgres", "--"] : [];
  const run = async (...args: string[]) => {
    const [command = "", ...rest] = [...as, ...args];
    const { success, stderr } = await new Deno.Command(command, { args: rest, stdout: "null", cwd: folder })
      .output();
    assert.ok(success, new TextDecoder().decode(stderr));
  };
  await run(
    join(bin, "initdb"),
    "--auth=trust",
    "--username=postgres",
    "--encoding=UTF8",
    "--locale=C.UTF-8",
    data,
  );
  const options = `-c port=${port} -c listen_addresses=${LOOPBACK} -c unix_socket_directories=${folder}`;
  await run(
    join(bin, "pg_ctl"),
    "--pgdata",
    data,
    "--wait",
    "-l",
    join(folder, "log"),
    "-o",
    options,
    "start",
  );
  const url = (database: string) => `postgres://postgres:none@${LOOPBACK}:${port}/${database}`;
  return {
    folder,
    url,
    programs: { dump: join(bin, "pg_dump"), restore: join(bin, "pg_restore") },
    async createDatabase(name: string) {
      const sql = connect({ url: url("postgres"), name: "test", max: 1 });
      await sql`create database ${sql(name)}`;
      await sql.end();
    },
    async [Symbol.asyncDispose]() {
      await run(join(bin, "pg_ctl"), "--pgdata", data, "--wait", "--mode", "immediate", "stop");
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/** Debian's PostgreSQL, installed when it is missing; `PG_BIN` names another's folder of programs. */
async function programsOf(): Promise<string> {
  const given = Deno.env.get("PG_BIN");
  if (given !== undefined) return given;
  const found = () => {
    try {
      return [...Deno.readDirSync("/usr/lib/postgresql")].map(({ name }) => name).sort((a, b) =>
        Number(b) - Number(a)
      );
    } catch {
      return [];
    }
  };
  if (found().length === 0 && Deno.uid() === 0) {
    await new Deno.Command("apt-get", { args: ["install", "-y", "--no-install-recommends", "postgresql"] })
      .output();
  }
  const [newest] = found();
  assert.ok(
    newest !== undefined,
    "install PostgreSQL 15 or newer, or set PG_BIN to the folder of its programs",
  );
  return `/usr/lib/postgresql/${newest}/bin`;
}
