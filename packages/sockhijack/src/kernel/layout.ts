/** The structs of `bpf/sockhijack.h`, field for field; `test/kernel/layout.test.ts` compares both against the object's BTF. Long because it mirrors one header: each struct is a type and a codec. @module */
import { bytes, type Codec, cstring, i64, type StructCodec, struct, u8, u16, u16be, u32, u64 } from "@mitsu/ebpf-ts";

/** Counts up when a struct changes: the pin folder carries it, so that two layouts never share maps. */
export const layoutVersion = 6;

/** `struct address`, decoded. */
export interface Address {
  readonly ip: Uint8Array;
  readonly port: number;
  readonly family: number;
}
/** `struct address`: 16 bytes, IPv4 as ::ffff:a.b.c.d; port in host order here. */
export const address: StructCodec<Address> = struct({ ip: bytes(16), port: u16be, family: u16 });
/** `struct address_key`, decoded. */
export interface AddressKey {
  readonly netns: bigint;
  readonly ip: Uint8Array;
  readonly port: number;
  readonly protocol: number;
  readonly pad: Uint8Array;
}
/** `struct address_key`. */
export const addressKey: StructCodec<AddressKey> = struct({ netns: u64, ip: bytes(16), port: u16be, protocol: u8, pad: bytes(5) });
/** `struct address_value`, decoded. */
export interface AddressValue {
  readonly service: number;
  readonly replica: number;
  readonly frontend: number;
  /** {@link nicWay} */
  readonly nic: number;
}
/** `struct address_value`. */
export const addressValue: StructCodec<AddressValue> = struct({ service: u32, replica: u32, frontend: u32, nic: u32 });
/** `struct frontend`, decoded. */
export interface Frontend {
  readonly backends: number;
  readonly pad: number;
}
/** `struct frontend`. */
export const frontend: StructCodec<Frontend> = struct({ backends: u32, pad: u32 });
/** `struct backend_key`, decoded. */
export interface BackendKey {
  readonly frontend: number;
  readonly index: number;
}
/** `struct backend_key`. */
export const backendKey: StructCodec<BackendKey> = struct({ frontend: u32, index: u32 });
/** `struct replica`, decoded. */
export interface Replica {
  readonly ip: Uint8Array;
  readonly local: Uint8Array;
  readonly ip6: Uint8Array;
  readonly local6: Uint8Array;
  readonly netns: bigint;
  readonly port: number;
  readonly pad: number;
  readonly service: number;
}
/** `struct replica`. */
export const replica: StructCodec<Replica> = struct({
  ip: bytes(16),
  local: bytes(16),
  ip6: bytes(16),
  local6: bytes(16),
  netns: u64,
  port: u16be,
  pad: u16,
  service: u32,
});
/** `struct score`, decoded. */
export interface Score {
  readonly weight: number;
  readonly score: number;
  readonly each: number;
  readonly until: number;
}
/** `struct score`. */
export const score: StructCodec<Score> = struct({ weight: u32, score: u32, each: u32, until: u32 });
/** `struct choices`, decoded. */
export interface Choices {
  readonly choices: number;
  readonly until: number;
}
/** `struct choices`. */
export const choices: StructCodec<Choices> = struct({ choices: u32, until: u32 });
/** `struct load`, decoded. */
export interface Load {
  readonly active: bigint;
  readonly total: bigint;
}
/** `struct load`. */
export const load: StructCodec<Load> = struct({ active: i64, total: u64 });
/** `struct service`, decoded. */
export interface Service {
  readonly redirect: number;
  readonly deny_errno: number;
  readonly attached: number;
  readonly trace: number;
  readonly sampling: number;
  readonly nic: number;
}
/** `struct service`. */
export const service: StructCodec<Service> = struct({
  redirect: u32,
  deny_errno: u32,
  attached: u32,
  trace: u32,
  sampling: u32,
  nic: u32,
});
/** `struct service_name`, decoded. */
export interface ServiceName {
  readonly text: string;
}
/** `struct service_name`. */
export const serviceName: StructCodec<ServiceName> = struct({ text: cstring(64) });
/** `struct policy_key`, decoded. */
export interface PolicyKey {
  readonly from: number;
  readonly to: number;
  readonly port: number;
  readonly pad: number;
}
/** `struct policy_key`. */
export const policyKey: StructCodec<PolicyKey> = struct({ from: u32, to: u32, port: u16be, pad: u16 });
/** `struct policy_value`, decoded. */
export interface PolicyValue {
  readonly action: number;
  readonly rule: number;
}
/** `struct policy_value`. */
export const policyValue: StructCodec<PolicyValue> = struct({ action: u32, rule: u32 });
/** `struct edge`, decoded. */
export interface Edge {
  readonly from: number;
  readonly to: number;
}
/** `struct edge`. */
export const edge: StructCodec<Edge> = struct({ from: u32, to: u32 });
/** `struct traffic`, decoded. */
export interface Traffic {
  readonly connections: bigint;
  readonly bytes_out: bigint;
  readonly bytes_in: bigint;
  readonly messages: bigint;
  readonly redirected: bigint;
  readonly denied: bigint;
}
/** `struct traffic`. */
export const traffic: StructCodec<Traffic> = struct({
  connections: u64,
  bytes_out: u64,
  bytes_in: u64,
  messages: u64,
  redirected: u64,
  denied: u64,
});
/** `struct pair`, decoded. */
export interface Pair {
  readonly sent_ns: bigint;
  readonly exchanges: bigint;
  readonly total_ns: bigint;
  readonly max_ns: bigint;
  readonly server_bytes: bigint;
  readonly server_messages: bigint;
  readonly open: number;
  readonly pad: number;
}
/** `struct pair`. */
export const pair: StructCodec<Pair> = struct({
  sent_ns: u64,
  exchanges: u64,
  total_ns: u64,
  max_ns: u64,
  server_bytes: u64,
  server_messages: u64,
  open: u32,
  pad: u32,
});
/** A pair of which nothing has been redirected, and may not be yet. */
export const freshPair: Pair = {
  sent_ns: 0n,
  exchanges: 0n,
  total_ns: 0n,
  max_ns: 0n,
  server_bytes: 0n,
  server_messages: 0n,
  open: 0,
  pad: 0,
};
/** `struct plan`, decoded. */
export interface Plan {
  readonly peer: bigint;
  readonly peer_sk: bigint;
  readonly action: number;
  readonly slot: number;
  readonly peer_service: number;
  readonly flags: number;
}
/** `struct plan`. */
export const plan: StructCodec<Plan> = struct({ peer: u64, peer_sk: u64, action: u32, slot: u32, peer_service: u32, flags: u32 });
/** `struct sock_record`, decoded. */
export interface SockRecord {
  readonly cookie: bigint;
  readonly netns: bigint;
  readonly sk: bigint;
  readonly inode: bigint;
  readonly cgroup: bigint;
  readonly local_ip: Uint8Array;
  readonly remote_ip: Uint8Array;
  readonly local_port: number;
  readonly remote_port: number;
  readonly family: number;
  readonly state: number;
  readonly applied: number;
  readonly service: number;
  readonly facts: number;
  readonly stream_out: number;
  readonly stream_in: number;
  readonly in_flight: number;
  readonly bytes_sent: bigint;
  readonly bytes_received: bigint;
  readonly redirected_bytes: bigint;
  readonly redirected_messages: bigint;
  readonly passed_messages: bigint;
  readonly segments_sent: number;
  readonly mean_bytes: number;
  readonly unread: number;
  readonly srtt_us: number;
  readonly mode: number;
  readonly slot: number;
  readonly peer_service: number;
  readonly flags: number;
  readonly peer: bigint;
  readonly asked: Address;
  readonly replica: number;
  readonly asked_service: number;
  readonly pad: number;
}
/** `struct sock_record`, one line of the scan. */
export const sockRecord: StructCodec<SockRecord> = struct({
  cookie: u64,
  netns: u64,
  sk: u64,
  inode: u64,
  cgroup: u64,
  local_ip: bytes(16),
  remote_ip: bytes(16),
  local_port: u16,
  remote_port: u16,
  family: u16,
  state: u8,
  applied: u8,
  service: u32,
  facts: u32,
  stream_out: u32,
  stream_in: u32,
  in_flight: u32,
  bytes_sent: u64,
  bytes_received: u64,
  redirected_bytes: u64,
  redirected_messages: u64,
  passed_messages: u64,
  segments_sent: u32,
  mean_bytes: u32,
  unread: u32,
  srtt_us: u32,
  mode: u32,
  slot: u32,
  peer_service: u32,
  flags: u32,
  peer: u64,
  asked: address,
  replica: u32,
  asked_service: u32,
  pad: u32,
});
/** `struct event`, decoded. */
export interface Event {
  readonly netns: bigint;
  readonly cookie: bigint;
  readonly kind: number;
  readonly from: number;
  readonly to: number;
  readonly rule: number;
  readonly pid: number;
  readonly port: number;
  readonly protocol: number;
  readonly pad: number;
  readonly comm: string;
}
/** `struct event`. */
export const event: StructCodec<Event> = struct({
  netns: u64,
  cookie: u64,
  kind: u32,
  from: u32,
  to: u32,
  rule: u32,
  pid: u32,
  port: u16be,
  protocol: u8,
  pad: u8,
  comm: cstring(16),
});
/** `struct tap_record`, decoded. */
export interface TapHead {
  readonly time_ns: bigint;
  readonly cookie: bigint;
  readonly peer: bigint;
  readonly local_ip: Uint8Array;
  readonly remote_ip: Uint8Array;
  readonly local_port: number;
  readonly remote_port: number;
  readonly family: number;
  readonly pad: number;
  readonly from: number;
  readonly to: number;
  readonly length: number;
  readonly captured: number;
}
/** `struct tap_record` up to its data. */
export const tapHead: StructCodec<TapHead> = struct({
  time_ns: u64,
  cookie: u64,
  peer: u64,
  local_ip: bytes(16),
  remote_ip: bytes(16),
  local_port: u16,
  remote_port: u16,
  family: u16,
  pad: u16,
  from: u32,
  to: u32,
  length: u32,
  captured: u32,
});
/** `struct birth_key`, decoded. */
export interface BirthKey {
  readonly client: Uint8Array;
  readonly server: Uint8Array;
  readonly client_port: number;
  readonly server_port: number;
  readonly isn: number;
}
/** `struct birth_key`. */
export const birthKey: StructCodec<BirthKey> = struct({
  client: bytes(16),
  server: bytes(16),
  client_port: u16be,
  server_port: u16be,
  isn: u32,
});
/** `struct exchange`, decoded; ids are bytes. */
export interface ExchangeRecord {
  readonly trace: Uint8Array;
  readonly parent: Uint8Array;
  readonly client_span: Uint8Array;
  readonly server_span: Uint8Array;
  readonly start_ns: bigint;
  readonly read_ns: bigint;
  readonly first_ns: bigint;
  readonly request_bytes: bigint;
  readonly answer_bytes: bigint;
  readonly reader: number;
  readonly status: number;
  readonly flags: number;
  readonly method: number;
  readonly target: number;
  readonly stream: number;
  readonly line: Uint8Array;
}
/** `span_id`: eight bytes as they are written. */
export const spanId: Codec<Uint8Array> = bytes(8);
/** `LINE_BYTES`. */
export const lineBytes = 96;
/** `struct exchange`. */
export const exchangeRecord: StructCodec<ExchangeRecord> = struct({
  trace: bytes(16),
  parent: spanId,
  client_span: spanId,
  server_span: spanId,
  start_ns: u64,
  read_ns: u64,
  first_ns: u64,
  request_bytes: u64,
  answer_bytes: u64,
  reader: u32,
  status: u16,
  flags: u8,
  method: u8,
  target: u32,
  stream: u32,
  line: bytes(lineBytes),
});
/** `struct span_record`, decoded. */
export interface SpanRecord {
  readonly end_ns: bigint;
  readonly start_ns: bigint;
  readonly read_ns: bigint;
  readonly request_bytes: bigint;
  readonly answer_bytes: bigint;
  readonly from: number;
  readonly to: number;
  readonly status: number;
  readonly flags: number;
  readonly exchange_flags: number;
  readonly pad: Uint8Array;
  readonly stream: number;
  readonly fraction: number;
  readonly connection: bigint;
  readonly key: BirthKey;
  readonly replica: number;
  readonly pad2: number;
  readonly exchange: ExchangeRecord;
}
/** `struct span_record`. */
export const spanRecord: StructCodec<SpanRecord> = struct({
  end_ns: u64,
  start_ns: u64,
  read_ns: u64,
  request_bytes: u64,
  answer_bytes: u64,
  from: u32,
  to: u32,
  status: u16,
  flags: u16,
  exchange_flags: u8,
  pad: bytes(3),
  stream: u32,
  fraction: u32,
  connection: u64,
  key: birthKey,
  replica: u32,
  pad2: u32,
  exchange: exchangeRecord,
});
/** `struct header_block`, decoded; the frame follows it. */
export interface HeaderBlock {
  readonly none: bigint;
  readonly connection: bigint;
  readonly number: number;
  readonly answers: number;
  readonly bytes: number;
  readonly pad: number;
}
/** `struct header_block`. */
export const headerBlock: StructCodec<HeaderBlock> = struct({
  none: u64,
  connection: u64,
  number: u32,
  answers: u32,
  bytes: u32,
  pad: u32,
});
/** `struct control`, decoded. */
export interface Control {
  readonly kicked: number;
  readonly default_action: number;
  readonly tap: number;
  readonly dns_used: number;
  readonly dns_port: number;
  readonly pad: number;
}
/** `struct control`. */
export const control: StructCodec<Control> = struct({
  kicked: u32,
  default_action: u32,
  tap: u32,
  dns_used: u32,
  dns_port: u16be,
  pad: u16,
});

