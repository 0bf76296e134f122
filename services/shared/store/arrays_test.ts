import assert from "node:assert/strict";
import fc from "fast-check";
import { testDatabase } from "../testing/database.ts";
import { formatArray, parseArray } from "./arrays.ts";

Deno.test("parseArray() reads what formatArray() writes", () => {
  fc.assert(fc.property(fc.array(fc.string({ unit: "binary" })), (values) => {
    assert.deepEqual(parseArray(formatArray(values)), values);
  }));
});

Deno.test("formatArray() and parseArray() agree with PostgreSQL", async () => {
  await using database = await testDatabase();
  const sql = database.connect();
  const values = ["plain", "", "null", "NULL", 'quote"', "back\\slash", "a,b", "{c}", " space ", "ä\n☃"];
  const [row] = await sql<{ same: string[]; first: string; length: number }[]>`
    select ${values}::text[] as same, (${values}::text[])[5] as first, cardinality(${values}::text[]) as length`;
  assert.deepEqual(row?.same, values);
  assert.equal(row?.first, 'quote"');
  assert.equal(row?.length, values.length);
});
