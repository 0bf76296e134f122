/** What a user of the page waits for, measured in a real browser: the first view, scrolling, and typing. */
import type { CDPSession, Page } from "playwright-core";
import { type App, type Client, eventually, live, type Tab } from "../browser/support.ts";
import { percentiles } from "./measure.ts";

type Spread = ReturnType<typeof percentiles>;

export interface FirstFigure {
  visits: number;
  /** Milliseconds from the start of the navigation to the first painted row. */
  rows: Spread;
  /** Milliseconds to whatever is painted first. */
  paint: Spread;
}

export interface ScrollFigure {
  pixelsPerSecond: number;
  pixels: number;
  seconds: number;
  framesPerSecond: number;
  /** Milliseconds between frames. */
  frames: Spread & { longest: number };
  /** Share of frames that came later than one and a half of 60 Hz. */
  late: number;
  /** Tasks of the main thread of 50 ms or more. */
  longTasks: number;
  /** Share of frames in which a place in the window had no row. */
  blank: number;
  /** The most rows that were in the document at once. */
  mostRows: number;
  /** Milliseconds of the main thread's own time for one frame. */
  workPerFrame: number;
}

export interface TypingFigure {
  keys: number;
  /** Milliseconds of the main thread for one key: its handlers, drawing, and what it started later. */
  work: Spread & { longest: number };
  /** Milliseconds from the key to the next paint, as the Event Timing API rounds them (to 8). */
  toPaint: Spread & { longest: number };
  longTasks: number;
}

const FRAME_MS = 1_000 / 60;

/** Opens the page again and again in a browser that holds the tasks, with the network or (`offline`) without. */
export async function measureFirstView(
  tab: Tab,
  { visits, offline, path }: { visits: number; offline: boolean; path: string },
): Promise<FirstFigure> {
  const rows: number[] = [];
  const paints: number[] = [];
  await tab.context.setOffline(offline);
  for (let visit = 0; visit <= visits; visit++) {
    const page = await tab.context.newPage();
    await page.addInitScript(() => {
      const seen: { rows?: number } = {};
      Object.assign(globalThis, { seen });
      new MutationObserver((_, observer) => {
        if (document.querySelector("main .row") === null) return;
        observer.disconnect();
        // A task after the frame begins when the frame has been handed on.
        requestAnimationFrame(() => {
          const { port1, port2 } = new MessageChannel();
          port1.onmessage = () => seen.rows = performance.now();
          port2.postMessage(null);
        });
      }).observe(document, { childList: true, subtree: true });
    });
    await page.goto(path);
    const read = () =>
      page.evaluate(() => ({
        rows: (globalThis as unknown as { seen: { rows?: number } }).seen.rows ?? 0,
        paint: performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0,
      }));
    await eventually(async () => (await read()).rows > 0, true, 120_000);
    const { rows: row, paint } = await read();
    if (!offline) await live(page);
    await page.close();
    // The first visit fills the caches of the browser itself.
    if (visit === 0) continue;
    rows.push(row);
    paints.push(paint);
  }
  await tab.context.setOffline(false);
  return { visits, rows: percentiles(rows), paint: percentiles(paints) };
}

interface Recorded {
  frames: number[];
  longTasks: number;
  blank: number;
  mostRows: number;
  events: { id: number; name: string; duration: number }[];
  running: boolean;
}

/** Counts frames, long tasks and slow events from now on. */
async function record(page: Page, withFrames: boolean): Promise<void> {
  await page.evaluate((withFrames) => {
    const record: Recorded = { frames: [], longTasks: 0, blank: 0, mostRows: 0, events: [], running: true };
    Object.assign(globalThis, { record });
    new PerformanceObserver((list) => record.longTasks += list.getEntries().length)
      .observe({ type: "longtask" });
    const events = { type: "event", durationThreshold: 16 } as PerformanceObserverInit;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) {
        const { interactionId = 0 } = entry as PerformanceEntry & { interactionId?: number };
        record.events.push({ id: interactionId, name: entry.name, duration: entry.duration });
      }
    }).observe(events);
    if (!withFrames) return;
    const places = [0.3, 0.5, 0.7, 0.9];
    const look = (at: number) => {
      if (!record.running) return;
      record.frames.push(at);
      const rows = document.querySelectorAll("main .row").length;
      record.mostRows = Math.max(record.mostRows, rows);
      const main = document.querySelector("main .sections");
      const box = main?.getBoundingClientRect();
      const empty = (part: number) => {
        const y = innerHeight * part;
        if (box === undefined || y < box.top || y > box.bottom - 60) return false;
        return document.elementFromPoint(box.left + box.width / 2, y)?.closest(".row, .section-heading") ===
          null;
      };
      if (places.some(empty)) record.blank += 1;
      requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  }, withFrames);
}

