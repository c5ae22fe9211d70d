/** What replicad's table does to a cluster, by a real table and a clock that stands still until told. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ReportReader, type ReportRow, ReportWriter } from "@mitsu/replica-table";
import type { Candidate, Report, Selector } from "@mitsu/selector";
import test, { type ExecutionContext } from "ava";
import type { ClusterEnv } from "../../src/cluster/cluster.ts";
import { failure } from "../../src/cluster/outcome.ts";
import { ReplicaReports } from "../../src/cluster/replica-reports.ts";
import { clusterOf, replica } from "./cluster-double.ts";

const quiet: ReportRow = {
  atMs: 990,
  inFlight: 0,
  serviceMs: 2,
  latencyMs: 3,
  failures: 0,
  workers: 4,
  weight: Number.NaN,
  flags: 0,
};

/** Three replicas, of which replicad tells, and the table. The cluster's clock begins at 1000 ms. */
function told(t: ExecutionContext, policy: Parameters<typeof clusterOf>[1] = {}, env: Partial<Pick<ClusterEnv, "selector">> = {}) {
  const folder = mkdtempSync(join(tmpdir(), "nicd-r-"));
  const path = join(folder, "r.reports");
  let writer = ReportWriter.create(path);
  const reports = new ReplicaReports({ path, open: ReportReader.open, onRefused: (why) => t.fail(why) });
  t.teardown(() => {
    reports.close();
    writer.close();
    rmSync(folder, { recursive: true });
  });
  const double = clusterOf(
    [1, 2, 3].map((n) => replica(n)),
    policy,
    { reports, ...env },
  );
  const { cluster, clock } = double;
  reports.look(clock.nowMs);
  return {
    ...double,
    reports,
    /** Tells this of replica n, now. */
    tell(n: number, part: Partial<ReportRow>, clients = 5): void {
      writer.write(writer.row(`10.0.0.${n}:8080`), { ...quiet, atMs: clock.nowMs - 10, ...part });
      writer.commit(clock.nowMs, clients);
    },
    beat: () => writer.commit(clock.nowMs, 5),
    end: () => writer.close(),
    /** Another table in the place of the old one. */
    restart(): void {
      writer.close();
      writer = ReportWriter.create(path);
    },
    reached: () => [...new Set(Array.from({ length: 100 }, () => cluster.select()!.address))].sort().map((address) => address.at(-1)),
    /** A look after one more millisecond. */
    next(ms = 1): void {
      clock.nowMs += ms;
      cluster.select();
    },
  };
}

test("HeardReports brings loads, service times and workers to candidates, and the number of clients to the selector", (t) => {
  let clients = 0;
  const first: Selector = {
    name: "random",
    select: (all, context) => {
      clients = context.clients;
      return all[0]!;
    },
  };
  const { cluster, tell, next } = told(t, {}, { selector: first });
  tell(1, { inFlight: 7 });
  next();
  const [one, two] = cluster.endpoints;
  t.like(one, { reportedInFlight: 7, reportedServiceMs: 2, workers: 4, reportedAtMs: 990 });
  t.is(two!.reportedAtMs, Number.NEGATIVE_INFINITY);
  t.is(clients, 5);
  tell(1, { inFlight: 9 });
  cluster.select();
  t.is(one!.reportedInFlight, 7, "within the same millisecond nothing is looked at");
  next();
  t.is(one!.reportedInFlight, 9);
  t.is(one!.refused, 0);
});

test("HeardReports: a row that nothing was heard of yet is no report", (t) => {
  const { cluster, tell, next } = told(t);
  tell(1, { atMs: 0, weight: 3 });
  next();
  t.like(cluster.endpoints[0], { reportedAtMs: Number.NEGATIVE_INFINITY, weight: 3 });
});

test("HeardReports drains, reweighs and takes out as told, and back again with a slow start", (t) => {
  const { cluster, tell, next, reached, update } = told(t, { slowStartMs: 1000 });
  const [one, two, three] = cluster.endpoints;
  tell(1, { flags: 1 });
  tell(2, { flags: 4 });
  tell(3, { weight: 7 });
  next();
  t.deepEqual(reached(), ["3"]);
  t.deepEqual(
    [one, two, three].map((each) => cluster.standing(each!)),
    ["draining", "dead", "healthy"],
  );
  t.is(three!.weight, 7);
  update(
    [1, 2, 3].map((n) => replica(n, { weight: 2 })),
    { slowStartMs: 1000 },
  );
  next();
  t.deepEqual([one!.weight, three!.weight], [2, 7], "what replicad says goes before the mesh file");
  for (const n of [1, 2, 3]) tell(n, {});
  next();
  t.deepEqual(
    [one, two, three].map((each) => cluster.standing(each!)),
    ["slow-start", "slow-start", "healthy"],
  );
  t.is(three!.weight, 2);
});

