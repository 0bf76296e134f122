/** What is deployed, checked without a cluster. Needs Go, Python, kubectl, and for Strimzi's part Maven and Java 21. */
import { denoTest } from "./deno_test.ts";

const { passed, failed } = await denoTest("what is deployed", ["e2e/deploy", "deploy/checks"], {
  minutes: 15,
});
console.log(`${passed} passed, ${failed} failed`);
Deno.exit(failed === 0 ? 0 : 1);
