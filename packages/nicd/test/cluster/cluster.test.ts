import test from "ava";
import fc from "fast-check";
import type { LiveEndpoint } from "../../src/cluster/live-endpoint.ts";
import { failure, isError } from "../../src/cluster/outcome.ts";
import type { Selector } from "../../src/cluster/selector.ts";
import { type ClusterDouble, clusterOf, replica } from "./cluster-double.ts";

const second = 1e9;
const strict = { consecutiveErrors: 3, ejectionMs: 1000, maxEjected: 1 };

/** One request with that outcome at an endpoint. */
function ask({ cluster }: ClusterDouble, endpoint: LiveEndpoint, outcome: number, times = 1): void {
  for (let n = 0; n < times; n++) {
    cluster.begin(endpoint);
    cluster.end(endpoint, outcome, 1e6);
  }
}

const reached = ({ cluster }: ClusterDouble, times = 200) => new Set(Array.from({ length: times }, () => cluster.select()?.address));

test("Cluster takes the replicas' own port for the port that was asked for", (t) => {
  const udp = { ...replica(2), ports: [{ port: 80, target: 53, protocol: "udp" as const }] };
  const { cluster } = clusterOf([replica(1), udp]);
  t.deepEqual(
    cluster.endpoints.map(({ address, port, service }) => [service, address, port]),
    [["web", "10.0.0.1", 8080]],
  );
});

test("Cluster.select() is null without replicas, and when none has a weight", (t) => {
  t.is(clusterOf([]).cluster.select(), null);
  const idle = clusterOf([replica(1, { weight: 0 })]);
  t.is(idle.cluster.select(), null);
  t.is(idle.cluster.panics, 0);
});

test("Cluster.select() takes no replica of weight 0 while it finishes its requests", (t) => {
  const double = clusterOf([replica(1), replica(2)]);
  const [first] = double.cluster.endpoints;
  double.cluster.begin(first!);
  double.update([replica(1, { weight: 0 }), replica(2)]);
  t.deepEqual([...reached(double)], ["10.0.0.2"]);
  t.is(first!.inFlight, 1);
  double.cluster.end(first!, 200, 5);
  t.is(first!.inFlight, 0);
});

test("Cluster.select() prefers this node's replicas while one of them is healthy", (t) => {
  const replicas = [replica(1, { node: "here" }), replica(2, { node: "there" })];
  const double = clusterOf(replicas, { outlier: strict });
  t.deepEqual([...reached(double)], ["10.0.0.1"]);
  ask(double, double.cluster.endpoints[0]!, 503, 3);
  t.deepEqual([...reached(double)], ["10.0.0.2"]);
  t.is(reached(clusterOf(replicas, { locality: "off" })).size, 2);
});

test("Cluster.select() leaves tried replicas out, also beyond this node, and takes one again when all were tried", (t) => {
  const { cluster } = clusterOf([replica(1, { node: "here" }), replica(2), replica(3)]);
  const [one, two, three] = cluster.endpoints as [LiveEndpoint, LiveEndpoint, LiveEndpoint];
  for (let n = 0; n < 50; n++) {
    t.not(cluster.select([one]), one);
    t.is(cluster.select([one, two]), three);
    t.is(cluster.select([one, two, three]), one);
  }
});

test("Cluster.select() asks a selector from outside, and falls back when it has no opinion", (t) => {
  let opinion = true;
  const asked: string[] = [];
  const last: Selector = {
    select: (candidates, { service, port }) => {
      asked.push(`${service}:${port}`);
      return opinion ? candidates.at(-1)! : null;
    },
  };
  const { cluster } = clusterOf([replica(1), replica(2), replica(3)], {}, { selector: last });
  t.is(cluster.select()?.address, "10.0.0.3");
  t.deepEqual(asked, ["web:80"]);
  opinion = false;
  t.true(cluster.endpoints.includes(cluster.select()!));
});

