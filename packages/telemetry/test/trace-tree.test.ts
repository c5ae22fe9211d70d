/** Spans of a trace: how they come to hang below each other. @module */
import test from "ava";
import type { Exchange } from "../src/exchange.ts";
import { type Span, traceTree } from "../src/tree.ts";
import { shop, someExchange, spanIdOf } from "./some-exchanges.ts";

/** `web(server) > cart(client)`, nested in brackets. */
function drawn(spans: readonly Span[]): string {
  return spans
    .map(({ kind, exchange, children }) => {
      const name = kind === "client" ? `→${exchange.server.service}` : exchange.server.service;
      return children.length > 0 ? `${name}[${drawn(children)}]` : name;
    })
    .join(" ");
}
/** Spans of a tree, however deep. */
function count(roots: readonly Span[]): number {
  const left = [...roots];
  let seen = 0;
  for (let span = left.pop(); span; span = left.pop()) {
    seen++;
    left.push(...span.children);
  }
  return seen;
}

test("traceTree() hangs a server's span below its client's, and calls below the server that made them", (t) => {
  const roots = traceTree(shop);
  t.is(drawn(roots), "web[→cart[cart[→db[db]]] →ads[ads]]");
  t.is(drawn(traceTree(shop.toReversed())), drawn(roots), "the order in which they come does not matter");
});

test("traceTree() begins a server's span when its program read the request, or else with the request", (t) => {
  const [client] = traceTree([someExchange({ from: "a", to: "b", span: 1, ms: [1, 2, 3] })]);
  const [server] = client!.children;
  t.deepEqual([client!.kind, server!.kind, server!.parentId], ["client", "server", client!.id]);
  t.true(server!.startNs > client!.startNs);
  const [unread] = traceTree([{ ...someExchange({ from: "a", to: "b", span: 1, ms: [1, 2, 3] }), readNs: undefined }]);
  t.is(unread!.children[0]!.startNs, unread!.startNs);
});

test("traceTree() joins the halves that two nodes saw", (t) => {
  const ours = someExchange({ from: "a", to: "b", here: "client", span: 1, ms: [0, 0, 9] });
  const theirs = someExchange({ from: "", to: "b", here: "server", span: 7, parent: 1, ms: [1, 2, 8], node: "n2" });
  t.is(drawn(traceTree([theirs, ours])), "→b[b]");
  t.is(drawn(traceTree([ours])), "→b");
  t.is(drawn(traceTree([theirs])), "b", "an orphan is a root");
});

test("traceTree() makes orphans roots, in order of their begin", (t) => {
  const late = someExchange({ from: "x", to: "late", here: "client", span: 1, parent: 99, ms: [5, 5, 6] });
  const early = someExchange({ from: "x", to: "early", here: "client", span: 2, parent: 98, ms: [1, 1, 2] });
  t.is(drawn(traceTree([late, early])), "→early →late");
  t.deepEqual(traceTree([]), []);
});

const ring = (...parents: readonly number[]): Exchange[] =>
  parents.map((parent, at) => someExchange({ from: "x", to: `s${at}`, here: "client", span: at, parent, ms: [at, at, 9] }));

test("traceTree() has every span once whatever their parents are", (t) => {
  t.is(drawn(traceTree(ring(0))), "→s0", "its own parent");
  t.is(drawn(traceTree(ring(1, 0))), "→s0[→s1]", "each other's");
  t.is(drawn(traceTree(ring(1, 2, 1))), "→s1[→s0 →s2]", "a ring that is entered from outside");
  t.is(drawn(traceTree(ring(1, 2, 3, 0, 2, 9))), "→s0[→s3[→s2[→s1 →s4]]] →s5");
});

test("traceTree() has every span once when ids are used twice, and of 5000 below each other", (t) => {
  const twice = someExchange({ from: "a", to: "b", span: 1, ms: [0, 1, 2] });
  t.is(count(traceTree([twice, { ...twice, target: "/again" }])), 4);
  const chain = Array.from({ length: 2500 }, (_, n) =>
    someExchange({ from: "a", to: "b", span: n * 0x1000, ...(n > 0 ? { parent: (n - 1) * 0x1000 + 0x100 } : {}), ms: [n, n, 9999] }),
  );
  t.is(count(traceTree(chain)), 5000);
  t.is(traceTree(chain)[0]!.id, spanIdOf(0));
});
