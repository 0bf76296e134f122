/** The lists of what is in an image, and the file by which others build them. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { Ajv } from "ajv";
import addFormats from "ajv-formats";
import { cyclonedxSchemas, installCheckers } from "../../deploy/checks/checkers.ts";
import { KUSTOMIZE } from "../../deploy/cluster/render.ts";
import { run } from "../../deploy/images/base.ts";
import { type Image, IMAGES } from "../../deploy/images/images.ts";
import { sbomOf } from "../../deploy/images/sbom.ts";

const BAKE = join(KUSTOMIZE, "..", "deploy", "images", "docker-bake.hcl");

for (const image of IMAGES) {
  Deno.test(`the image ${image.name}: its list is CycloneDX, and names what can be in its bundle`, async () => {
    const list = await sbomOf(image);
    const valid = await validator();
    assert.ok(valid(list), JSON.stringify(valid.errors));
    const names = new Set(list.components.map(({ name }) => name));
    for (const { purl, hashes } of list.components) {
      assert.match(purl ?? "", /^pkg:npm\/(%40[\w.-]+\/)?[\w.-]+@\d+\.\d+\.\d+[\w.-]*$/);
      assert.equal(hashes?.[0]?.content.length, 128, `${purl} has no hash`);
    }
    assert.equal(names.has("playwright-core"), false, "what tests need is in no image");
    const refs = new Set(list.components.map((one) => one["bom-ref"]));
    for (const { dependsOn } of list.dependencies) {
      assert.deepEqual(dependsOn.filter((ref) => !refs.has(ref)), []);
    }
    // The same sources make the same list.
    assert.deepEqual(await sbomOf(image), list);
  });
}

Deno.test("lists differ as programs do: who sends mail has the mailer, who keeps data its client", async () => {
  const names = async (name: string) => {
    const image = IMAGES.find((one): one is Image => one.name === name);
    assert.ok(image !== undefined);
    return (await sbomOf(image)).components.map((one) => one.name);
  };
  assert.ok((await names("notifications")).includes("nodemailer"));
  assert.ok((await names("relay")).includes("postgres"));
  assert.equal((await names("relay")).includes("nodemailer"), false);
  assert.equal((await names("web")).includes("postgres"), false);
});

Deno.test("the bake file has every image for both platforms, each with its own stage", async () => {
  const { hcl2json } = await installCheckers(console.log);
  const bake = JSON.parse(await run(hcl2json, [BAKE])) as {
    target: Record<string, Record<string, unknown>[]>;
    group: Record<string, { targets: string[] }[]>;
  };
  const [image] = bake.target.image ?? [];
  assert.ok(image !== undefined);
  assert.deepEqual(
    (image.matrix as { image: string[] }).image.toSorted(),
    IMAGES.map(({ name }) => name).toSorted(),
  );
  assert.equal(image.name, "${image}");
  assert.equal(image.target, "${image}");
  assert.deepEqual(image.tags, ["${PREFIX}${image}:${TAG}"]);
  assert.deepEqual(image.platforms, ["linux/amd64", "linux/arm64"]);
  assert.deepEqual(image.attest, ["type=provenance,mode=max", "type=sbom"]);
  assert.deepEqual(bake.group.default?.[0]?.targets, ["image"]);
});

type Validate = { (value: unknown): boolean; errors?: unknown };
let compiled: Promise<Validate> | null = null;
function validator(): Promise<Validate> {
  return compiled ??= (async () => {
    const folder = await cyclonedxSchemas();
    const read = async (name: string) =>
      JSON.parse(await Deno.readTextFile(join(folder, `${name}.SNAPSHOT.schema.json`)));
    const ajv = new Ajv({ strict: false, validateFormats: true });
    addFormats.default(ajv);
    // Addresses of the world's languages, of which there are none.
    for (const format of ["iri-reference", "idn-email"]) ajv.addFormat(format, true);
    ajv.addSchema(await read("spdx"), "http://cyclonedx.org/schema/spdx.SNAPSHOT.schema.json");
    ajv.addSchema(await read("jsf-0.82"), "http://cyclonedx.org/schema/jsf-0.82.SNAPSHOT.schema.json");
    return ajv.compile(await read("bom-1.6")) as Validate;
  })();
}
