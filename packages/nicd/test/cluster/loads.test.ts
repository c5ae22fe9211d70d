/** What a cluster tells replicad of its requests. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type LoadCounts, LoadReader, LoadWriter, noCounts } from "@mitsu/replica-table";
import test, { type ExecutionContext } from "ava";
import { failure } from "../../src/cluster/outcome.ts";
import { clusterOf, replica } from "./cluster-double.ts";

function counted(t: ExecutionContext) {
  const folder = mkdtempSync(join(tmpdir(), "nicd-l-"));
  const loads = LoadWriter.create(join(folder, "n.load"));
  const reader = LoadReader.open(join(folder, "n.load"));
  t.teardown(() => {
    reader.close();
    loads.close();
    rmSync(folder, { recursive: true });
  });
  const double = clusterOf([replica(1, { node: "here" }), replica(2)], {}, { loads });
  const rows = (): Record<string, LoadCounts> => {
    const all: Record<string, LoadCounts> = {};
    for (let row = 0; row < reader.rows; row++) {
      const key = reader.key(row);
      const counts = noCounts();
      if (key === null) continue;
      reader.counts(row, counts);
      all[key] = counts;
    }
    return all;
  };
  return { ...double, rows };
}

test("Cluster counts its requests for replicad: in flight, answers, failures, refused connects, busy time", (t) => {
  const { cluster, clock, rows } = counted(t);
  const [one, two] = cluster.endpoints;
  const sent = [200, 503, failure.dead, failure.cancelled].map((outcome) => [outcome, cluster.begin(one!)] as const);
  cluster.begin(two!);
  t.like(rows()["10.0.0.1:8080"], { inFlight: 4, begun: 4, ended: 0, busySinceMs: 1000, here: true });
  clock.nowMs = 1010;
  for (const [outcome, sentAtMs] of sent) cluster.end(one!, outcome, sentAtMs, outcome === 200 ? 1004 : 0);
  t.like(rows()["10.0.0.1:8080"], { inFlight: 0, begun: 4, ended: 2, failed: 1, refused: 1, latencyMs: 14, busyMs: 10, busySinceMs: 0 });
  t.like(rows()["10.0.0.2:8080"], { inFlight: 1, here: false });
});

test("Cluster gives the row of a replica back when it is gone and its last request has ended", (t) => {
  const { cluster, rows, update } = counted(t);
  const [one, two] = cluster.endpoints;
  const sentAtMs = cluster.begin(one!);
  update([replica(3)]);
  t.deepEqual(Object.keys(rows()).sort(), ["10.0.0.1:8080", "10.0.0.3:8080"]);
  t.is(two!.loadRow, -1);
  cluster.end(one!, 200, sentAtMs);
  t.deepEqual(Object.keys(rows()), ["10.0.0.3:8080"]);
});
