/** Sends messages from a to b of an async_pair, RTL or twin, and counts the cycles. @module */
import { MitsuError } from "@mitsu/cli/error";

/** The ports that a transfer drives: those of the class made of rtl/async_pair.sv, and of its twin. */
export interface PairPorts {
  latency: number;
  credits: number;
  irq_count: number;
  irq_cycles: number;
  a_sub_valid: number;
  a_sub_data: number;
  a_doorbell: number;
  a_cpl_ready: number;
  b_rcv_ready: number;
  readonly a_sub_ready: number;
  readonly a_cpl_valid: number;
  readonly b_rcv_valid: number;
  readonly b_rcv_data: number;
  readonly b_rcv_last: number;
  readonly overflow: number;
  reset(): void;
  step(): void;
}

/** What to send. */
export interface TransferOptions {
  readonly messages: number;
  /** Cycles each way. */
  readonly latency: number;
  /** Messages that may be outstanding, 1 to 64: the receiver's places. */
  readonly depth: number;
  /** The host writes a message only when the one before is complete. */
  readonly blocking?: boolean;
}

/** Words a message. */
const beats = 4;

/**
 * Sends numbered words, four a message, and checks that they come in order.
 *
 * @returns cycles from the first word written to the last completion read.
 * @throws {MitsuError} `ERR_RTL_TRANSFER` when a word is lost, wrong, or came without a place.
 * @example
 * ```ts
 * transfer(new AsyncPair(), { messages: 1000, latency: 50, depth: 64 }) / 1000; // 4.1
 * ```
 */
export function transfer(pair: PairPorts, { messages, latency, depth, blocking = false }: TransferOptions): number {
  Object.assign(pair, {
    latency,
    credits: depth,
    irq_count: 1,
    irq_cycles: 0,
    a_sub_valid: 0,
    a_doorbell: 0,
    b_rcv_ready: 1,
    a_cpl_ready: 1,
  });
  pair.reset();
  const words = messages * beats;
  let [written, read, completed, cycles] = [0, 0, 0, 0];
  while (completed < messages) {
    const mayWrite = written < words && (!blocking || written % beats !== 0 || completed === written / beats);
    pair.a_sub_valid = mayWrite ? 1 : 0;
    pair.a_sub_data = written;
    pair.a_doorbell = mayWrite && written % beats === beats - 1 ? 1 : 0;
    // What stands before the edge decides the handshakes.
    if (mayWrite && pair.a_sub_ready === 1) written++;
    if (pair.a_cpl_valid === 1) completed++;
    if (pair.b_rcv_valid === 1) {
      if (pair.b_rcv_data !== read || (pair.b_rcv_last === 1) !== (read % beats === beats - 1))
        throw broken(`word ${read} came as ${pair.b_rcv_data}`);
      read++;
    }
    pair.step();
    if (++cycles > messages * (2 * latency + 64) + 1024)
      throw broken(`${completed} of ${messages} messages were complete after ${cycles} cycles`);
  }
  if (pair.overflow !== 0) throw broken("a word came without a place");
  return cycles;
}

function broken(what: string): MitsuError {
  return new MitsuError(`the transfer failed: ${what}`, {
    code: "ERR_RTL_TRANSFER",
    hint: "compare the RTL with its twin: test/async-engine",
  });
}
