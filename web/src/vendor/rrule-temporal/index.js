// The library does not say that it is free of side effects. It is, and saying so lets the bundle leave out its
// 52 kB where only the describing half of the recurrence rules is used.
export { RRuleTemporal } from "../../../../node_modules/rrule-temporal/dist/index.js";
