/**
 * Draws the icons of the installed application from `src/icon.svg` with a Chromium, into `src/icons`. The pictures
 * are kept with the sources: run this when the mark changes.
 *
 *   deno run -A web/icons.ts
 */
import { chromium } from "playwright-core";
import { chromium as findChromium } from "../.ci/chromium.ts";

const web = new URL("./", import.meta.url);
/** What a system may cut off a maskable icon lies outside of a circle of 80 % (W3C App Manifest). */
const ICONS = [
  { name: "icon-192", size: 192, mark: 1 },
  { name: "icon-512", size: 512, mark: 1 },
  { name: "icon-maskable-512", size: 512, mark: 0.72 },
  { name: "badge-96", size: 96, mark: 1 },
];

const svg = await Deno.readTextFile(new URL("src/icon.svg", web));
const ground = /<rect[^>]*fill="([^"]+)"/.exec(svg)?.[1] ?? "#0f766e";
const browser = await chromium.launch({ args: ["--no-sandbox"], executablePath: await findChromium() });
for (const { name, size, mark } of ICONS) {
  const page = await browser.newPage({ viewport: { width: size, height: size } });
  const inner = Math.round(size * mark);
  const edge = (size - inner) / 2;
  await page.setContent(
    `<style>body{margin:0;background:${mark < 1 ? ground : "transparent"}}` +
      `svg{position:absolute;left:${edge}px;top:${edge}px;width:${inner}px;height:${inner}px}</style>${svg}`,
  );
  await page.screenshot({ path: new URL(`src/icons/${name}.png`, web).pathname, omitBackground: true });
  await page.close();
}
await browser.close();