const recorded = (page: Page): Promise<Recorded> =>
  page.evaluate(() => {
    const { record } = globalThis as unknown as { record: Recorded };
    record.running = false;
    return record;
  });

/** Scrolls as fingers and wheels do, through the browser's own input. */
export async function measureScroll(
  page: Page,
  { pixelsPerSecond, seconds }: { pixelsPerSecond: number; seconds: number },
): Promise<ScrollFigure> {
  const session = await page.context().newCDPSession(page);
  await page.evaluate(() => scrollTo(0, 0));
  await page.mouse.move(700, 500);
  const from = await page.evaluate(() => scrollY);
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  await record(page, true);
  const before = await mainThreadMs(session);
  const began = performance.now();
  await session.send("Input.synthesizeScrollGesture", {
    ...{ x: 700, y: 500, yDistance: -pixelsPerSecond * seconds, speed: pixelsPerSecond },
    ...{ gestureSourceType: "mouse", preventFling: true },
  });
  const took = (performance.now() - began) / 1_000;
  const work = await mainThreadMs(session) - before;
  const { frames, longTasks, blank, mostRows } = await recorded(page);
  const pixels = await page.evaluate(() => scrollY) - from;
  await session.detach();
  const gaps = frames.slice(1).map((at, index) => at - (frames[index] ?? at));
  return {
    ...{ pixelsPerSecond, pixels: Math.round(pixels), seconds: took, longTasks, mostRows },
    framesPerSecond: gaps.length / (gaps.reduce((sum, gap) => sum + gap, 0) / 1_000),
    frames: { ...percentiles(gaps), longest: Math.max(...gaps) },
    late: gaps.filter((gap) => gap > FRAME_MS * 1.5).length / gaps.length,
    blank: blank / frames.length,
    workPerFrame: work / frames.length,
  };
}

async function mainThreadMs(session: CDPSession): Promise<number> {
  const { metrics } = await session.send("Performance.getMetrics");
  return (metrics.find(({ name }) => name === "TaskDuration")?.value ?? 0) * 1_000;
}

/** Types `text` key by key into what has the focus; each key has `pauseMs` to show what it means. */
export async function measureTyping(
  page: Page,
  { text, pauseMs }: { text: string; pauseMs: number },
): Promise<TypingFigure> {
  const session = await page.context().newCDPSession(page);
  // Time of the thread itself: what other processes take on a busy machine is not counted.
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  await record(page, false);
  const work: number[] = [];
  // What goes on in any case, of which asking is a part, is taken off.
  const idle: number[] = [];
  for (let turn = 0; turn < 5; turn++) {
    const before = await mainThreadMs(session);
    await page.waitForTimeout(pauseMs);
    idle.push(await mainThreadMs(session) - before);
  }
  const rest = percentiles(idle).p50;
  for (const key of text) {
    const before = await mainThreadMs(session);
    await page.keyboard.press(key === " " ? "Space" : key);
    await page.waitForTimeout(pauseMs);
    work.push(Math.max(0, await mainThreadMs(session) - before - rest));
  }
  const { events, longTasks } = await recorded(page);
  await session.detach();
  const slow = new Map<number, number>();
  for (const { id, name, duration } of events) {
    if (id === 0 || !name.startsWith("key")) continue;
    slow.set(id, Math.max(slow.get(id) ?? 0, duration));
  }
  // Interactions that took less than the least that the API tells are not told.
  const quick = Array.from({ length: Math.max(0, text.length - slow.size) }, () => 8);
  const all = [...slow.values(), ...quick];
  return {
    ...{ keys: text.length, longTasks },
    work: { ...percentiles(work), longest: Math.max(...work) },
    toPaint: { ...percentiles(all), longest: Math.max(...all) },
  };
}

/** A tab of an account whose tasks are all in the browser's copy, with the worker of the installed application. */
export async function filledTab(app: App, client: Client, tasks: number): Promise<Tab> {
  const tab = await app.tab(client, { serviceWorkers: "allow", patienceMs: 120_000 });
  const { page } = tab;
  const kept = () =>
    page.evaluate(async () => {
      const [{ name = "" } = {}] = (await indexedDB.databases()).filter(({ name }) =>
        name?.startsWith("rondo-")
      );
      const asked = <T>(request: IDBRequest<T>) =>
        new Promise<T>((resolve, reject) => {
          request.onsuccess = () => resolve(request.result);
          request.onerror = () => reject(request.error);
        });
      const db = await asked(indexedDB.open(name));
      const store = db.transaction("tasks").objectStore("tasks");
      const count = await asked(store.count());
      db.close();
      return count;
    });
  await eventually(async () => await kept() >= tasks, true, 120_000);
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => {}));
  return tab;
}
