import { readFile } from "node:fs/promises";
import test from "ava";
import { decide, parseCatalog } from "../src/mod.ts";

test("README.md's example parses and says what its comments say", async (t) => {
  const readme = await readFile(new URL("../README.md", import.meta.url), "utf8");
  const catalog = parseCatalog(/```yaml\n([\s\S]*?)```/.exec(readme)![1]!);
  const [cart, dns, web] = catalog.services;
  t.deepEqual(
    cart?.replicas.map(({ address, ports }) => `${address}:${ports[0]?.target}`),
    ["10.0.0.1:80", "10.0.1.7:80", "10.0.1.8:8080"],
  );
  t.like(dns, { ipv4: "198.18.0.53", ipv6: "fd00::53", redirect: "off" });
  t.like(web, { intercept: "keep", redirect: "auto", ports: [] });
  t.deepEqual(decide(catalog, "web", "cart", 80), { action: "allow", rule: "web-to-cart" });
  t.is(decide(catalog, undefined, "cart", 80).action, "deny");
  const { virtual, defaults } = parseCatalog("version: 1");
  t.deepEqual({ virtual: catalog.virtual, defaults: catalog.defaults }, { virtual, defaults });
});
