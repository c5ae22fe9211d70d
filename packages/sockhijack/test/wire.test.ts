import test from "ava";
import { exchangeFromWire, exchangeToWire } from "../src/tracing/wire.ts";
import { nameless, shop, someCall } from "./some-exchanges.ts";

test("exchangeToWire() and back, through JSON: nothing is lost", (t) => {
  const calls = [someCall(), someCall({ grpcStatus: 14 }), someCall({ grpcStatus: undefined, aborted: true }), someCall(nameless)];
  for (const exchange of [...shop, ...calls]) t.deepEqual(exchangeFromWire(JSON.parse(JSON.stringify(exchangeToWire(exchange)))), exchange);
});
