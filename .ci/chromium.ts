/** Chromium for the browser tests: the system's, or Debian's package, installed when it is missing. */

const CANDIDATES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** The path of a Chromium. `CHROMIUM` names another. @throws Error saying how to get one */
export async function chromium(): Promise<string> {
  const given = Deno.env.get("CHROMIUM");
  for (const path of given === undefined ? CANDIDATES : [given]) {
    if (await Deno.stat(path).then(() => true, () => false)) return path;
  }
  if (Deno.build.os === "linux" && Deno.uid() === 0) {
    console.log("Installing Chromium for the browser tests …");
    for (
      const args of [["update"], ["install", "-y", "--no-install-recommends", "chromium", "fonts-liberation"]]
    ) {
      await new Deno.Command("apt-get", { args, stdout: "null", stderr: "null" }).output();
    }
    if (await Deno.stat("/usr/bin/chromium").then(() => true, () => false)) return "/usr/bin/chromium";
  }
  throw new Error(
    "Cannot run the browser tests as there is no Chromium: install it, or set CHROMIUM to its path",
  );
}
