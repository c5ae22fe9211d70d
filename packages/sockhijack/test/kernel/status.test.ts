/** `status`: where the daemon's pieces of work run, how much of each is in use, and what was refused. @module */
import { createLog, testEnv } from "@mitsu/cli";
import { kernelTest } from "@mitsu/ebpf-ts/kernel-test";
import type { SockhijackStatus } from "@mitsu/ipc";
import { asset } from "../../src/assets.ts";
import { cacheKey, saveVerdict } from "../../src/selftest/verdict-cache.ts";
import { Sandbox } from "./support/sandbox.ts";

kernelTest("status: each piece of work is on the kernel device, with cost, entries and those in use; --json has the same", async (t) => {
  const sandbox = new Sandbox(t);
  const mesh = `version: 1
services:
  web: { ports: ["80:8080"], tracing: { propagation: side-band }, replicas: [{ address: 192.0.2.7 }, { address: 192.0.2.8 }] }
  a:
policies: [{ from: a, to: web, ports: [80], action: deny }]
`;
  await sandbox.daemon({ mesh });
  const { stdout, status } = await sandbox.cli("status");
  t.is(status, 0, stdout);
  t.regex(stdout, /^WORK +CAPABILITY +DEVICE +COST \[ns\] +USED +ENTRIES +WHY$/m);
  for (const [work, capability, used, entries] of [
    ["connections", "redirect", 0, 65_535],
    ["replicas", "balance", 2, 65_535],
    ["traced services", "trace-inject", 1, 4095],
    ["rules", "match-action", 2, 65_536], // for the virtual port, and for the replicas'
  ] as const)
    t.regex(stdout, new RegExp(`^${work} +${capability} +kernel +\\d+ +${used} +${entries} +the only one that takes it$`, "m"));
  const { placement } = JSON.parse((await sandbox.cli("status", "--json")).stdout) as SockhijackStatus;
  t.deepEqual(
    placement?.work.map(({ device, used, refused }) => [device, used, refused]),
    [0, 2, 1, 2].map((used) => ["kernel", used, []]),
  );
});

kernelTest(
  "status: where the self-test refused redirect, connections stay plain TCP, with the reason; all else is on the kernel",
  async (t) => {
    const sandbox = new Sandbox(t);
    const why = "self-test order: bytes came twice; refused: redirect";
    const verdict = { usable: false, promote: false, unread: false, broken: [why] };
    saveVerdict(sandbox.places.state, cacheKey(asset("sockhijack.bpf.o")), verdict, createLog(testEnv()));
    await sandbox.daemon({ judges: true });
    const { stdout, status } = await sandbox.cli("status");
    t.is(status, 69);
    t.regex(stdout, /^connections +redirect +- +- +0 +0 +no device takes it: they stay plain TCP$/m);
    t.regex(stdout, /^rules +match-action +kernel /m);
    t.true(stdout.includes(`REFUSED connections: kernel: ${why}\n`), stdout);
  },
);
