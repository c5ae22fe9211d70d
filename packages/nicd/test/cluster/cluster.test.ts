import type { Candidate, Selector } from "@mitsu/selector";
import { selectorNames } from "@mitsu/selector";
import test from "ava";
import fc from "fast-check";
import type { LiveEndpoint } from "../../src/cluster/live-endpoint.ts";
import { failure, failureOf, isError } from "../../src/cluster/outcome.ts";
import { type ClusterDouble, clusterOf, replica } from "./cluster-double.ts";

const strict = { consecutiveErrors: 3, ejectionMs: 1000, maxEjected: 1 };

/** One request with that outcome at an endpoint. */
function ask({ cluster }: ClusterDouble, endpoint: LiveEndpoint, outcome: number, times = 1): void {
  for (let n = 0; n < times; n++) cluster.end(endpoint, outcome, cluster.begin(endpoint));
}

const reached = ({ cluster }: ClusterDouble, times = 200) => new Set(Array.from({ length: times }, () => cluster.select()?.address));

test("Cluster takes the replicas' own port for the port that was asked for", (t) => {
  const udp = { ...replica(2), ports: [{ port: 80, target: 53, protocol: "udp" as const }] };
  const { cluster } = clusterOf([replica(1), udp]);
  t.deepEqual(
    cluster.endpoints.map(({ address, port, service, key }) => [service, address, port, key]),
    [["web", "10.0.0.1", 8080, "10.0.0.1:8080"]],
  );
});

test("Cluster.select() is null without replicas, and when none has a weight", (t) => {
  t.is(clusterOf([]).cluster.select(), null);
  const idle = clusterOf([replica(1, { weight: 0 })]);
  t.is(idle.cluster.select(), null);
  t.is(idle.cluster.panics, 0);
});

test("Cluster.select() by every selector of mesh.yaml reaches every replica", (t) => {
  const replicas = [1, 2, 3].map((n) => replica(n));
  for (const selector of selectorNames) {
    const double = clusterOf(replicas, { selector });
    const seen = new Set<string>();
    for (let n = 0; n < 60; n++) {
      const chosen = double.cluster.select()!;
      seen.add(chosen.address);
      const sentAtMs = double.cluster.begin(chosen);
      double.clock.nowMs += 1;
      double.cluster.end(chosen, 200, sentAtMs);
    }
    t.is(seen.size, 3, selector);
    t.is(double.cluster.inFlight, 0);
  }
});

test("Cluster.select() takes no replica of weight 0 while it finishes its requests", (t) => {
  const double = clusterOf([replica(1), replica(2)]);
  const [first] = double.cluster.endpoints;
  const sentAtMs = double.cluster.begin(first!);
  double.update([replica(1, { weight: 0 }), replica(2)]);
  t.deepEqual([...reached(double)], ["10.0.0.2"]);
  t.is(double.cluster.standing(first!), "draining");
  t.is(first!.inFlight, 1);
  double.cluster.end(first!, 200, sentAtMs);
  t.is(first!.inFlight, 0);
});

test("Cluster.select() prefers this node's replicas while one of them is healthy, as locality says; with mitsu the way is a cost", (t) => {
  const replicas = [replica(1, { node: "here" }), replica(2, { node: "there" })];
  const double = clusterOf(replicas, { outlier: strict });
  t.deepEqual([...reached(double)], ["10.0.0.1"]);
  ask(double, double.cluster.endpoints[0]!, 503, 3);
  t.deepEqual([...reached(double)], ["10.0.0.2"]);
  t.is(reached(clusterOf(replicas, { locality: "off" })).size, 2);
  t.is(reached(clusterOf(replicas, { selector: "mitsu", locality: "prefer" })).size, 1);
  const mitsu = clusterOf(replicas, { selector: "mitsu" });
  for (let n = 0; n < 8; n++) mitsu.cluster.begin(mitsu.cluster.endpoints[0]!);
  t.true(reached(mitsu).has("10.0.0.2"), "a busy near one is not preferred");
});

test("Cluster.select() in panic asks all, not only those of this node that fail", (t) => {
  const replicas = [replica(1, { node: "here" }), replica(2, { node: "here" }), replica(3)];
  const double = clusterOf(replicas, { outlier: strict, panicThreshold: 0.5 });
  for (const bad of double.cluster.endpoints.slice(0, 2)) ask(double, bad, 500, 3);
  t.is(reached(double).size, 3);
  t.is(double.cluster.panics, 200);
});

