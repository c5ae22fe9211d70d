import test from "ava";
import { exchangeFromWire, exchangeToWire } from "../src/wire.ts";
import { nameless, shop, someCall } from "./some-exchanges.ts";

test("exchangeToWire() and back, through JSON: nothing is lost", (t) => {
  const calls = [someCall(), someCall({ grpcStatus: 14 }), someCall({ grpcStatus: undefined, aborted: true }), someCall(nameless)];
  const proxied = someCall({ flags: "URX", security: "mutual_tls", tries: 3, route: "cart-v2" });
  const bare = { ...shop[3]!, parentSpanId: undefined, readNs: undefined, firstNs: undefined };
  for (const exchange of [...shop, ...calls, proxied, bare])
    t.deepEqual(exchangeFromWire(JSON.parse(JSON.stringify(exchangeToWire(exchange)))), exchange);
  t.is(exchangeToWire(shop[0]!).startNs, "1767225600003000000");
});
