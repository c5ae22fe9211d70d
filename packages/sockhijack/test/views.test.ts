import { parseCatalog } from "@mitsu/catalog";
import test from "ava";
import type { JudgedFlow } from "../src/coupling/coupler.ts";
import { reasons } from "../src/coupling/reason.ts";
import { ipBytes } from "../src/kernel/ip.ts";
import type { Kernel } from "../src/kernel/kernel.ts";
import { type Edge, freshPair, type SockRecord, type Traffic } from "../src/kernel/layout.ts";
import { Ids } from "../src/mesh/ids.ts";
import type { Endpoint } from "../src/mesh/listening.ts";
import type { Mesh } from "../src/mesh/mesh.ts";
import { flowView, matrixView, numberedReplicas, serviceViews } from "../src/views.ts";
import { ends } from "./scan-lines.ts";

const endpoint: Endpoint = {
  service: "web",
  port: 80,
  target: 8080,
  protocol: "tcp",
  ip: ipBytes("10.0.0.1"),
  local: ipBytes("127.0.0.1"),
  netns: 1n,
  weight: 1,
  addresses: [],
  up: true,
};
const mesh = {
  ids: { services: new Ids(10, { client: 1, web: 2 }), replicas: new Ids(10) },
  catalog: parseCatalog('version: 1\nservices:\n  web: { ports: ["80:8080", "53/udp"], address: 198.18.0.9 }\n  idle: {}\n', {
    file: "test",
  }),
  attachments: [{ service: "web", folder: "/cg/web", cgroup: 1n, made: true, declared: false }],
  endpoints: [endpoint],
} as unknown as Mesh;

function kernel({ pair = freshPair, matrix = [] as readonly (readonly [Edge, Partial<Traffic>])[], active = 0n } = {}): Kernel {
  const traffic: Traffic = { connections: 0n, bytes_out: 0n, bytes_in: 0n, messages: 0n, redirected: 0n, denied: 0n };
  return {
    maps: {
      pairs: { get: (slot: number) => (slot === 7 ? pair : undefined) },
      matrix: { entries: () => matrix.map(([edge, some]) => [edge, { ...traffic, ...some }]) },
      loads: { get: () => ({ active, total: 9n }) },
      scores: { get: () => ({ weight: 250, score: 3 }) },
    },
  } as unknown as Kernel;
}
function judged(
  client: Partial<SockRecord> | undefined,
  server: Partial<SockRecord> | undefined,
  fields: Partial<JudgedFlow> = {},
): JudgedFlow {
  const both = ends(0, { client: client ?? {}, server: server ?? {} });
  const present = { client: client && both.client, server: server && both.server };
  return { id: 1n, state: "redirected", reason: "redirected", ...present, ...fields };
}

test("flowView() adds what went by TCP and what was redirected, in each direction", (t) => {
  const flow = judged(
    { bytes_sent: 100n, redirected_bytes: 300n, redirected_messages: 3n, passed_messages: 1n, segments_sent: 5, unread: 11, slot: 7 },
    { bytes_sent: 1000n, redirected_bytes: 600n, redirected_messages: 2n, passed_messages: 4n, segments_sent: 6, unread: 22, slot: 7 },
  );
  t.deepEqual(flowView(flow, mesh, kernel({ pair: { ...freshPair, exchanges: 4n, total_ns: 100_000n } })), {
    client: { service: "client", address: "127.0.0.1", port: 40_000 },
    server: { service: "web", address: "127.0.0.1", port: 80 },
    asked: null,
    askedService: null,
    state: "redirected",
    reason: "redirected",
    explanation: reasons.redirected,
    bytesOut: 400,
    bytesIn: 1600,
    redirectedShare: 0.45,
    messages: 5,
    passed: 5,
    segments: 11,
    latencyUs: 25,
    unread: [11, 22],
  });
});

test("flowView() shows what the program asked for where it was rewritten", (t) => {
  const asked = { ip: ipBytes("fd6d::9"), port: 80, family: 10 };
  t.is(flowView(judged({ asked }, {}), mesh, kernel()).asked, "[fd6d::9]:80");
  t.is(flowView(judged(undefined, {}), mesh, kernel()).asked, null);
});

test("flowView() tells of a flow whose other end is unknown what its one end knows", (t) => {
  const from = flowView(judged({ bytes_sent: 10n, bytes_received: 20n, peer_service: 2 }, undefined), mesh, kernel());
  t.like(from, { bytesOut: 10, bytesIn: 20, server: { service: "web", address: "127.0.0.1", port: 80 } });
  const to = flowView(judged(undefined, { bytes_sent: 10n, bytes_received: 20n }), mesh, kernel());
  t.like(to, { bytesOut: 20, bytesIn: 10, client: { service: "", address: "127.0.0.1", port: 40_000 }, unread: [0, 0] });
});

