/**
 * How long it takes to know who gets a topic, with 100 000 subscriptions of which a fifth have wildcards: `node match-rate.ts [subscriptions]` prints JSON.
 * Not a test: bench/mqtt-capacity.sh runs it.
 * @module
 */
import { Outbox } from "../../src/broker/outbox.ts";
import { RouteCache } from "../../src/broker/route-cache.ts";
import { Session } from "../../src/broker/session.ts";
import { SubscriptionTree } from "../../src/broker/subscription-tree.ts";
import type { Acl } from "../../src/security/security.ts";

const count = Number(process.argv[2] ?? 100_000);
const all: Acl = { mayPublish: () => true, mayReceive: () => true, maySubscribe: () => true };
const options = { qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0, identifier: 0 } as const;
const tree = new SubscriptionTree();
for (let index = 0; index < count; index++) {
  const session = new Session(`c${index}`, 4, { username: undefined, by: "anonymous", untilMs: 0, peerNode: undefined });
  tree.subscribe(filterOf(index), session, options);
}
const routes = new RouteCache({ tree, outbox: new Outbox(), acl: () => all, queueQos0: () => true });
const topics = Array.from({ length: 2000 }, (_, index) => {
  const device = (index * 104_729) % count;
  return `site/${device % 1000}/device/${device}/state`;
});

let matches = 0;
const coldMs = median(() => {
  routes.clear();
  for (const topic of topics) matches += routes.of(topic).away.length;
});
const cachedMs = median(() => {
  for (const topic of topics) matches += routes.of(topic).away.length;
});
const us = (ms: number): number => Math.round((ms * 1e6) / topics.length) / 1000;
console.log(JSON.stringify({ count: tree.count, cachedUs: us(cachedMs), coldUs: us(coldMs), matches }));

/** Milliseconds of the middle one of nine. */
function median(run: () => void): number {
  const times = Array.from({ length: 9 }, () => {
    const start = performance.now();
    run();
    return performance.now() - start;
  });
  return times.sort((one, other) => one - other)[4]!;
}

/** A tenth each with `+` and with `#`. */
function filterOf(index: number): string {
  const site = index % 1000;
  if (index % 10 === 0) return `site/${site}/+/${index}/state`;
  if (index % 10 === 5) return `site/+/device/${index}/#`;
  return `site/${site}/device/${index}/state`;
}
