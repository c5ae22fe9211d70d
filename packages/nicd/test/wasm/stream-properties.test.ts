/** What filters are told of a caller. */
import test from "ava";
import type { Caller } from "../../src/caller.ts";
import { connectionProperty } from "../../src/wasm/stream-properties.ts";

const caller = (service: string, by: Caller["by"]): Caller => ({ service, address: "10.0.0.7", port: 4711, by });
const told = (who: Caller, ...path: string[]): string | undefined => {
  const value = connectionProperty(who, "web", 80, "shop.mesh", path);
  return value && Buffer.from(value).toString();
};

test("a caller that is known has its service's SPIFFE id, whoever vouches for it; nobody's word gives none", (t) => {
  const asked = ["connection", "uri_san_peer_certificate"] as const;
  t.is(told(caller("cart", "cgroup"), ...asked), "spiffe://shop.mesh/ns/mesh/sa/cart");
  t.is(told(caller("cart", "link"), ...asked), "spiffe://shop.mesh/ns/mesh/sa/cart");
  t.is(told(caller("", "nobody"), ...asked), "");
  t.is(told(caller("cart", "nobody"), ...asked), "");
  t.is(told(caller("cart", "cgroup"), "source", "service"), "cart");
});
