/** How soon a change is in another tab, and what many open tabs cost. */
import { type Client, residentMb, type RunningRondo, waitFor } from "../support/rondo.ts";
import { pause, percentiles, processorSeconds } from "./measure.ts";

type Spread = ReturnType<typeof percentiles>;

export interface ChangeFigure {
  changes: number;
  /** Milliseconds from sending the change to its event in another stream, and from its answer. */
  fromSending: Spread;
  fromAnswer: Spread;
}

export interface StreamsFigure {
  streams: number;
  users: number;
  changes: number;
  deliveries: number;
  fromSending: Spread;
  rssBeforeMb: number;
  rssAfterMb: number;
  kilobytesPerStream: number;
  /** Share of one core that Rondo's process had while changes were made. */
  processor: number;
}

interface Tab extends Disposable {
  readonly ready: boolean;
}

/** Opens a stream; `seen` is called for every change with the moment it came. */
function openTab(client: Client, seen: (seq: number, at: number) => void): Tab {
  const closing = new AbortController();
  let ready = false;
  void (async () => {
    const response = await fetch(new URL("/api/stream", client.origin), {
      headers: { cookie: client.cookie },
      signal: closing.signal,
    });
    if (response.body === null || response.status !== 200) {
      throw new Error(`a stream answered ${response.status}`);
    }
    let text = "";
    for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
      const at = performance.now();
      const blocks = (text + chunk).split("\n\n");
      text = blocks.pop() ?? "";
      for (const block of blocks) {
        if (/^event: ?ready$/m.test(block)) ready = true;
        else if (/^event: ?change$/m.test(block)) seen(Number(/^id: ?(\d+)$/m.exec(block)?.[1]), at);
      }
    }
  })().catch((cause) => {
    if (!closing.signal.aborted) throw cause;
  });
  return {
    get ready() {
      return ready;
    },
    // Not awaited: a thousand streams that are ended one after the other take minutes to say so.
    [Symbol.dispose]: () => closing.abort(),
  };
}

/** One change after the other on a system that does nothing else. */
export async function measureChange(rondo: RunningRondo, changes: number): Promise<ChangeFigure> {
  const client = await rondo.signUp();
  const arrived = new Map<number, number>();
  using tab = openTab(client, (seq, at) => arrived.set(seq, at));
  await waitFor(() => tab.ready, 10_000);
  const made = await client.call<{ id: string }>("POST", "/api/tasks", { title: "Water the plants" });
  await waitFor(() => arrived.has(1), 10_000);
  const [fromSending, fromAnswer]: [number[], number[]] = [[], []];
  for (let seq = 2; seq < changes + 2; seq++) {
    const sent = performance.now();
    await client.call("PATCH", `/api/tasks/${made.body.id}`, { title: `Water the plants, ${seq}` });
    const answered = performance.now();
    await waitFor(() => arrived.has(seq), 10_000);
    const at = arrived.get(seq) ?? NaN;
    fromSending.push(at - sent);
    fromAnswer.push(at - answered);
    await pause(20 + Math.random() * 30);
  }
  return { changes, fromSending: percentiles(fromSending), fromAnswer: percentiles(fromAnswer) };
}

export interface StreamsOptions {
  users: readonly Client[];
  streamsPerUser: number;
  changesPerSecond: number;
  seconds: number;
}

/** Many open tabs, and a few changes per second among their users. @param pid of the process that holds the streams */
export async function measureStreams(pid: number, options: StreamsOptions): Promise<StreamsFigure> {
  const { users, streamsPerUser, changesPerSecond, seconds } = options;
  const tasks: string[] = [];
  for (const client of users) {
    const made = await client.call<{ id: string }>("POST", "/api/tasks", { title: "Water the plants" });
    tasks.push(made.body.id);
  }
  await pause(2_000);
  const rssBeforeMb = await residentMb(pid);
  using tabs = new DisposableStack();
  /** When each user's running change was sent. */
  const sentAt = new Map<Client, number>();
  const latencies: number[] = [];
  for (const client of users) {
    const opened = Array.from({ length: streamsPerUser }, () =>
      tabs.use(openTab(client, (_, at) => {
        const sent = sentAt.get(client);
        if (sent !== undefined) latencies.push(at - sent);
      })));
    await waitFor(() => opened.every(({ ready }) => ready), 30_000);
  }
  console.log(`  ${users.length * streamsPerUser} streams are open`);
  await pause(2_000);
  const rssOpenMb = await residentMb(pid);
  const [began, processorBefore] = [performance.now(), await processorSeconds(pid)];
  let changes = 0;
  while (performance.now() - began < seconds * 1_000) {
    const due = began + (changes * 1_000) / changesPerSecond;
    await pause(Math.max(0, due - performance.now()));
    const at = changes % users.length;
    const client = users[at];
    if (client === undefined) break;
    sentAt.set(client, performance.now());
    changes += 1;
    await client.call("PATCH", `/api/tasks/${tasks[at]}`, { title: `Water the plants, ${changes}` });
  }
  const wall = (performance.now() - began) / 1_000;
  const processor = (await processorSeconds(pid) - processorBefore) / wall;
  await waitFor(() => latencies.length >= changes * streamsPerUser, 10_000).catch(() => {});
  const streams = users.length * streamsPerUser;
  console.log(`  ${changes} changes, ${latencies.length} deliveries`);
  return {
    streams,
    users: users.length,
    changes,
    deliveries: latencies.length,
    fromSending: percentiles(latencies),
    rssBeforeMb,
    rssAfterMb: await residentMb(pid),
    kilobytesPerStream: Math.max(0, rssOpenMb - rssBeforeMb) * 1_024 / streams,
    processor,
  };
}