/** `enum fact`. */
export const fact = {
  nonblock: 1,
  unread: 2,
  urgent: 4,
  lowat: 8,
  zerocopy: 16,
  ulp: 32,
  mptcp: 64,
  foreign: 128,
  enrolled: 256,
  noFile: 512,
  listener: 1024,
  control: 2048,
} as const;
/** `enum state_flag`. */
export const stateFlag = {
  client: 1,
  tap: 2,
  optedOut: 4,
  quiet: 8,
  dns: 16,
  counted: 32,
  enrolled: 64,
  adopted: 128,
  injects: 256,
  spent: 512,
  spoke: 1024,
} as const;
/** `enum action_plan`. */
export const planAction = { none: 0, enrol: 1, quiesce: 2, release: 3, set: 4, take: 5 } as const;
/** `enum applied`. */
export const applied = { nothing: 0, done: 1, later: 2, full: 3, refused: 4 } as const;
/** `enum event_kind`. */
export const eventKind = { connect: 1, bind: 2, denied: 4, optedOut: 8 } as const;
/** `enum nic`. */
export const nicWay = { off: 0, elseDirect: 1, elseRefuse: 2 } as const;
/** `enum trace`. */
export const traceMode = { off: 0, "side-band": 1, header: 2 } as const;
/** `enum exchange_flag`. */
export const exchangeFlag = { sampled: 1, continued: 2, linked: 4, ambiguous: 8, injected: 16, redirected: 32, carried: 64 } as const;
/** `enum connection_flag`, those that a span record shows. */
export const connectionFlag = { hereClient: 1, hereServer: 2, spanAborted: 256 } as const;
/** Numbers of TCP states (`include/net/tcp_states.h`). */
export const tcpState = { established: 1, listen: 10 } as const;
/** `enum counter`, in order: the names under which `status` and metrics show them. */
export const counterNames = [
  "connect",
  "rewritten",
  "denied",
  "no_replica",
  "no_port",
  "family",
  "dns",
  "dns_passed",
  "messages",
  "redirected",
  "pass_off",
  "pass_half",
  "pass_in_flight",
  "pass_full",
  "pass_peer_gone",
  "pass_not_enrolled",
  "enrolled",
  "released",
  "enrol_full",
  "enrol_refused",
  "event_lost",
  "tap_lost",
  "opted_out",
  "option_refused",
  "trimmed",
  "trim_failed",
  "requests",
  "injected",
  "continued",
  "not_injected",
  "spans_lost",
  "connections_full",
  "opaque_not_http",
  "opaque_long_head",
  "opaque_bad_head",
  "opaque_bad_chunk",
  "opaque_upgraded",
  "opaque_unasked",
  "opaque_deep",
  "opaque_gap",
  "opaque_bad_frame",
  "streams_full",
  "nic",
  "nic_direct",
  "nic_refused",
  "nic_stale",
] as const;

/** A plan whose unused fields are 0. */
export function planFor(action: number, rest: Partial<Plan> = {}): Plan {
  return { peer: 0n, peer_sk: 0n, action, slot: 0, peer_service: 0, flags: 0, ...rest };
}

/** Data of a tap record begins here. */
export const tapDataOffset: number = tapHead.size;
