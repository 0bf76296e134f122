/** iCalendar (RFC 5545): import of VTODO, export as VTODO, and a feed. */
export { parseICal } from "./ical_read.ts";
export { type FeedOptions, formatFeed, formatICal } from "./ical_write.ts";
