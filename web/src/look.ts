/** Runs before the first paint: the look of the last visit, so that dark does not begin with a white flash. */
try {
  const look = JSON.parse(localStorage.getItem("rondo.look") ?? "{}") as {
    theme?: unknown;
    density?: unknown;
  };
  const { dataset } = document.documentElement;
  if (look.theme === "light" || look.theme === "dark") dataset.theme = look.theme;
  if (look.density === "compact") dataset.density = "compact";
} catch {
  // Without storage the system's theme is the best guess.
}
