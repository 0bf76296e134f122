import assert from "node:assert/strict";
import { SERVICES } from "../../services/permissions.ts";
import { withImages } from "./render.ts";
import { secretsFor } from "./secrets.ts";

Deno.test("secrets: each service has a login and a pair of tokens of its own, none of them twice", () => {
  const secrets = secretsFor({}, {});
  const names = SERVICES.filter((name) => name !== "embedded");
  const tokens = names.flatMap((name) =>
    ["dapr", "app"].map((kind) => secrets[`${name}-${kind}-token`]?.token)
  );
  assert.equal(new Set(tokens).size, names.length * 2);
  for (const token of tokens) assert.ok((token?.length ?? 0) >= 32);
  for (const name of names) {
    const { username, password, host } = new URL(secrets[`${name}-database`]?.url ?? "");
    assert.equal(username, `rondo_${name}`);
    assert.equal(password, secrets.logins?.[`RONDO_PASSWORD_${name.toUpperCase()}`]);
    assert.equal(host, "postgres:5432");
  }
});

Deno.test("secrets: what is there is what the others are made of", () => {
  const logins = { RONDO_PASSWORD_API: "known" };
  const secrets = secretsFor(
    { logins, postgres: { password: "x", url: "postgres://a:b@db:5433/planner" } },
    {},
  );
  assert.equal(secrets["api-database"]?.url, "postgres://rondo_api:known@db:5433/planner");
  // One that is new since then.
  assert.match(secrets["audit-database"]?.url ?? "", /^postgres:\/\/rondo_audit:\w{48}@db:5433\/planner$/);
});

Deno.test("images: those of Rondo are a build's, others stay", () => {
  const build = { prefix: "ghcr.io/somebody/rondo-", tag: "2" };
  const of = (image: string) => withImages({ spec: [{ image }] }, build).spec[0]?.image;
  assert.equal(of("rondo/api"), "ghcr.io/somebody/rondo-api:2");
  assert.equal(of("localhost/rondo/lag-exporter:dev"), "ghcr.io/somebody/rondo-lag-exporter:2");
  assert.equal(of("docker.io/library/postgres:18.1"), "docker.io/library/postgres:18.1");
});
