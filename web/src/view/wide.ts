/** The views that take the whole width, in one piece. */
export { BoardView } from "./board.tsx";
export { CalendarView } from "./calendar.tsx";
