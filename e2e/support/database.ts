/** A database that is not Rondo's own, as a hosted one is given: its owner is no superuser. */
import { connect } from "../../services/shared/store/database.ts";
import { startEmbeddedPostgres } from "../../services/shared/store/embedded_postgres.ts";
import { createLog } from "../../services/shared/telemetry/log.ts";
import { temporaryFolder } from "./rondo.ts";

export interface ForeignDatabase extends AsyncDisposable {
  /** Of the owner, who may create roles and what lies in this database. */
  readonly url: string;
}

/** A server that has never seen Rondo, with one database and its owner. */
export async function foreignDatabase(): Promise<ForeignDatabase> {
  const folder = temporaryFolder();
  await Deno.mkdir(folder.path, { mode: 0o711 });
  const server = await startEmbeddedPostgres({
    dataDir: folder.path,
    log: createLog({ service: "test", level: "warn" }),
    settings: { fsync: "off", max_connections: "300" },
  });
  const admin = connect({ url: new URL("/postgres", server.url).href, name: "test", max: 1 });
  const password = crypto.randomUUID();
  await admin.unsafe(`create role ada login createrole password '${password}'`);
  await admin.unsafe("create database planner owner ada");
  await admin.end();
  return {
    url: `postgres://ada:${password}@127.0.0.1:${new URL(server.url).port}/planner`,
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}
