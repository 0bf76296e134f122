/** What a push message says, whatever came. Pure. */

export interface Notice {
  title: string;
  body: string;
  /** A notice with the same tag takes the place of the one before: a message that came twice shows once. */
  tag: string;
  /** An address of this application. */
  url: string;
  timestamp: number | undefined;
}

const text = (value: unknown): string | undefined => typeof value === "string" ? value : undefined;

/** Reads a message of the notifications service. */
export function noticeOf(data: { json(): unknown } | null): Notice {
  let message: Record<string, unknown> = {};
  try {
    const value = data?.json();
    if (typeof value === "object" && value !== null) message = value as Record<string, unknown>;
  } catch {
    // Not of ours: what follows is what can be said about it.
  }
  const url = text(message.url) ?? "";
  const at = Number.isFinite(message.timestamp) ? Number(message.timestamp) : undefined;
  return {
    title: text(message.title) ?? "Rondo",
    body: text(message.body) ?? "Something is due. Open Rondo to see it.",
    tag: text(message.id) ?? "rondo",
    // A path of this origin, and nothing that only looks like one.
    url: /^\/(?![/\\])/.test(url) ? url : "/notifications",
    timestamp: at,
  };
}