test("HeardReports: a replica that refused here stays out though an older report calls it up, until replicad has seen both", (t) => {
  const { cluster, tell, next, reached } = told(t);
  tell(1, {});
  next();
  const one = cluster.endpoints[0]!;
  cluster.end(one, failure.dead, cluster.begin(one));
  tell(1, { inFlight: 1 });
  next();
  t.deepEqual(reached(), ["2", "3"]);
  tell(1, { flags: 4 });
  next();
  t.deepEqual(reached(), ["2", "3"]);
  tell(1, {});
  next();
  t.deepEqual(reached(), ["1", "2", "3"]);
});

test("HeardReports forgets all of it once replicad was silent for a second, and listens to the next one", (t) => {
  const { cluster, clock, reports, tell, beat, next, reached, restart } = told(t);
  tell(1, { flags: 1, inFlight: 7 });
  tell(2, { flags: 4 });
  tell(3, { weight: 0 });
  next();
  t.is(reports.state(clock.nowMs), "fresh");
  beat();
  next(900);
  t.deepEqual(
    cluster.endpoints.map((one) => cluster.standing(one)),
    ["draining", "dead", "draining"],
  );
  next(1100);
  t.is(reports.state(clock.nowMs), "stale");
  t.deepEqual(reached(), ["1", "2", "3"]);
  t.like(cluster.endpoints[0], { reportedInFlight: 0, reportedServiceMs: 0, workers: 1, reportedAtMs: Number.NEGATIVE_INFINITY });
  t.is(cluster.endpoints[2]!.weight, 1);
  restart();
  clock.nowMs += 1000;
  tell(2, { flags: 1 });
  reports.look(clock.nowMs);
  next();
  t.deepEqual(reached(), ["1", "3"]);
});

test("ReplicaReports: a replicad that ended has no table any more; one that died has a stale one; what is no table is told once", (t) => {
  const { reports, clock, end } = told(t);
  end();
  clock.nowMs += 200;
  t.is(reports.state(clock.nowMs), "stale");
  reports.look(clock.nowMs);
  t.is(reports.state(clock.nowMs), "none");
  t.false(reports.fresh(clock.nowMs));
  const why: string[] = [];
  const wrong = new ReplicaReports({ path: "/etc/hostname", open: ReportReader.open, onRefused: (one) => void why.push(one) });
  wrong.look(0);
  wrong.look(1000);
  t.is(why.length, 1);
  t.is(wrong.state(1000), "none");
});

test("HeardReports finds the rows of replicas that come later, and lets go of those that replicad lost", (t) => {
  const { cluster, tell, next, update, reports, clock, restart } = told(t);
  tell(4, { inFlight: 3 });
  next();
  update([1, 4].map((n) => replica(n)));
  next();
  t.is(cluster.endpoints[1]!.reportedInFlight, 3);
  restart();
  clock.nowMs += 200;
  tell(1, {});
  reports.look(clock.nowMs);
  next();
  t.is(cluster.endpoints[1]!.reportRow, -1);
  t.is(cluster.endpoints[1]!.reportedAtMs, Number.NEGATIVE_INFINITY);
});

test("Cluster answers prequal's probes at once, by replicad's word, or by what it sees itself", (t) => {
  const { cluster, tell, next } = told(t, { selector: "prequal" });
  tell(1, { inFlight: 50, latencyMs: 90 });
  tell(2, { inFlight: 1, latencyMs: 1 });
  tell(3, { inFlight: 50, latencyMs: 90 });
  for (let n = 0; n < 20; n++) next();
  const chosen = Array.from({ length: 30 }, () => {
    next();
    return cluster.select()!.address;
  });
  t.true(chosen.filter((address) => address === "10.0.0.2").length > 20, String(chosen));
});

test("Cluster gives c3 replicad's row with each answer", (t) => {
  const heard: (Report | null)[] = [];
  const c3: Selector = {
    name: "c3",
    select: (all) => all[0]!,
    answered: (_: Candidate, __, { report }) => void heard.push(report && { ...report }),
  };
  const { cluster, tell, next } = told(t, {}, { selector: c3 });
  tell(1, { inFlight: 6 });
  next();
  for (const endpoint of cluster.endpoints.slice(0, 2)) cluster.end(endpoint, 200, cluster.begin(endpoint));
  t.like(heard[0], { inFlight: 6, serviceMs: 2 });
  t.is(heard[1], null, "of which replicad has said nothing");
});
