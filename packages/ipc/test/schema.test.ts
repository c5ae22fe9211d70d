import test from "ava";
import * as mqttnicSchema from "../src/mqttnic-schema.ts";
import * as nicdSchema from "../src/nicd-schema.ts";
import * as placerSchema from "../src/placer-schema.ts";
import type { Protocol } from "../src/protocol.ts";
import * as schema from "../src/schema.ts";

const exported = [schema, nicdSchema, mqttnicSchema, placerSchema].flatMap((file) => Object.entries(file)) as unknown as [
  string,
  Protocol,
][];
const protocols = exported.filter(([, value]) => Object.values(value).every(({ kind }) => kind === "method" || kind === "stream"));

test("the schema files hold protocols, and nothing else at run time", (t) => {
  t.deepEqual(
    protocols.map(([daemon]) => daemon),
    ["sockhijack", "nicd", "mqttnic", "placer"],
  );
  t.is(protocols.length, exported.length);
});

for (const [daemon, protocol] of protocols) {
  test(`${daemon} answers status, as every daemon does`, (t) => {
    t.is(protocol.status?.kind, "method");
  });

  for (const [name, entry] of Object.entries(protocol)) {
    test(`${daemon}.${name} refuses a request that is no object`, (t) => {
      for (const bad of [undefined, null, 1, "x"]) t.false(entry.request.safeParse(bad).success);
    });
  }
}
