import { MitsuError, NotSupportedError } from "@mitsu/cli/error";
import test from "ava";
import { skipLine } from "./kernel-test.ts";

const missing = new NotSupportedError("this kernel has no tcx", "boot Linux 6.6 or newer");

test("a kernel test skips loudly on NotSupportedError", (t) => {
  t.is(skipLine("attachTcx() works", missing, false), "SKIP attachTcx() works: this kernel has no tcx; boot Linux 6.6 or newer");
});

test("a kernel test fails on every other error, and on any where the kernel is required", (t) => {
  t.throws(() => skipLine("x", missing, true), { is: missing });
  t.throws(() => skipLine("x", new MitsuError("no rights", { code: "ERR_BPF_RIGHTS" }), false), { code: "ERR_BPF_RIGHTS" });
});
