import { MitsuError, NotSupportedError } from "@mitsu/cli/error";
import test from "ava";
import { skipReason } from "./kernel-test.ts";

const missing = new NotSupportedError("this kernel has no tcx", "boot Linux 6.6 or newer");

test("a kernel test skips on NotSupportedError, with the reason and what to do", (t) => {
  t.is(skipReason(missing, false), "this kernel has no tcx; boot Linux 6.6 or newer");
});

test("a kernel test fails on every other error, and on any where the kernel is required", (t) => {
  t.throws(() => skipReason(missing, true), { is: missing });
  t.throws(() => skipReason(new MitsuError("no rights", { code: "ERR_BPF_RIGHTS" }), false), { code: "ERR_BPF_RIGHTS" });
});
