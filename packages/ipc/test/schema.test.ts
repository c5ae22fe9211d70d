import test from "ava";
import * as schema from "../src/schema.ts";

const protocols = Object.entries(schema).filter(([, value]) =>
  Object.values(value).every(({ kind }) => kind === "method" || kind === "stream"),
);

test("the schema file holds protocols, and nothing else at run time", (t) => {
  t.true(protocols.length > 0);
  t.is(protocols.length, Object.keys(schema).length);
});

for (const [daemon, protocol] of protocols) {
  test(`${daemon} answers status, as every daemon does`, (t) => {
    t.is(protocol.status.kind, "method");
  });

  for (const [name, entry] of Object.entries(protocol)) {
    test(`${daemon}.${name} refuses a request that is no object`, (t) => {
      for (const bad of [undefined, null, 1, "x"]) t.false(entry.request.safeParse(bad).success);
    });
  }
}
