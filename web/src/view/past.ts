/** The views of what was, in one piece. */
export { ActivityView } from "./activityview.tsx";
export { LedgerView } from "./ledger.tsx";
