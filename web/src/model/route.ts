/** The address is the state: which view, which task is open, which part of it. */
import { computed, signal } from "@preact/signals";
import type { Sort } from "./grouping.ts";

export type View =
  | {
    name:
      | "inbox"
      | "today"
      | "upcoming"
      | "completed"
      | "trash"
      | "notifications"
      | "settings"
      | "not-saved"
      | "chat";
  }
  | { name: "activity" | "reminders" }
  | { name: "list"; listId: string }
  | { name: "tag"; tag: string }
  | { name: "search"; q: string }
  /** A saved filter, or none; `q` is a query that is being written and not saved. */
  | { name: "filter"; filterId: string | null; q: string | null }
  | { name: "board"; by: BoardBy }
  /** `on` is a day `YYYY-MM-DD` of the month or week, null for today. */
  | { name: "calendar"; span: Span; on: string | null }
  | { name: "sign-in" | "sign-up" | "not-found" };

export type BoardBy = "list" | "priority" | "tag";
export type Span = "month" | "week";
export type Panel = "activity" | "reminders";

export interface Route {
  view: View;
  taskId: string | null;
  panel: Panel | null;
  sort: Sort | null;
}

const PLAIN = [
  "inbox",
  "today",
  "upcoming",
  "completed",
  "trash",
  "notifications",
  "activity",
  "reminders",
  "settings",
  "not-saved",
  "chat",
  "sign-in",
  "sign-up",
] as const;
const SORTS: readonly string[] = ["manual", "due", "priority", "title"];
const PANELS: readonly string[] = ["activity", "reminders"];

/** Reads an address; unknown ones are `not-found`, `/` is the Inbox. */
export function parseRoute(url: URL): Route {
  const taskId = linkedTask(url) ?? url.searchParams.get("task");
  const panel = url.searchParams.get("panel");
  const sort = url.searchParams.get("sort");
  return {
    view: parseView(url),
    taskId,
    panel: taskId !== null && panel !== null && PANELS.includes(panel) ? panel as Panel : null,
    sort: sort !== null && SORTS.includes(sort) ? sort as Sort : null,
  };
}

/** `/task/<id>`: how messages name a task, wherever it is by then. */
function linkedTask(url: URL): string | null {
  const [, id] = /^\/task\/([^/]+)\/?$/.exec(url.pathname) ?? [];
  return id === undefined ? null : decode(id);
}

function parseView(url: URL): View {
  if (linkedTask(url) !== null) return { name: "inbox" };
  const [first = "", second, ...rest] = url.pathname.split("/").filter((part) => part !== "");
  if (rest.length > 0) return { name: "not-found" };
  const argument = second === undefined ? null : decode(second);
  if (first === "list" && argument !== null) return { name: "list", listId: argument };
  if (first === "filter") return { name: "filter", filterId: argument, q: url.searchParams.get("q") };
  if (first === "tag" && argument !== null) return { name: "tag", tag: argument };
  if (second !== undefined) return { name: "not-found" };
  if (first === "") return { name: "inbox" };
  if (first === "search") return { name: "search", q: url.searchParams.get("q") ?? "" };
  if (first === "board") {
    const by = url.searchParams.get("by");
    return { name: "board", by: by === "priority" || by === "tag" ? by : "list" };
  }
  if (first === "calendar") {
    const on = url.searchParams.get("on");
    const known = on !== null && /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/.test(on);
    return {
      name: "calendar",
      span: url.searchParams.get("span") === "week" ? "week" : "month",
      on: known ? on : null,
    };
  }
  const plain = PLAIN.find((name) => name === first);
  return plain === undefined ? { name: "not-found" } : { name: plain };
}

function decode(part: string): string | null {
  try {
    return decodeURIComponent(part);
  } catch {
    return null;
  }
}

/** The address of a view, with a task open when one is given. */
export function viewUrl(view: View, options: Partial<Omit<Route, "view">> = {}): string {
  const search = new URLSearchParams();
  if (view.name === "search" && view.q !== "") search.set("q", view.q);
  if (view.name === "filter" && view.q !== null) search.set("q", view.q);
  if (view.name === "board" && view.by !== "list") search.set("by", view.by);
  if (view.name === "calendar" && view.span !== "month") search.set("span", view.span);
  if (view.name === "calendar" && view.on !== null) search.set("on", view.on);
  if (options.sort) search.set("sort", options.sort);
  if (options.taskId) search.set("task", options.taskId);
  if (options.taskId && options.panel) search.set("panel", options.panel);
  const text = search.toString();
  return viewPath(view) + (text === "" ? "" : `?${text}`);
}

function viewPath(view: View): string {
  switch (view.name) {
    case "list":
      return `/list/${encodeURIComponent(view.listId)}`;
    case "tag":
      return `/tag/${encodeURIComponent(view.tag)}`;
    case "filter":
      return view.filterId === null ? "/filter" : `/filter/${encodeURIComponent(view.filterId)}`;
    case "not-found":
      return "/not-found";
    default:
      return `/${view.name}`;
  }
}

/** The address of the sign-in view that leads back to `from` afterwards. */
export const signInUrl = (from: string): string =>
  from === "/inbox" ? "/sign-in" : `/sign-in?${new URLSearchParams({ next: from })}`;

/** Where signing in at `url` leads: an address of this application, whatever the link says. */
export function afterSignIn(url: URL): string {
  const next = url.searchParams.get("next");
  const wanted = next === null ? null : URL.parse(next, url.origin);
  if (wanted === null || wanted.origin !== url.origin) return "/inbox";
  const { name } = parseView(wanted);
  return name === "sign-in" || name === "sign-up" ? "/inbox" : wanted.pathname + wanted.search;
}

/** Two addresses of one view differ at most in what is open beside it. */
export const viewKey = (view: View) => viewPath(view);

/** What the browser offers; injected, so that the model stays free of the DOM. */
export interface History {
  read(): URL;
  push(url: string): void;
  replace(url: string): void;
  listen(changed: () => void): void;
}

export function createRouter(history: History) {
  const route = signal(parseRoute(history.read()));
  const update = () => {
    route.value = parseRoute(history.read());
  };
  history.listen(update);

  function go(url: string, options: { replace?: boolean } = {}): void {
    if (options.replace) history.replace(url);
    else history.push(url);
    update();
  }

  return {
    route: computed(() => route.value),
    view: computed(() => route.value.view, { name: "view" }),
    viewKey: computed(() => viewKey(route.value.view)),
    taskId: computed(() => route.value.taskId),
    panel: computed(() => route.value.panel),
    go,
    goView: (view: View) => go(viewUrl(view)),
    /** Opens a task beside the view; from one open task to the next "back" still means the view. */
    openTask(taskId: string, panel: Panel | null = null): void {
      const { view, sort, taskId: open } = route.value;
      go(viewUrl(view, { sort, taskId, panel }), { replace: open !== null });
    },
    closeTask(): void {
      const { view, sort, taskId } = route.value;
      if (taskId !== null) go(viewUrl(view, { sort }));
    },
    setSort(sort: Sort | null): void {
      const { view, taskId, panel } = route.value;
      go(viewUrl(view, { sort, taskId, panel }), { replace: true });
    },
    /** Shows another side of the view on screen: its filter, its columns, its days. */
    setView(view: View): void {
      const { taskId, panel, sort } = route.value;
      go(viewUrl(view, { taskId, panel, sort }), { replace: true });
    },
    setQuery(q: string): void {
      go(viewUrl({ name: "search", q }), { replace: route.value.view.name === "search" });
    },
  };
}
export type Router = ReturnType<typeof createRouter>;
