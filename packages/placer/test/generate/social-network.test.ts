import { existsSync, readFileSync } from "node:fs";
import test from "ava";
import { socialNetwork } from "../../src/generate/social-network.ts";
import { callsOf, components, mix } from "../../src/generate/social-network-calls.ts";

const traces = "/work/shared/data/socialnetwork-jaeger-traces.json";

test("socialNetwork() has the 27 components of the compose file on 4 nodes with a slack of 1.5", (t) => {
  const { nodes, services, traffic } = socialNetwork();
  t.is(services.length, 27);
  t.is(nodes.length, 4);
  for (const resource of ["cpu", "memory"]) {
    const requested = services.reduce((sum, { requests }) => sum + requests[resource]!, 0);
    const slack = nodes.reduce((sum, { capacity }) => sum + capacity[resource]!, 0) / requested;
    t.true(Math.abs(slack - 1.5) < 0.01, `${resource}: ${slack}`);
  }
  t.true(traffic.every(({ from, to }) => from in components && to in components));
});

test("socialNetwork() sums messages over the mix of requests", (t) => {
  const rate = 1000;
  const { traffic } = socialNetwork({ rate });
  // nginx calls home-timeline once in each of 60 %: 600 calls, two messages each.
  t.is(traffic.find(({ from, to }) => from === "nginx-thrift" && to === "home-timeline-service")?.messagesPerSecond, 1200);
  // user-timeline calls post storage once in each of 30 %.
  t.is(traffic.find(({ from, to }) => from === "user-timeline-service" && to === "post-storage-service")?.messagesPerSecond, 600);
  t.deepEqual(Object.values(mix), [0.6, 0.3, 0.1]);
});

test("callsOf[compose-post] calls who calls whom in the published traces, as often", (t) => {
  if (!existsSync(traces)) {
    t.log(`skipped: ${traces} is not there`);
    return t.pass();
  }
  interface Span {
    readonly spanID: string;
    readonly processID: string;
    readonly references: readonly { readonly spanID: string }[];
  }
  const { data } = JSON.parse(readFileSync(traces, "utf8")) as {
    data: { spans: Span[]; processes: Record<string, { serviceName: string }> }[];
  };
  const seen = new Map<string, number>();
  for (const { spans, processes } of data) {
    const byId = new Map(spans.map((span) => [span.spanID, span]));
    for (const span of spans) {
      const parent = byId.get(span.references[0]?.spanID ?? "");
      if (!parent || parent.processID === span.processID) continue;
      const key = [parent, span]
        .map(({ processID }) => processes[processID]!.serviceName.replace("nginx-web-server", "nginx-thrift"))
        .join(" ");
      seen.set(key, (seen.get(key) ?? 0) + 1 / data.length);
    }
  }
  const ours = callsOf["compose-post"].filter(({ from, to }) => from !== "client" && to.endsWith("-service"));
  t.deepEqual(
    ours.map(({ from, to, times }) => `${from} ${to} ${times}`).sort(),
    [...seen].map(([key, times]) => `${key} ${Math.round(times * 1e6) / 1e6}`).sort(),
  );
});
