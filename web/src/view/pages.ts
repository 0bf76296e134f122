/** The views that are not tasks, in one piece: small alone, better compressed together. */
export { Auth } from "./auth.tsx";
export { NotificationsView } from "./notifications.tsx";
export { SettingsView } from "./settings.tsx";
export { UnsavedView } from "./unsaved.tsx";
