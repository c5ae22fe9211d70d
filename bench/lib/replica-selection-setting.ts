/** What replica-selection.sh measures: settings of scenarios, the mesh file of each, and the same for the simulator. @module */

/** What all points of a run have in common. */
export interface Common {
  readonly nodes: number;
  readonly replicas: number;
  /** Work of a request at full speed, milliseconds, exponential. */
  readonly workMs: number;
  /** How long a replica is at full speed, and at a third, exponential. */
  readonly dwellMs: number;
  readonly seconds: number;
  readonly warmUp: number;
  readonly security: "plain-text" | "mtls";
  readonly broker: "mqttnic" | "mosquitto";
}

/** One measurement. */
export interface Point {
  readonly scenario: "varying" | "hog" | "equal" | "age" | "restart" | "dead" | "soak";
  readonly rep: number;
  readonly policy: string;
  /** Share of the capacity at mean speed. */
  readonly load: number;
  /** Between two messages of a node while something changes. */
  readonly intervalMs: number;
  /** The broker is killed when the warm-up ends. */
  readonly brokerLost: boolean;
  readonly replicas: number;
  /** `hog`: replicas compute, and antagonists take what they compute with. */
  readonly speed: "varying" | "equal" | "hog";
  readonly seconds: number;
  readonly warmUp: number;
  /** How replicas are restarted: told to end, or killed. */
  readonly how: "term" | "kill" | null;
}

/** Full speed and this alternate. */
export const slow: number = 1 / 3;

/** Cores of a replica of `hog` at full speed; two cores hold 4 nodes with two each, and their daemons. */
export const hogCores = 0.1;

/** Of `hog`, everything takes so many times longer: the kernel gives out CPU time by the millisecond, and its bounds hold for ten. */
const hogTimes = 2;

/** Work of a request at full speed, milliseconds, exponential. */
export function workOf({ speed }: Pick<Point, "speed">, { workMs }: Pick<Common, "workMs">): number {
  return speed === "hog" ? hogTimes * workMs : workMs;
}

/** How long an antagonist burns, and how long it does not, milliseconds, exponential. */
export const hogDwellMs = ({ dwellMs }: Pick<Common, "dwellMs">): number => hogTimes * dwellMs;

/** Requests a second that are asked for, on all nodes together; an antagonist leaves its node a third, as nearly as the kernel's weights do. */
export function rateOf(point: Pick<Point, "load" | "replicas" | "speed">, common: Pick<Common, "workMs">): number {
  const { load, replicas, speed } = point;
  return (load * replicas * (speed === "equal" ? 1 : (1 + slow) / 2) * 1000) / workOf(point, common);
}

/** Name of the nth node, from 0. */
export const nodeName = (at: number): string => `n${at + 1}`;
/** Its address on the bridge. */
export const nodeAddress = (at: number): string => `10.203.80.${at + 11}`;
/** Where the broker listens. */
export const brokerAddress = "10.203.80.2";
const firstPort = 9001;

/** A replica: number n is on node n mod nodes. */
export interface Place {
  readonly number: number;
  readonly node: number;
  readonly address: string;
  readonly port: number;
}

/** Where each replica is. */
export function placesOf(replicas: number, nodes: number): readonly Place[] {
  return Array.from({ length: replicas }, (_, number) => ({
    number,
    node: number % nodes,
    address: nodeAddress(number % nodes),
    port: firstPort + Math.floor(number / nodes),
  }));
}

/** How long a replica that recovered takes to get its full share, in the scenarios that have one. */
export const slowStartMs = 4000;

/** The mesh file. Replicas on the same node are no better than others, so that policies are compared and not places. */
export function meshOf(point: Point, common: Common): string {
  const nodes = Array.from({ length: common.nodes }, (_, at) => `  ${nodeName(at)}: { address: ${nodeAddress(at)} }`);
  const replicas = placesOf(point.replicas, common.nodes).map(({ node, port }) => `      - { node: ${nodeName(node)}, port: ${port} }`);
  const recovers = point.scenario === "dead" || point.scenario === "restart";
  const cluster = [
    `selector: ${point.policy}`,
    "locality: off",
    "max-requests: 100000",
    "max-pending: 100000",
    `slow-start: ${recovers ? `${slowStartMs}ms` : "0s"}`,
  ];
  return `version: 1
nodes:
${nodes.join("\n")}
links: { security: ${common.security} }
services:
  work:
    ports: ["80:${firstPort}"]
    tracing: off
    nic: on
    replicas:
${replicas.join("\n")}
    cluster: { ${cluster.join(", ")} }
    routes:
      - timeout: 60s
        retries: { attempts: ${recovers ? 3 : 0}, on: [connect-failure, reset, refused-stream, gateway-error], back-off: 5ms, least-in-flight: 100 }
`;
}

/** What measurements tell the simulator. */
export interface Seen {
  /** One way of requests and answers. */
  readonly networkMs: number;
  /** From a change at a replica to where it is selected by, beyond the interval. */
  readonly delayMs: number;
}

/** Arguments of `replicad simulate` for points that differ in policy and load only. */
export function simulationArguments(
  point: Point,
  common: Common,
  seen: Seen,
  { policies, loads, runs }: { readonly policies: readonly string[]; readonly loads: readonly number[]; readonly runs: number },
): readonly string[] {
  const ms = (value: number): string => `${Number(value.toPrecision(3))}ms`;
  return [
    "simulate",
    ...["--policies", policies.join(",")],
    ...["--load", loads.join(",")],
    ...["--servers", String(point.replicas)],
    ...["--clients", String(common.nodes)],
    ...["--service", `exponential:mean=${ms(common.workMs)}`],
    ...[
      "--speed",
      point.speed === "equal" ? "equal" : `varying:slow=${slow.toFixed(4)},fast-for=${ms(common.dwellMs)},slow-for=${ms(common.dwellMs)}`,
    ],
    ...["--network", ms(seen.networkMs)],
    ...["--age", ms(point.intervalMs), "--quiet", `${Math.max(100, point.intervalMs)}ms`, "--age-delay", ms(seen.delayMs)],
    ...(point.brokerLost ? ["--broker-lost", `${point.warmUp}s`] : []),
    // nicd's probes are looks at the table of its node, and c3 gets its row with each answer.
    ...["--nodes", String(common.nodes), "--probes", "table", "--piggyback", "c3"],
    ...["--seconds", String(point.seconds), "--warm-up", String(point.warmUp), "--runs", String(runs), "--json"],
  ];
}
