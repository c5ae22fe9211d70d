import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { featureNames, probeFeatures, probeHelper, probeProgramType, requireFeatures } from "../../src/mod.ts";
import { kernelTest } from "../kernel-test.ts";

kernelTest("probeFeatures() finds what this kernel was made to test", (t) => {
  requireFeatures(["btf", "capBpf", "cgroup2", "skMsg", "skSkb", "cgroupSockAddr", "ringbuf", "sockhash", "iterTcp"]);
  const report = probeFeatures();
  t.deepEqual(
    report.map(({ name }) => name),
    [...featureNames],
  );
  for (const { name, supported, what, hint } of report) t.log(`${name}: ${supported ? what : hint}`);
  t.true(report.every(({ what, hint }) => what !== "" && hint !== ""));
});

kernelTest("probeProgramType() and probeHelper() tell what is from what is not", (t) => {
  t.true(probeProgramType("sk_msg"));
  t.false(probeProgramType("no_such_type"));
  const redirectHash = 71;
  t.true(probeHelper("sk_msg", redirectHash));
  t.false(probeHelper("xdp", redirectHash));
  const getNetnsCookie = 122;
  t.true(probeHelper("cgroup_sock_addr", getNetnsCookie));
  t.false(probeHelper("sk_msg", 1_000_000));
});

kernelTest("requireFeatures() names all that is missing and what to do for each", (t) => {
  const drop = ["--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all", "--reuid=65534", "--regid=65534", "--clear-groups"];
  const script = fileURLToPath(new URL("../missing-features.ts", import.meta.url));
  const child = spawnSync("setpriv", [...drop, process.execPath, script], { encoding: "utf8" });
  t.is(child.stderr, "");
  const error = JSON.parse(child.stdout);
  t.is(error.code, "ERR_NOT_SUPPORTED");
  t.is(error.exit, 95);
  t.regex(error.message, /^this machine \(Linux [^)]+\) lacks CAP_BPF, CAP_NET_ADMIN$/);
  t.regex(error.hint, /CAP_NET_ADMIN: run as root, or give the process CAP_NET_ADMIN/);
});
