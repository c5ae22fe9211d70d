/** Reads the part of a DNS query that decides who answers it: header and question (RFC 1035 §4.1). @module */

/** A query with one question. */
export interface DnsQuery {
  /** The whole message as it came. */
  readonly message: Buffer;
  readonly id: number;
  /** Bits 16 to 31 of the header. */
  readonly flags: number;
  /** The name's labels with their letter case kept; bytes above 127 as Latin-1. */
  readonly labels: readonly string[];
  /** QTYPE, such as 1 for A. */
  readonly type: number;
  /** QCLASS, 1 for IN. */
  readonly class: number;
  /** The question section's bytes, to be echoed as they are. */
  readonly question: Buffer;
}

/** What {@link readQuery} makes of a message. */
export type ReadQuery =
  | { readonly kind: "query"; readonly query: DnsQuery }
  /** Another opcode than QUERY (UPDATE, NOTIFY, …): for the upstream. */
  | { readonly kind: "other" }
  /** To be answered with FORMERR. */
  | { readonly kind: "malformed" }
  /** Too short, or itself an answer: answering could start a loop. */
  | { readonly kind: "silence" };

/** Bytes of a DNS header. */
export const headerBytes = 12;
const responseBit = 0x8000;
const longestName = 255;

/** Reads header and question of a message; never throws. */
export function readQuery(message: Buffer): ReadQuery {
  if (message.length < headerBytes) return { kind: "silence" };
  const flags = message.readUInt16BE(2);
  if (flags & responseBit) return { kind: "silence" };
  if (((flags >> 11) & 0xf) !== 0) return { kind: "other" };
  if (message.readUInt16BE(4) !== 1) return { kind: "malformed" };
  const labels: string[] = [];
  let offset = headerBytes;
  for (;;) {
    const length = message[offset];
    // 0xc0: a pointer has nothing before it to point to here; 0x40 and 0x80 are not in use (RFC 6891 §5).
    if (length === undefined || length >= 0x40 || offset - headerBytes + length >= longestName) return { kind: "malformed" };
    offset += 1 + length;
    if (length === 0) break;
    labels.push(message.toString("latin1", offset - length, offset));
  }
  if (message.length < offset + 4) return { kind: "malformed" };
  const question = message.subarray(headerBytes, offset + 4);
  return {
    kind: "query",
    query: {
      message,
      id: message.readUInt16BE(0),
      flags,
      labels,
      type: message.readUInt16BE(offset),
      class: message.readUInt16BE(offset + 2),
      question,
    },
  };
}

/**
 * An answer without records that repeats id, opcode, RD and, if told, the question.
 *
 * @param rcode 1 FORMERR, 2 SERVFAIL, 5 REFUSED.
 */
export function bareAnswer(message: Buffer, rcode: number, question?: Buffer): Buffer {
  const answer = Buffer.alloc(headerBytes + (question?.length ?? 0));
  message.copy(answer, 0, 0, 2);
  const recursionAvailable = 0x80;
  answer.writeUInt16BE(responseBit | (message.readUInt16BE(2) & 0x7900) | recursionAvailable | rcode, 2);
  if (question) {
    answer.writeUInt16BE(1, 4);
    question.copy(answer, headerBytes);
  }
  return answer;
}
