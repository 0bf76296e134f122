/** The local copy in IndexedDB: one database for each user, every step one transaction. */
import { type DBSchema, type IDBPDatabase, openDB } from "idb";
import type { Task } from "../api/types.ts";
import type { Operation, Refusal } from "../model/intents.ts";
import {
  answered,
  type Kept,
  type LocalCopies,
  type LocalCopy,
  memoryCopies,
  NOTHING_KEPT,
  takenBack,
} from "./copy.ts";

interface Schema extends DBSchema {
  tasks: { key: string; value: Task };
  kept: { key: keyof Kept; value: Kept[keyof Kept] };
  operations: { key: number; value: Operation; indexes: { key: string } };
  refusals: { key: string; value: Refusal };
  aliases: { key: string; value: string };
}

const VERSION = 1;
const LAST_USER = "rondo.user";
const KNOWN_USERS = "rondo.users";
/** Of what is closed only this much stays: the rest is on the server. */
const CLOSED_KEPT = { hours: 30 * 24 };

const databaseOf = (userId: string) => `rondo-${userId}`;

/** Copies in this browser's IndexedDB, or in memory when it gives none. */
export function indexedCopies(): LocalCopies {
  const fallback = memoryCopies();
  const stored = (name: string) => {
    try {
      return localStorage.getItem(name);
    } catch {
      return null;
    }
  };
  const store = (name: string, value: string | null) => {
    try {
      if (value === null) localStorage.removeItem(name);
      else localStorage.setItem(name, value);
    } catch {
      // Without storage every visit begins at the server.
    }
  };
  const users = () => (stored(KNOWN_USERS) ?? "").split(" ").filter((id) => id !== "");
  return {
    lastUser: () => stored(LAST_USER),
    setLastUser: (userId) => store(LAST_USER, userId),
    async open(userId) {
      try {
        const left: string[] = [];
        for (const other of users()) if (other !== userId && await leave(other)) left.push(other);
        store(KNOWN_USERS, [userId, ...left].join(" "));
        return await openCopy(userId);
      } catch {
        return await fallback.open(userId);
      }
    },
  };
}

/** Empties the copy of a user who is not here; true when changes of theirs stay, which the server never got. */
async function leave(userId: string): Promise<boolean> {
  const copy = await openCopy(userId);
  await copy.clear({ keepQueue: true });
  const { operations, refusals } = await copy.read();
  copy.close();
  if (operations.length + refusals.length > 0) return true;
  indexedDB.deleteDatabase(databaseOf(userId));
  return false;
}