test("flowView() shows the service that was asked for where nicd is the server's end", (t) => {
  const asked = { ip: ipBytes("fd6d::9"), port: 80, family: 10 };
  t.like(flowView(judged({ asked, asked_service: 2, peer_service: 1 }, undefined), mesh, kernel()), {
    askedService: "web",
    server: { service: "client" },
  });
});

test("flowView() takes TCP's round trip where no exchange was timed, and null where there is none", (t) => {
  t.is(flowView(judged({ srtt_us: 42, slot: 7 }, {}), mesh, kernel()).latencyUs, 42);
  t.is(flowView(judged({}, {}), mesh, kernel()).latencyUs, null);
  t.is(flowView(judged({}, {}), mesh, kernel()).redirectedShare, 0);
});

test("serviceViews() shows ports as they are written, cgroups, and replicas with load, weight and score", (t) => {
  const [idle, web] = serviceViews(mesh, kernel({ active: 2n }), "mesh");
  t.like(idle, { name: "idle", host: "idle.mesh", ports: [], cgroups: [], replicas: [] });
  t.like(web, { host: "web.mesh", ipv4: "198.18.0.9", ports: ["80:8080", "53/udp"], redirect: "auto", cgroups: ["/cg/web"] });
  t.deepEqual(web!.replicas, [{ address: "10.0.0.1", port: 8080, protocol: "tcp", up: true, active: 2, total: 9, weight: 2.5, score: 3 }]);
});

test("numberedReplicas() names entries of the kernel's maps; a replica of the mesh file is here when its address is; without those that no number is left for", (t) => {
  const ids = { services: new Ids(10), replicas: new Ids(3), frontends: new Ids(10, { "web 80/tcp": 4 }) };
  const away = { ...endpoint, ip: ipBytes("10.0.0.9"), up: false };
  const namespaces = { all: [{ cookie: 1n, fd: -1, inode: "", addresses: ["10.0.0.1"] }] };
  const mesh = { ids, namespaces, endpoints: [endpoint, away, { ...away, target: 1 }] } as unknown as Mesh;
  const common = { service: "web", port: 80, protocol: "tcp", frontend: 4, target: 8080, weight: 1 };
  t.deepEqual(numberedReplicas(mesh), [
    { id: 1, ...common, address: "10.0.0.1", up: true, here: true },
    { id: 2, ...common, address: "10.0.0.9", up: false, here: false },
  ]);
});

test("serviceViews() shows no negative load", (t) => {
  t.is(serviceViews(mesh, kernel({ active: -1n }), "mesh")[1]?.replicas[0]?.active, 0);
});

test("matrixView() adds open flows to what closed ones left, most bytes first", (t) => {
  const closed = kernel({
    matrix: [
      [
        { from: 1, to: 2 },
        { connections: 3n, bytes_out: 100n, bytes_in: 200n, messages: 7n, redirected: 250n, denied: 1n },
      ],
      [
        { from: 2, to: 1 },
        { connections: 1n, bytes_out: 5000n },
      ],
      [
        { from: 1, to: 9 },
        { connections: 1n, bytes_out: 9000n },
      ],
    ],
  });
  const open = judged({ bytes_sent: 0n, redirected_bytes: 50n, redirected_messages: 1n, peer_service: 2 }, { bytes_sent: 50n });
  t.deepEqual(matrixView([open], mesh, closed), [
    { from: "web", to: "client", connections: 1, bytesOut: 5000, bytesIn: 0, messages: 0, redirectedBytes: 0, denied: 0 },
    { from: "client", to: "web", connections: 3, bytesOut: 150, bytesIn: 250, messages: 8, redirectedBytes: 300, denied: 1 },
  ]);
});

test("matrixView() counts connections that no connect hook saw, and leaves out what leads out of the mesh", (t) => {
  const older = judged({ bytes_sent: 1n, peer_service: 0 }, {});
  const outward = judged({ bytes_sent: 5n, peer_service: 0 }, undefined);
  const inward = judged(undefined, { bytes_received: 9n });
  const cells = matrixView([older, outward, inward], mesh, kernel()).map(({ from, to, connections, bytesOut }) => [
    from,
    to,
    connections,
    bytesOut,
  ]);
  t.deepEqual(cells, [
    ["", "web", 1, 9],
    ["client", "web", 1, 1],
  ]);
});

test("matrixView() counts what goes to nicd for the service that was asked for, whether nicd belongs to one or not", (t) => {
  const viaNic = judged({ asked_service: 2, peer_service: 0, bytes_sent: 7n }, undefined);
  t.like(matrixView([viaNic], mesh, kernel())[0], { from: "client", to: "web", connections: 0, bytesOut: 7 });
});

test("every reason is a word for scripts and a sentence for people", (t) => {
  for (const [name, sentence] of Object.entries(reasons)) {
    t.regex(name, /^[a-z]+(-[a-z]+)*$/);
    t.true(sentence.length > 15 && !sentence.endsWith("."), name);
  }
});
