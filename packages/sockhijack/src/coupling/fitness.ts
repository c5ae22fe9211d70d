/** Which flows may be redirected: a pure judgement of what the scan saw. @module */
import { fact, type SockRecord, stateFlag, tcpState } from "../kernel/layout.ts";
import type { Flow } from "./flow.ts";
import type { Reason } from "./reason.ts";

/** What the judgement needs to know besides the flow. */
export interface FitnessRules {
  /** `redirect:` of a service. */
  readonly redirect: (service: number) => "auto" | "on" | "off";
  /** Does the program that holds this socket use splice(2)? */
  readonly splices: (end: SockRecord) => boolean;
  /** False when the self-test refused. */
  readonly usable: boolean;
}

/** Messages larger than this on average go faster by TCP (measured: 16 KiB 1.2 ×, 64 KiB 0.7 × plain). */
const bulkBytes = 24 << 10;
/** Judged only after this much. A large first answer puts coupling off; bulk that was coupled first costs more: 0.8 × plain TCP for a second. */
const bulkSampleBytes = 128 << 10;

const factReasons: readonly (readonly [number, Reason])[] = [
  [fact.urgent, "urgent"],
  [fact.lowat, "lowat"],
  [fact.zerocopy, "zerocopy"],
  [fact.control, "control"],
  [fact.ulp, "ulp"],
  [fact.mptcp, "mptcp"],
  [fact.foreign, "foreign"],
];

/** Segments of this size are what a network cuts large messages into: MTU 1280 to 9000. Loopback's are as large as the messages. */
const cutSegmentBytes = { least: 1_100, most: 9_000 } as const;

/**
 * Do large messages dominate in what this end sends? Enrolled: the mean of its messages. Not yet: bytes a segment, which loopback does not cut; on a
 * network with a smaller MTU, full segments and many bytes for each segment that came back, as in large answers to small requests.
 */
function sendsBulk(end: SockRecord, other: SockRecord): boolean {
  if (end.facts & fact.enrolled) return end.mean_bytes > bulkBytes;
  if (end.bytes_sent <= bulkSampleBytes) return false;
  const segmentBytes = Number(end.bytes_sent) / Math.max(1, end.segments_sent);
  const cut = segmentBytes > cutSegmentBytes.least && segmentBytes < cutSegmentBytes.most;
  return segmentBytes > bulkBytes || (cut && Number(end.bytes_sent) / Math.max(1, other.segments_sent) > bulkBytes);
}

function againstEnd(end: SockRecord, other: SockRecord, side: "client" | "server", rules: FitnessRules): Reason | undefined {
  const way = rules.redirect(end.service);
  if (way === "off") return "off";
  if (end.state !== tcpState.established) return "not-established";
  if (end.facts & fact.noFile) return "not-accepted";
  if (!(end.facts & fact.nonblock)) return `${side}-blocking`;
  if (end.flags & stateFlag.optedOut) return "opted-out";
  const found = factReasons.find(([bit]) => end.facts & bit);
  if (found) return found[1];
  if (rules.splices(end)) return "splice";
  if (way !== "on" && sendsBulk(end, other)) return "bulk";
  return undefined;
}

/**
 * What speaks against redirecting a flow; undefined when nothing does.
 *
 * @example
 * ```ts
 * unfit({ id: 1n, client, server: undefined }, rules); // "other-end"
 * ```
 */
export function unfit(flow: Flow, rules: FitnessRules): Reason | undefined {
  if (!rules.usable) return "self-test";
  if (!flow.client || !flow.server) return "other-end";
  return againstEnd(flow.client, flow.server, "client", rules) ?? againstEnd(flow.server, flow.client, "server", rules);
}
