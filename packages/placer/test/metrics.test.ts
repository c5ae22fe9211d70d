import { createMetrics } from "@mitsu/cli";
import test from "ava";
import { exposeMetrics } from "../src/metrics.ts";
import { proposing } from "./watch/support/status.ts";

test("exposeMetrics() exposes the status, each metric with help, by placement, state, change and socket", async (t) => {
  let now = proposing;
  const metrics = exposeMetrics(await createMetrics("placer"), () => now);
  await metrics.text();
  const lines = (await metrics.text()).split("\n");
  for (const line of [
    "mitsu_placer_estimate_warm 1",
    "mitsu_placer_estimate_age_seconds 2",
    "mitsu_placer_edges 1",
    "mitsu_placer_estimated_messages_per_second 899.6",
    "mitsu_placer_estimated_bytes_per_second 2048",
    'mitsu_placer_objective_ratio{placement="present"} 0.95',
    'mitsu_placer_objective_ratio{placement="proposal"} 0.02',
    'mitsu_placer_state{state="proposed"} 1',
    'mitsu_placer_state{state="none"} 0',
    'mitsu_placer_plans_total{result="made"} 2',
    "mitsu_placer_planning_seconds_total 30.04",
    'mitsu_placer_proposals_total{change="proposed"} 1',
    'mitsu_placer_source_up{socket="/run/mitsu/sockhijack.sock"} 1',
    'mitsu_placer_readings_total{socket="/run/mitsu/sockhijack.sock"} 700',
    'mitsu_placer_reading_resets_total{socket="/run/mitsu/sockhijack.sock"} 1',
    'mitsu_placer_source_coverage_ratio{socket="/run/mitsu/sockhijack.sock"} 0.998',
    "mitsu_placer_degraded 0",
  ])
    t.true(lines.includes(line), line);
  const families = new Set(lines.flatMap((line) => /^(mitsu_\w+)/.exec(line)?.[1] ?? []));
  t.is(lines.filter((line) => line.startsWith("# HELP ")).length, families.size);

  now = { ...proposing, state: "none", degraded: ["x"], objective: { present: 0.5, plan: null, proposal: null } };
  const later = (await metrics.text()).split("\n");
  t.true(later.includes('mitsu_placer_state{state="proposed"} 0'));
  t.true(later.includes('mitsu_placer_objective_ratio{placement="proposal"} Nan'));
  t.true(later.includes("mitsu_placer_degraded 1"));
});
