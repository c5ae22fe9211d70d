/** Each socket-semantics case, plain and under sockhijack: the same assertions hold, and the same things are observed. @module */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import type { Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { kernelTest } from "../../../ebpf-ts/test/kernel-test.ts";
import { type Batch, type CaseName, listCases, startBatch } from "./semantics/batch.ts";
import { relayFlows } from "./semantics/flows-relay.ts";
import { knownDifferences } from "./semantics/known-differences.ts";
import { bundledCommand } from "./support/bundled-command.ts";

const sockhijack = bundledCommand();
const directory = mkdtempSync(join(tmpdir(), "mitsu-semantics-"));
const socket = join(directory, "sockhijack.sock");
const flowsPath = join(directory, "flows.sock");

const cases = listCases();
const plain = startBatch([], {});
let coupled: Promise<Batch> | undefined;
let relay: Server | undefined;

/** The batch under sockhijack: begun when a test asks for it and the plain one is through, as both want both cores. */
function coupledBatch(): Promise<Batch> {
  coupled ??= plain.ended.then(async () => {
    relay = await relayFlows(flowsPath, socket);
    return startBatch([sockhijack, "run", "--socket", socket, "--service", "sem", "--"], {
      MITSU_FLOWS: `unix:${flowsPath}`,
      MITSU_PEER: `${sockhijack} run --socket ${socket} --service peer --`,
    });
  });
  return coupled;
}

test.after.always(async () => {
  plain.stop();
  const running = await coupled;
  running?.stop();
  await running?.ended;
  relay?.close();
  if (running) spawnSync(sockhijack, ["cleanup", "--socket", socket]);
  rmSync(directory, { recursive: true, force: true });
});

test("known differences are at most five, and are about cases that exist", (t) => {
  t.true(knownDifferences.length <= 5);
  const names = new Set(cases.map((one) => one.case));
  for (const name of knownDifferences.flatMap((known) => Object.keys(known.cases))) t.true(names.has(name), name);
});

for (const one of cases) {
  test(`${one.case}: plain TCP`, async (t) => {
    t.timeout(120_000);
    const outcome = await plain.outcome(one.case);
    t.true(outcome.ok, outcome.detail);
  });

  kernelTest(`${one.case}: under sockhijack as on plain TCP, ${criterion(one)}`, async (t) => {
    t.timeout(300_000);
    const outcome = await (await coupledBatch()).outcome(one.case);
    t.true(outcome.ok, outcome.detail);
    const known = knownDifferences.find((difference) => difference.cases[one.case])?.cases[one.case];
    const { observed, measured } = await plain.outcome(one.case);
    t.deepEqual(outcome.observed, { ...observed, ...known });
    for (const [name, value] of Object.entries(measured))
      t.true(outcome.measured[name]! <= value * 1.1, `${name}: ${outcome.measured[name]}, plain ${value}`);
  });
}

function criterion({ coupled }: CaseName): string {
  if (coupled === null) return "redirected or not";
  return coupled ? "redirected" : "left on TCP";
}
