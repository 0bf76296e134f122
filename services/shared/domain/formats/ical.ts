/** iCalendar (RFC 5545): import of VTODO, export as VTODO, and a feed. */
export { parseICal } from "./ical_read.ts";
export { formatICal } from "./ical_write.ts";
export { type FeedOptions, type FeedTask, formatFeed } from "./ical_feed.ts";
