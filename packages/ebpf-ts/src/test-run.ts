/** BPF_PROG_TEST_RUN: runs a loaded program once on given bytes, without attaching it. @module */
import { checked } from "./kernel-error.ts";
import { addressOf, libbpf } from "./native.ts";

/** What a test run gave. */
export interface TestRunResult {
  /** The program's return value. */
  readonly retval: number;
  /** The packet after the program, empty for program types without one. */
  readonly data: Uint8Array;
  /** The context after the program, empty if none was given. */
  readonly ctx: Uint8Array;
  readonly durationNs: number;
}

/** Room for what a program adds to the packet. */
const headroomBytes = 256;

/** Runs the program behind `fd`; `struct bpf_test_run_opts` of libbpf 1.1 is filled by offset (bpf/bpf.h). */
export function testRun(fd: number, name: string, data: Uint8Array, ctx?: Uint8Array): TestRunResult {
  const dataOut = new Uint8Array(data.length === 0 ? 0 : data.length + headroomBytes);
  const ctxOut = new Uint8Array(ctx?.length ?? 0);
  const opts = new Uint8Array(80);
  const view = new DataView(opts.buffer);
  view.setBigUint64(0, BigInt(opts.length), true);
  if (data.length > 0) {
    view.setBigUint64(8, addressOf(data), true);
    view.setBigUint64(16, addressOf(dataOut), true);
    view.setUint32(24, data.length, true);
    view.setUint32(28, dataOut.length, true);
  }
  if (ctx !== undefined) {
    view.setBigUint64(32, addressOf(ctx), true);
    view.setBigUint64(40, addressOf(ctxOut), true);
    view.setUint32(48, ctx.length, true);
    view.setUint32(52, ctxOut.length, true);
  }
  checked(libbpf().bpf_prog_test_run_opts(fd, opts), `cannot test-run program ${name}`, "this program type may not support test runs");
  return {
    retval: view.getUint32(56, true),
    data: dataOut.subarray(0, view.getUint32(28, true)),
    ctx: ctxOut.subarray(0, view.getUint32(52, true)),
    durationNs: view.getUint32(64, true),
  };
}
