/** Every figure here is worked out by hand from the formulas in Kubernetes' sources; the arithmetic stands beside it. */
import test from "ava";
import { defaultNormalizeScore } from "../../../src/solve/kubernetes/score-plugin.ts";
import { clusterOf, GiB, MiB, scoresOf } from "./fixture.ts";

const node = (name: string, cpu = 4, memory = 16 * GiB) => ({ name, capacity: { cpu, memory } });
const half = { name: "half", requests: { cpu: 0.5, memory: GiB } };

test("defaultNormalizeScore() scales by the largest and rounds down", (t) => {
  const scores = Float64Array.of(0, 3, 7);
  defaultNormalizeScore(scores, 3, false);
  t.deepEqual([...scores], [0, 42, 100]); // 100·3/7 = 42.86
});

test("defaultNormalizeScore() reversed subtracts from 100, and gives 100 to all when all are 0", (t) => {
  const scores = Float64Array.of(0, 3, 7);
  defaultNormalizeScore(scores, 3, true);
  t.deepEqual([...scores], [100, 58, 0]); // 100 − 42
  const zeros = Float64Array.of(0, 0);
  defaultNormalizeScore(zeros, 2, true);
  t.deepEqual([...zeros], [100, 100]);
});

test("LeastAllocated is the mean of the free shares of cpu and memory, each rounded down", (t) => {
  const cluster = clusterOf(
    { nodes: [node("n1"), node("n2")], services: [{ name: "old", requests: { cpu: 1, memory: 4 * GiB } }, half] },
    { "old-0": "n1" },
  );
  // n1: cpu (4000 − 1000 − 500)·100/4000 = 62.5 → 62, memory (16 − 4 − 1)·100/16 = 68.75 → 68; (62 + 68)/2 = 65.
  // n2: cpu (4000 − 500)·100/4000 = 87.5 → 87, memory 15·100/16 = 93.75 → 93; (87 + 93)/2 = 90.
  t.deepEqual(scoresOf(cluster, "NodeResourcesFit", "half"), [65, 90]);
});

test("LeastAllocated takes 100 m and 200 MiB for what a pod does not ask for, there and now", (t) => {
  const cluster = clusterOf({ nodes: [node("n1"), node("n2")], services: [{ name: "old" }, { name: "new" }] }, { "old-0": "n1" });
  // n1: cpu (4000 − 100 − 100)·100/4000 = 95, memory (16384 − 400)·100/16384 = 97.56 → 97; 96. n2: 97.5 → 97, 98.78 → 98; 97.5 → 97.
  t.deepEqual(scoresOf(cluster, "NodeResourcesFit", "new"), [96, 97]);
});

test("LeastAllocated takes an explicit 0 as 0", (t) => {
  const cluster = clusterOf({ nodes: [node("n1")], services: [{ name: "new", requests: { cpu: 0, memory: 0 } }] });
  t.deepEqual(scoresOf(cluster, "NodeResourcesFit", "new"), [100]);
});

test("LeastAllocated has no default requests where figures are shares of the cluster", (t) => {
  const resources = [
    { name: "cpu", unit: "share" },
    { name: "memory", unit: "share" },
  ] as const;
  const parts = {
    resources,
    nodes: [{ name: "n1", capacity: { cpu: 0.01, memory: 0.02 } }],
    services: [{ name: "new", requests: { cpu: 0.0025 } }],
  };
  // cpu 75, memory 100; 87.5 → 87.
  t.deepEqual(scoresOf(clusterOf(parts), "NodeResourcesFit", "new"), [87]);
});

test("BalancedAllocation of 1.35 is (1 − |cpu − memory|/2)·100 with the pod", (t) => {
  const cluster = clusterOf(
    { nodes: [node("n1"), node("n2")], services: [{ name: "old", requests: { cpu: 1, memory: 4 * GiB } }, half] },
    { "old-0": "n1" },
  );
  // n1: cpu 1.5/4 = 0.375, memory 5/16 = 0.3125; std 0.03125; 96.875 → 96. n2: 0.125, 0.0625; 0.03125; 96.
  t.deepEqual(scoresOf(cluster, "NodeResourcesBalancedAllocation", "half", "1.35"), [96, 96]);
});