async function openCopy(userId: string): Promise<LocalCopy> {
  const db: IDBPDatabase<Schema> = await openDB<Schema>(databaseOf(userId), VERSION, {
    upgrade(made) {
      made.createObjectStore("tasks", { keyPath: "id" });
      made.createObjectStore("kept");
      made.createObjectStore("operations", { keyPath: "id", autoIncrement: true })
        .createIndex("key", "key", { unique: true });
      made.createObjectStore("refusals", { keyPath: "operation.key" });
      made.createObjectStore("aliases");
    },
    // Another tab deletes or upgrades it: this one must not stand in the way.
    blocking: () => db.close(),
  });

  return {
    async read() {
      const tx = db.transaction(["tasks", "kept", "operations", "refusals", "aliases"]);
      const [tasks, names, values, operations, refusals, temporary, real] = await Promise.all([
        tx.objectStore("tasks").getAll(),
        tx.objectStore("kept").getAllKeys(),
        tx.objectStore("kept").getAll(),
        tx.objectStore("operations").getAll(),
        tx.objectStore("refusals").getAll(),
        tx.objectStore("aliases").getAllKeys(),
        tx.objectStore("aliases").getAll(),
      ]);
      const kept = Object.fromEntries(names.map((name, index) => [name, values[index]]));
      const aliases = new Map(temporary.map((id, index) => [id, real[index] ?? id]));
      return { ...NOTHING_KEPT, ...kept, tasks, operations, refusals, aliases };
    },
    async saveTasks({ tasks, forget = [], seq, upTo = 0 }) {
      const tx = db.transaction(["tasks", "kept"], "readwrite");
      const [all, kept] = [tx.objectStore("tasks"), tx.objectStore("kept")];
      const before = Temporal.Now.instant().subtract(CLOSED_KEPT).toString();
      const put = async (task: Task) => {
        const closed = task.deletedAt ?? task.completedAt;
        if (closed !== null && closed < before) return await all.delete(task.id);
        const known = await all.get(task.id);
        if (known === undefined || known.version <= task.version) await all.put(task);
      };
      const moveOn = async () => {
        const at = seq === undefined ? await kept.get("seq") : seq;
        if (typeof at === "number") await kept.put(Math.max(at, upTo), "seq");
        else if (seq === null) await kept.delete("seq");
      };
      await Promise.all([
        ...Array.from(tasks, put),
        ...Array.from(forget, (id) => all.delete(id)),
        moveOn(),
        tx.done,
      ]);
    },
    async keep(part) {
      const tx = db.transaction("kept", "readwrite");
      const entries = Object.entries(part) as [keyof Kept, Kept[keyof Kept]][];
      await Promise.all([...entries.map(([name, value]) => tx.store.put(value, name)), tx.done]);
    },
    async enqueue(operation) {
      const value = { ...operation, attempted: false };
      // The store gives the id.
      const id = await db.add("operations", value as Operation);
      return { ...value, id };
    },
    async take() {
      const tx = db.transaction("operations", "readwrite");
      const cursor = await tx.store.openCursor();
      const first = cursor?.value ?? null;
      if (first === null || first.attempted) {
        await tx.done;
        return first;
      }
      const sent = { ...first, attempted: true };
      await Promise.all([tx.store.put(sent), tx.done]);
      return sent;
    },
    waiting: async () => (await db.getAll("operations")).map(({ key }) => key),
    realId: (temporary) => db.get("aliases", temporary),
    async settle(operation, answer) {
      const { task, alias } = answered(operation, answer);
      const tx = db.transaction(["tasks", "operations", "aliases"], "readwrite");
      const tasks = tx.objectStore("tasks");
      const keepAnswer = async () => {
        if (task === null) return;
        const known = await tasks.get(task.id);
        if (known === undefined || known.version <= task.version) await tasks.put(task);
      };
      await Promise.all([
        tx.objectStore("operations").delete(operation.id),
        keepAnswer(),
        alias === null ? null : tx.objectStore("aliases").put(alias.real, alias.temporary),
        tx.done,
      ]);
    },
    async replace(operation) {
      await db.put("operations", operation);
    },
    async refuse(operation, reason) {
      const refusal: Refusal = { ...reason, operation };
      const tx = db.transaction(["operations", "refusals"], "readwrite");
      await Promise.all([
        tx.objectStore("operations").delete(operation.id),
        tx.objectStore("refusals").put(refusal),
        tx.done,
      ]);
      return refusal;
    },
    async cancel(key) {
      const tx = db.transaction("operations", "readwrite");
      const all = await tx.store.getAll();
      const gone = takenBack(all, all.find((operation) => operation.key === key));
      await Promise.all([...(gone ?? []).map(({ id }) => tx.store.delete(id)), tx.done]);
      return gone;
    },
    async dismiss(key) {
      await db.delete("refusals", key);
    },
    async clear({ keepQueue = false } = {}) {
      const names = keepQueue
        ? ["tasks", "kept"] as const
        : ["tasks", "kept", "operations", "refusals", "aliases"] as const;
      const tx = db.transaction(names, "readwrite");
      await Promise.all([...names.map((name) => tx.objectStore(name).clear()), tx.done]);
    },
    close: () => db.close(),
  };
}