test("Cluster.select() leaves tried replicas out, also beyond this node, and takes one again when all were tried", (t) => {
  const { cluster } = clusterOf([replica(1, { node: "here" }), replica(2), replica(3)]);
  const [one, two, three] = cluster.endpoints as [LiveEndpoint, LiveEndpoint, LiveEndpoint];
  for (let n = 0; n < 50; n++) {
    t.not(cluster.select([one]), one);
    t.is(cluster.select([one, two]), three);
    t.is(cluster.select([one, two, three]), one);
  }
  t.true(cluster.hasAnother(one, [two]));
  t.false(cluster.hasAnother(one, [two, three]));
});

test("Cluster.select() of tried ones takes the less busy of two others", (t) => {
  const { cluster } = clusterOf([1, 2, 3].map((n) => replica(n)));
  const [one, two, three] = cluster.endpoints as [LiveEndpoint, LiveEndpoint, LiveEndpoint];
  cluster.begin(two);
  for (let n = 0; n < 20; n++) t.is(cluster.select([one]), three);
});

test("Cluster.select() sends a sticky key to the same replica while it is there, then to another", (t) => {
  const replicas = [1, 2, 3, 4].map((n) => replica(n));
  const double = clusterOf(replicas, { stickyKey: { by: "source" }, outlier: strict });
  const own = double.cluster.select(null, "cart-17")!;
  for (let n = 0; n < 50; n++) t.is(double.cluster.select(null, "cart-17"), own);
  t.is(reached(double).size, 4, "without a key any");
  ask(double, own, failure.dead);
  const other = double.cluster.select(null, "cart-17")!;
  t.not(other, own);
  t.is(double.cluster.select(null, "cart-17"), other);
});

test("Cluster gives selectors the same array until the set changes", (t) => {
  const seen = new Set<unknown>();
  const watcher: Selector = {
    name: "random",
    select: (candidates) => {
      seen.add(candidates);
      return candidates[0]!;
    },
  };
  const double = clusterOf([replica(1), replica(2), replica(3)], { outlier: strict }, { selector: watcher });
  reached(double);
  ask(double, double.cluster.endpoints[0]!, 500, 3);
  reached(double);
  t.is(seen.size, 2);
  double.clock.nowMs += 1000;
  reached(double);
  t.is(seen.size, 3);
});

test("Cluster tells its selector what was sent and answered, in the answer's own time", (t) => {
  const told: unknown[] = [];
  const listener: Selector = {
    name: "random",
    select: (candidates) => candidates[0]!,
    sent: ({ key }: Candidate, nowMs) => void told.push(["sent", key, nowMs]),
    answered: ({ key }: Candidate, nowMs, { latencyMs, ok, report }) => void told.push(["answered", key, nowMs, latencyMs, ok, report]),
  };
  const double = clusterOf([replica(1)], {}, { selector: listener });
  const endpoint = double.cluster.select()!;
  const first = double.cluster.begin(endpoint);
  const second = double.cluster.begin(endpoint);
  double.clock.nowMs = 1020;
  double.cluster.end(endpoint, 200, first, 1008);
  double.cluster.end(endpoint, failure.cancelled, second);
  t.deepEqual(told, [
    ["sent", "10.0.0.1:8080", 1000],
    ["sent", "10.0.0.1:8080", 1000],
    ["answered", "10.0.0.1:8080", 1020, 8, true, null],
  ]);
  t.deepEqual([endpoint.latencyMs, endpoint.inFlight, endpoint.oddities], [8, 0, 0]);
});

test("Cluster.admits() refuses beyond maxRequests, and counts it", (t) => {
  const { cluster } = clusterOf([replica(1)], { maxRequests: 2 });
  const endpoint = cluster.select()!;
  const sentAtMs = cluster.begin(endpoint);
  t.true(cluster.admits());
  cluster.begin(endpoint);
  t.false(cluster.admits());
  t.is(cluster.overflows, 1);
  cluster.end(endpoint, failure.cancelled, sentAtMs);
  t.true(cluster.admits());
});

test("Cluster.mayConnect() and mayWait() hold the pool to its limits", (t) => {
  const { cluster } = clusterOf([replica(1)], { maxConnections: 1, maxPending: 0 });
  const endpoint = cluster.select()!;
  t.true(cluster.mayConnect(endpoint));
  endpoint.connections = 1;
  t.false(cluster.mayConnect(endpoint));
  t.false(cluster.mayWait(endpoint));
});