test("BalancedAllocation of 1.36 is 50 + (50 + with − without)/2", (t) => {
  const services = [
    { name: "even", requests: { cpu: 1, memory: 4 * GiB } },
    { name: "cpu", requests: { cpu: 2 } },
    half,
    { name: "memory", requests: { memory: 8 * GiB } },
  ];
  const cluster = clusterOf({ nodes: [node("n1"), node("n2")], services }, { "even-0": "n1", "cpu-0": "n2" });
  // n1: without 0.25 and 0.25 → 100; with 96, as above; 50 + (50 + 96 − 100)/2 = 73.
  // n2: without 0.5 and 0 → std 0.25 → 75; with 0.625 and 0.0625 → std 0.28125 → 71.875 → 71; 50 + (50 + 71 − 75)/2 = 73.
  t.deepEqual(scoresOf(cluster, "NodeResourcesBalancedAllocation", "half"), [73, 73]);
  // n1: with 0.25 and 0.75 → std 0.25 → 75; 50 + (50 + 75 − 100)/2 = 62.5 → 62.
  // n2: with 0.5 and 0.5 → 100; 50 + (50 + 100 − 75)/2 = 87.5 → 87.
  t.deepEqual(scoresOf(cluster, "NodeResourcesBalancedAllocation", "memory"), [62, 87]);
});

test("BalancedAllocation leaves pods out that request neither", (t) => {
  t.is(scoresOf(clusterOf({ nodes: [node("n1")], services: [{ name: "idle" }] }), "NodeResourcesBalancedAllocation", "idle"), null);
});

test("PodTopologySpread spreads over hosts by default, within 3", (t) => {
  const cluster = clusterOf(
    { nodes: [node("n1"), node("n2"), node("n3")], services: [{ name: "web", replicas: 4 }] },
    { "web-0": "n1", "web-1": "n1", "web-2": "n2" },
  );
  // Three domains: ln 5 = 1.6094. n1: 2·1.6094 + 2 = 5.22 → 5; n2: 3.61 → 4; n3: 2.
  // Most 5, least 2: 100·(7 − 5)/5 = 40, 100·(7 − 4)/5 = 60, 100·(7 − 2)/5 = 100.
  t.deepEqual(scoresOf(cluster, "PodTopologySpread", "web"), [40, 60, 100]);
});

test("PodTopologySpread spreads over zones too by default, within 5", (t) => {
  const zoned = (name: string, zone: string) => ({ ...node(name), zone });
  const cluster = clusterOf(
    { nodes: [zoned("n1", "a"), zoned("n2", "a"), zoned("n3", "b"), zoned("n4", "b")], services: [{ name: "web", replicas: 4 }] },
    { "web-0": "n1", "web-1": "n3", "web-2": "n4" },
  );
  // Hosts: ln 6 = 1.7918 and + 2; zones: ln 4 = 1.3863 and + 4; zone a has 1, b has 2.
  // n1: 1.7918 + 2 + 1.3863 + 4 = 9.18 → 9; n2: 2 + 1.3863 + 4 = 7.39 → 7; n3, n4: 1.7918 + 2 + 2.7726 + 4 = 10.56 → 11.
  // Most 11, least 7: 100·9/11 = 81.8 → 81; 100·11/11 = 100; 100·7/11 = 63.6 → 63.
  t.deepEqual(scoresOf(cluster, "PodTopologySpread", "web"), [81, 100, 63, 63]);
});

test("PodTopologySpread by a stated wish replaces the defaults, and gives 0 where the label is missing", (t) => {
  const rack = (name: string, value?: string) => ({ ...node(name), labels: value === undefined ? {} : { rack: value } });
  const services = [{ name: "web", replicas: 3, spread: [{ over: "rack", maxSkew: 1, weight: 100 }] }];
  const cluster = clusterOf({ nodes: [rack("n1", "x"), rack("n2", "y"), rack("n3")], services }, { "web-0": "n1", "web-1": "n1" });
  // Two racks: ln 4 = 1.3863. x: 2·1.3863 + 0 = 2.77 → 3; y: 0. Most 3, least 0: 100·(3 + 0 − 3)/3 = 0, 100.
  t.deepEqual(scoresOf(cluster, "PodTopologySpread", "web"), [0, 100, 0]);
});

test("PodTopologySpread has no score for a service whose only constraints must hold", (t) => {
  const services = [{ name: "web", replicas: 3, spread: [{ over: "node", maxSkew: 1, weight: null }] }];
  t.is(scoresOf(clusterOf({ nodes: [node("n1")], services }), "PodTopologySpread", "web"), null);
});

