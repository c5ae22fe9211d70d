/** What the kernel tells of a connection that was sent here: `struct caller_key` and `struct caller` of sockhijack's `bpf/sockhijack.h`. @module */
import { bytes, type StructCodec, struct, u16, u16be, u32, u64 } from "@mitsu/ebpf-ts";

/** `struct caller_key`, decoded: the four numbers of the accepted socket. Addresses are 16 bytes, IPv4 as ::ffff:a.b.c.d. */
export interface CallerKey {
  readonly remote_ip: Uint8Array;
  readonly local_ip: Uint8Array;
  readonly remote_port: number;
  readonly local_port: number;
}
/** `struct caller_key`. */
export const callerKey: StructCodec<CallerKey> = struct({
  remote_ip: bytes(16),
  local_ip: bytes(16),
  remote_port: u16be,
  local_port: u16be,
});

/** `struct address`, decoded. */
export interface AddressRecord {
  readonly ip: Uint8Array;
  readonly port: number;
  /** AF_INET or AF_INET6, by the call that the program made. */
  readonly family: number;
}
/** `struct address`. */
export const addressRecord: StructCodec<AddressRecord> = struct({ ip: bytes(16), port: u16be, family: u16 });

/** `struct caller`, decoded; `asked` is what the program connected to. */
export interface CallerRecord {
  /** Of the client's socket. */
  readonly cookie: bigint;
  /** Id of the cgroup that it was made in. */
  readonly cgroup: bigint;
  readonly asked: AddressRecord;
  /** Number of the client's service, 0 none. */
  readonly service: number;
  /** Of what it asked for. */
  readonly asked_service: number;
  /** Sequence number of the client's first byte. */
  readonly first: number;
}
/** `struct caller`. */
export const callerRecord: StructCodec<CallerRecord> = struct({
  cookie: u64,
  cgroup: u64,
  asked: addressRecord,
  service: u32,
  asked_service: u32,
  first: u32,
});

/** `NAME_BYTES`: room of one service's name, which ends at the first zero. */
export const nameBytes = 64;