test("Cluster.admits() refuses beyond maxRequests, and counts it", (t) => {
  const { cluster } = clusterOf([replica(1)], { maxRequests: 2 });
  const endpoint = cluster.select()!;
  cluster.begin(endpoint);
  t.true(cluster.admits());
  cluster.begin(endpoint);
  t.false(cluster.admits());
  t.is(cluster.overflows, 1);
  cluster.end(endpoint, failure.cancelled, 0);
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

test("Cluster.end() smooths latency by an eighth, and counts requests and errors", (t) => {
  const { cluster } = clusterOf([replica(1)]);
  const endpoint = cluster.select()!;
  for (const [outcome, latencyNs] of [
    [200, 800],
    [200, 1600],
    [failure.reset, 5],
    [failure.cancelled, 5],
  ] as const) {
    cluster.begin(endpoint);
    cluster.end(endpoint, outcome, latencyNs);
  }
  t.is(endpoint.latencyNs, 900);
  t.deepEqual([endpoint.requests, endpoint.errors, endpoint.inFlight, cluster.inFlight], [4, 1, 0, 0]);
});

test("isError() counts statuses from 500 and every failure but a cancelled request", (t) => {
  t.deepEqual([200, 404, 499, 500, 503].filter(isError), [500, 503]);
  t.deepEqual(
    Object.values(failure).filter((outcome) => !isError(outcome)),
    [failure.cancelled],
  );
});

test("OutlierDetector takes a replica out after errors in a row, not after as many with a success between", (t) => {
  const double = clusterOf([replica(1), replica(2)], { outlier: strict });
  const [bad] = double.cluster.endpoints;
  ask(double, bad!, 500, 2);
  ask(double, bad!, 200);
  ask(double, bad!, 500, 2);
  t.is(reached(double).size, 2);
  ask(double, bad!, failure.connect);
  t.deepEqual([...reached(double)], ["10.0.0.2"]);
  t.is(double.cluster.outliers.ejections, 1);
});

test("OutlierDetector lets a replica out n times as long the nth time in a row, at most ten times", (t) => {
  const double = clusterOf([replica(1), replica(2)], { outlier: strict });
  const [bad] = double.cluster.endpoints;
  for (const seconds of [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10]) {
    ask(double, bad!, 500, 3);
    double.clock.nowNs += seconds * second - 1;
    t.is(reached(double).size, 1, `after ${seconds} s`);
    double.clock.nowNs += 1;
    t.is(reached(double).size, 2, `after ${seconds} s`);
  }
  double.clock.nowNs += 10 * second;
  ask(double, bad!, 500, 3);
  t.is(bad!.ejectionNs, second, "it was well for as long as it had been out");
});

test("OutlierDetector takes no more than the policy's share out, rounded down, but one always", (t) => {
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
    t.is(double.cluster.outliers.ejected, most);
    t.is(double.cluster.outliers.spared, 10 - most);
  }
});

test("Cluster.select() gives selectors the same array until the set changes", (t) => {
  const seen = new Set<unknown>();
  const watcher: Selector = {
    select: (candidates) => {
      seen.add(candidates);
      return null;
    },
  };
  const double = clusterOf([replica(1), replica(2), replica(3)], { outlier: strict }, { selector: watcher });
  reached(double);
  ask(double, double.cluster.endpoints[0]!, 500, 3);
  reached(double);
  t.is(seen.size, 2);
  double.clock.nowNs = second;
  reached(double);
  t.is(seen.size, 3);
});

test("OutlierDetector ignores what ends while a replica is out", (t) => {
  const double = clusterOf([replica(1), replica(2)], { outlier: strict });
  const [bad] = double.cluster.endpoints;
  ask(double, bad!, 500, 9);
  t.is(double.cluster.outliers.ejections, 1);
  double.clock.nowNs = second;
  t.is(reached(double).size, 2);
  ask(double, bad!, 500, 2);
  t.is(reached(double).size, 2);
});

test("OutlierDetector does nothing when consecutiveErrors is 0", (t) => {
  const double = clusterOf([replica(1), replica(2)], { outlier: { ...strict, consecutiveErrors: 0 } });
  ask(double, double.cluster.endpoints[0]!, 500, 100);
  t.is(reached(double).size, 2);
});

test("Cluster.select() takes from all, and counts it, when every replica is out", (t) => {
  const double = clusterOf([replica(1, { node: "here" }), replica(2), replica(3, { weight: 0 })], { outlier: strict });
  for (const endpoint of double.cluster.endpoints) ask(double, endpoint, 500, 3);
  t.deepEqual([...reached(double)].sort(), ["10.0.0.1", "10.0.0.2"]);
  t.is(double.cluster.panics, 200);
  double.clock.nowNs = second;
  t.deepEqual([...reached(double)], ["10.0.0.1"]);
  t.is(double.cluster.panics, 200);
});

test("Cluster.update() keeps state by address and port, and returns what is gone", (t) => {
  const double = clusterOf([replica(1), replica(2), replica(3)], { outlier: strict });
  const [one, two, three] = double.cluster.endpoints;
  double.cluster.begin(one!);
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
  double.cluster.end(one!, 500, 1);
  t.is(double.cluster.inFlight, 0);
});

test("Cluster.update() takes two replicas at one place for one", (t) => {
  t.is(clusterOf([replica(1), replica(1)]).cluster.endpoints.length, 1);
});

test("Cluster.update() brings back those that are too many out for a smaller service, the first to return first", (t) => {
  const double = clusterOf(
    [1, 2, 3, 4].map((n) => replica(n)),
    { outlier: strict },
  );
  for (const endpoint of double.cluster.endpoints.slice(0, 3)) {
    ask(double, endpoint, 500, 3);
    double.clock.nowNs += 1e6;
  }
  double.update(
    [1, 2, 3, 4].map((n) => replica(n)),
    { outlier: { ...strict, maxEjected: 0.5 } },
  );
  t.deepEqual([...reached(double)].sort(), ["10.0.0.1", "10.0.0.4"]);
  double.update(
    [1, 2, 3, 4].map((n) => replica(n)),
    { outlier: { ...strict, consecutiveErrors: 0 } },
  );
  t.is(reached(double).size, 4);
});

test("Cluster never has more than its share out, and counts in flight to zero, whatever happens", (t) => {
  const step = fc.oneof(
    fc.record({ do: fc.constant("ask" as const), at: fc.nat(7), outcome: fc.constantFrom(200, 500, failure.reset, failure.cancelled) }),
    fc.record({ do: fc.constant("wait" as const), ms: fc.nat(300) }),
    fc.record({ do: fc.constant("reload" as const), replicas: fc.uniqueArray(fc.integer({ min: 1, max: 8 }), { minLength: 1 }) }),
  );
  let ejections = 0;
  let spared = 0;
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1, noNaN: true }), fc.array(step, { minLength: 50, maxLength: 300 }), (maxEjected, steps) => {
      const outlier = { consecutiveErrors: 2, ejectionMs: 500, maxEjected };
      const double = clusterOf(
        [1, 2, 3, 4, 5, 6, 7, 8].map((n) => replica(n)),
        { outlier },
      );
      const { cluster, clock } = double;
      for (const one of steps) {
        if (one.do === "wait") clock.nowNs += one.ms * 1e6;
        else if (one.do === "reload") double.update(one.replicas.map((n) => replica(n)));
        else ask(double, cluster.endpoints[one.at % cluster.endpoints.length]!, one.outcome);
        const out = cluster.endpoints.filter(({ ejectedUntilNs }) => ejectedUntilNs > 0);
        t.true(out.length <= Math.max(1, Math.floor(maxEjected * cluster.endpoints.length)));
        t.is(out.length, cluster.outliers.ejected);
        t.true(
          out.every(({ ejectedUntilNs, ejectionNs }) => ejectionNs >= 5e8 && ejectionNs <= 5e9 && ejectedUntilNs <= clock.nowNs + 5e9),
        );
        const chosen = cluster.select()!;
        t.true(chosen.ejectedUntilNs === 0 || cluster.endpoints.every(({ ejectedUntilNs }) => ejectedUntilNs > 0));
      }
      ejections += cluster.outliers.ejections;
      spared += cluster.outliers.spared;
      t.is(cluster.inFlight, 0);
    }),
    { seed: 4, numRuns: 300 },
  );
  t.true(ejections > 100 && spared > 20);
});