test("InterPodAffinity sums weights by pods there, subtracts those of anti-affinity, and scales from least to most", (t) => {
  const services = [
    { name: "db", replicas: 2 },
    { name: "noisy" },
    {
      name: "web",
      affinity: [{ service: "db", within: "node", weight: 80 }],
      antiAffinity: [{ service: "noisy", within: "node", weight: 30 }],
    },
  ];
  const cluster = clusterOf({ nodes: [node("n1"), node("n2"), node("n3")], services }, { "db-0": "n1", "db-1": "n1", "noisy-0": "n2" });
  // n1: 2·80 = 160; n2: −30; n3: 0. From −30 to 160: 100, 0, 100·30/190 = 15.8 → 15.
  t.deepEqual(scoresOf(cluster, "InterPodAffinity", "web"), [100, 0, 15]);
});

test("InterPodAffinity counts the terms of pods that are there: preferred ones by weight, required ones as 1", (t) => {
  const services = [
    { name: "likes", affinity: [{ service: "web", within: "node", weight: 4 }] },
    { name: "needs", affinity: [{ service: "web", within: "node", weight: null }] },
    { name: "web" },
  ];
  const cluster = clusterOf({ nodes: [node("n1"), node("n2"), node("n3")], services }, { "likes-0": "n1", "needs-0": "n2" });
  // n1: 4; n2: 1; n3: 0: 100, 25, 0.
  t.deepEqual(scoresOf(cluster, "InterPodAffinity", "web"), [100, 25, 0]);
});

test("NodeAffinity sums the weights of matching terms", (t) => {
  const preferredNodes = [
    { weight: 10, match: [{ key: "disk", operator: "Exists", values: [] }] },
    { weight: 30, match: [{ key: "disk", operator: "In", values: ["ssd"] }] },
  ] as const;
  const disk = (name: string, labels: Record<string, string>) => ({ ...node(name), labels });
  const cluster = clusterOf({
    nodes: [disk("n1", { disk: "ssd" }), disk("n2", { disk: "hdd" }), disk("n3", {})],
    services: [{ name: "web", preferredNodes }],
  });
  // 40, 10, 0: 100, 100·10/40 = 25, 0.
  t.deepEqual(scoresOf(cluster, "NodeAffinity", "web"), [100, 25, 0]);
});

test("TaintToleration counts preferring taints that are not borne, turned over", (t) => {
  const taint = (key: string) => ({ key, value: "", effect: "PreferNoSchedule" }) as const;
  const nodes = [{ ...node("n1"), taints: [taint("a"), taint("b")] }, { ...node("n2"), taints: [taint("a"), taint("c")] }, node("n3")];
  const services = [{ name: "web", tolerations: [{ key: "c", operator: "Exists", value: "", effect: null }] as const }];
  // 2, 1, 0: 100 − 100, 100 − 50, 100 − 0.
  t.deepEqual(scoresOf(clusterOf({ nodes, services }), "TaintToleration", "web"), [0, 50, 100]);
});

test("ImageLocality scales an image's size by how many nodes have it, from 23 to 1000 MiB", (t) => {
  const having = (name: string, ...images: string[]) => ({ ...node(name), images });
  const nodes = [having("n1", "common", "rare"), having("n2", "common"), having("n3", "common")];
  const services = [
    { name: "rare", images: [{ name: "rare", bytes: 300 * MiB }] },
    { name: "common", images: [{ name: "common", bytes: 300 * MiB }] },
    {
      name: "both",
      images: [
        { name: "rare", bytes: 300 * MiB },
        { name: "common", bytes: 300 * MiB },
      ],
    },
  ];
  const cluster = clusterOf({ nodes, services });
  // 300·1/3 = 100 MiB: (100 − 23)·100/977 = 7.88 → 7; none: 23 is the least: 0.
  t.deepEqual(scoresOf(cluster, "ImageLocality", "rare"), [7, 0, 0]);
  // 300·3/3: (300 − 23)·100/977 = 28.35 → 28.
  t.deepEqual(scoresOf(cluster, "ImageLocality", "common"), [28, 28, 28]);
  // Two containers, up to 2000 MiB: (400 − 23)·100/1977 = 19.07 → 19; (300 − 23)·100/1977 = 14.01 → 14.
  t.deepEqual(scoresOf(cluster, "ImageLocality", "both"), [19, 14, 14]);
});