test("Cluster.end() smooths the time of answers by an eighth, and counts requests and errors", (t) => {
  const { cluster } = clusterOf([replica(1)]);
  const endpoint = cluster.select()!;
  for (const [outcome, latencyMs] of [
    [200, 8],
    [200, 16],
    [failure.reset, 5],
    [failure.cancelled, 5],
  ] as const) {
    const sentAtMs = cluster.begin(endpoint);
    cluster.end(endpoint, outcome, sentAtMs, sentAtMs + latencyMs);
  }
  t.is(endpoint.answerMs, 9);
  t.deepEqual([endpoint.requests, endpoint.errors, endpoint.inFlight, cluster.inFlight], [4, 1, 0, 0]);
});

test("isError() counts statuses from 500 and every failure but a cancelled request", (t) => {
  t.deepEqual([200, 404, 499, 500, 503].filter(isError), [500, 503]);
  t.deepEqual(
    Object.values(failure).filter((outcome) => !isError(outcome)),
    [failure.cancelled],
  );
});

test("failureOf() knows a replica of this node that is gone from a way to one that is not there", (t) => {
  const of = (code: string, syscall: string) => Object.assign(new Error(code), { code, syscall });
  t.is(failureOf(of("ECONNREFUSED", "connect"), true), failure.dead);
  t.is(failureOf(of("EHOSTUNREACH", "connect"), true), failure.dead);
  t.is(failureOf(of("EMFILE", "connect"), true), failure.connect);
  t.is(failureOf(of("ECONNREFUSED", "connect"), false), failure.connect, "by a link");
  t.is(failureOf(of("ECONNRESET", "recv"), true), failure.reset);
  t.is(failureOf(null, true), failure.reset);
});

test("Cluster takes a replica out after errors in a row, not after as many with a success between", (t) => {
  const double = clusterOf([replica(1), replica(2)], { outlier: strict });
  const [bad] = double.cluster.endpoints;
  ask(double, bad!, 500, 2);
  ask(double, bad!, 200);
  ask(double, bad!, 500, 2);
  t.is(reached(double).size, 2);
  ask(double, bad!, failure.connect);
  t.deepEqual([...reached(double)], ["10.0.0.2"]);
  t.is(double.cluster.standing(bad!), "ejected");
  t.is(double.cluster.membership.ejections, 1);
});

test("Cluster takes a dead replica out at its first refused connect, though only a tenth may be out; not where consecutive-errors is 0", (t) => {
  const replicas = [1, 2, 3].map((n) => replica(n));
  const double = clusterOf(replicas);
  const [one, two] = double.cluster.endpoints;
  ask(double, one!, failure.dead);
  ask(double, two!, failure.dead);
  t.deepEqual([...reached(double)], ["10.0.0.3"]);
  t.is(double.cluster.standing(one!), "dead");
  const never = clusterOf(replicas, { outlier: { ...strict, consecutiveErrors: 0 } });
  ask(never, never.cluster.endpoints[0]!, failure.dead, 100);
  t.is(reached(never).size, 3);
});

test("Cluster lets a replica out n times as long the nth time in a row, at most ten times", (t) => {
  const double = clusterOf([replica(1), replica(2)], { outlier: strict });
  const [bad] = double.cluster.endpoints;
  for (const seconds of [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10]) {
    ask(double, bad!, 500, 3);
    double.clock.nowMs += seconds * 1000 - 1;
    t.is(reached(double).size, 1, `after ${seconds} s`);
    double.clock.nowMs += 1;
    t.is(reached(double).size, 2, `after ${seconds} s`);
  }
});

