import assert from "node:assert/strict";
import { labelOf } from "./push.ts";

Deno.test("labelOf() names the browser and its system", () => {
  const agents = {
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36":
      "Chrome on Linux",
    "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36 Edg/140.0":
      "Edge on Windows",
    "Mozilla/5.0 (Android 15; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0": "Firefox on Android",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 Version/18.0 Mobile Safari/604":
      "Safari on iPhone",
    "something else": "A browser",
  };
  for (const [agent, label] of Object.entries(agents)) assert.equal(labelOf(agent), label);
});
