/** `graph`: what flows between services now, in every form. @module */
import { kernelTest } from "../../../ebpf-ts/test/kernel-test.ts";
import { coupledLoad } from "./support/coupled-load.ts";
import { Sandbox } from "./support/sandbox.ts";
import { flawless } from "./support/wrk.ts";

kernelTest("graph shows what nginx and wrk exchange at this moment, as text, JSON, DOT and SVG", async (t) => {
  const sandbox = new Sandbox(t);
  await sandbox.daemon();
  const load = await coupledLoad(sandbox);
  const graph = (...args: string[]): Promise<string> => sandbox.start(["graph", "--seconds", "0.3", ...args]).succeeded();
  t.regex(await graph(), /^client\n└─ web {2}[\d.]+ [KMG]iB\/s, \d+ % redirected\n$/);
  const { edges } = JSON.parse(await graph("--json")) as {
    edges: { from: string; to: string; bytesPerSecond: number; redirectedShare: number }[];
  };
  t.is(edges.length, 1);
  t.like(edges[0], { from: "client", to: "web" });
  t.true(edges[0]!.bytesPerSecond > 100_000 && edges[0]!.redirectedShare > 0.9, JSON.stringify(edges));
  t.regex(await graph("--format", "dot"), /"client" -> "web" \[label=/);
  t.regex(await graph("--format", "svg"), />web<[\s\S]*<\/svg>/);
  t.like(await load.report(), flawless);
});

kernelTest("graph says that there is no traffic yet, and refuses a time that is none", async (t) => {
  const sandbox = new Sandbox(t);
  await sandbox.daemon();
  t.is(await sandbox.start(["graph", "--seconds", "0.1"]).succeeded(), "no traffic between services yet\n");
  const { status, stderr } = await sandbox.cli("graph", "--seconds", "-1");
  t.is(status, 2);
  t.regex(stderr, /--seconds -1: rates are taken over/);
});