test("Cluster takes no more than the policy's share out, rounded down, but one always", (t) => {
  for (const [maxEjected, most] of [
    [0, 1],
    [0.1, 1],
    [0.29, 2],
    [1, 10],
  ] as const) {
    const double = clusterOf(
      [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((n) => replica(n)),
      { outlier: { ...strict, maxEjected } },
    );
    for (const endpoint of double.cluster.endpoints) ask(double, endpoint, 500, 3);
    t.is(double.cluster.membership.ejections, most);
    t.is(double.cluster.membership.spared, 10 - most);
  }
});

test("Cluster does not eject when consecutiveErrors is 0", (t) => {
  const double = clusterOf([replica(1), replica(2)], { outlier: { ...strict, consecutiveErrors: 0 } });
  ask(double, double.cluster.endpoints[0]!, 500, 100);
  t.is(reached(double).size, 2);
});

test("Cluster.select() takes from all, and counts it, when every replica is out", (t) => {
  const double = clusterOf([replica(1, { node: "here" }), replica(2), replica(3, { weight: 0 })], { outlier: strict, panicThreshold: 0.1 });
  for (const endpoint of double.cluster.endpoints) ask(double, endpoint, 500, 3);
  t.deepEqual([...reached(double)].sort(), ["10.0.0.1", "10.0.0.2"]);
  t.is(double.cluster.panics, 200);
  double.clock.nowMs += 1000;
  t.deepEqual([...reached(double)], ["10.0.0.1"]);
  t.is(double.cluster.panics, 200);
});

test("Cluster.update() keeps state by address and port, and returns what is gone", (t) => {
  const double = clusterOf([replica(1), replica(2), replica(3)], { outlier: strict });
  const [one, two, three] = double.cluster.endpoints;
  const sentAtMs = double.cluster.begin(one!);
  ask(double, two!, 500, 3);
  const gone = double.update([replica(4), replica(2, { weight: 5, node: "n" }), replica(1)], { outlier: strict, selector: "round-robin" });
  t.deepEqual([...gone], [three!]);
  t.true(three!.gone);
  t.is(double.cluster.endpoints[1], two);
  t.deepEqual([two!.weight, two!.node], [5, "n"]);
  t.is(double.cluster.endpoints[2]?.inFlight, 1);
  t.deepEqual([...reached(double)].sort(), ["10.0.0.1", "10.0.0.4"]);
  t.not(double.update([replica(3)])[0], undefined);
  t.not(double.cluster.endpoints[0], three);
  double.cluster.end(one!, 500, sentAtMs);
  t.is(double.cluster.inFlight, 0);
});

test("Cluster.update() starts replicas that come later slowly, and the first ones not", (t) => {
  const double = clusterOf([replica(1)], { slowStartMs: 1000 });
  t.is(double.cluster.standing(double.cluster.endpoints[0]!), "healthy");
  double.update([replica(1), replica(2)]);
  const [, late] = double.cluster.endpoints;
  t.is(double.cluster.standing(late!), "slow-start");
  double.clock.nowMs += 1000;
  double.cluster.refresh();
  t.is(double.cluster.standing(late!), "healthy");
});

test("Cluster.update() takes two replicas at one place for one, and moves one that changes its node", (t) => {
  const double = clusterOf([replica(1), replica(1)]);
  t.is(double.cluster.endpoints.length, 1);
  double.update([replica(1, { node: "here" }), replica(2)]);
  t.true(double.cluster.endpoints[0]!.here);
  t.deepEqual([...reached(double)], ["10.0.0.1"]);
});

test("Cluster counts in flight to zero and never selects who is gone or drains, whatever happens", (t) => {
  const step = fc.oneof(
    fc.record({
      do: fc.constant("ask" as const),
      at: fc.nat(7),
      outcome: fc.constantFrom(200, 500, failure.reset, failure.dead, failure.cancelled),
    }),
    fc.record({ do: fc.constant("wait" as const), ms: fc.nat(300) }),
    fc.record({ do: fc.constant("reload" as const), replicas: fc.uniqueArray(fc.integer({ min: 1, max: 8 }), { minLength: 1 }) }),
  );
  let ejections = 0;
  fc.assert(
    fc.property(
      fc.constantFrom(...selectorNames),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.array(step, { minLength: 20, maxLength: 100 }),
      (selector, maxEjected, steps) => {
        const policy = { selector, slowStartMs: 500, panicThreshold: 0.5, outlier: { consecutiveErrors: 2, ejectionMs: 500, maxEjected } };
        const double = clusterOf(
          [1, 2, 3, 4, 5, 6, 7, 8].map((n) => replica(n)),
          policy,
        );
        const { cluster, clock } = double;
        for (const one of steps) {
          if (one.do === "wait") clock.nowMs += one.ms;
          else if (one.do === "reload") double.update(one.replicas.map((n) => replica(n, { weight: n === 1 ? 0 : n })));
          else ask(double, cluster.endpoints[one.at % cluster.endpoints.length]!, one.outcome);
          const chosen = cluster.select();
          const open = cluster.endpoints.filter((endpoint) => endpoint.weight > 0);
          t.is(chosen === null, open.length === 0);
          if (chosen === null) continue;
          t.true(open.includes(chosen));
          const standing = cluster.standing(chosen);
          t.true(
            standing !== "dead" ||
              open.every((endpoint) => cluster.standing(endpoint) === "dead" || cluster.standing(endpoint) === "ejected"),
          );
        }
        ejections += cluster.membership.ejections;
        t.is(cluster.inFlight, 0);
        t.true(cluster.endpoints.every(({ inFlight, oddities }) => inFlight === 0 && oddities === 0));
      },
    ),
    { seed: 4, numRuns: 100 },
  );
  t.true(ejections > 100);
});
