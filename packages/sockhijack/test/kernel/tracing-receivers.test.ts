/** What receivers that others wrote make of our spans: Jaeger and the OpenTelemetry collector, each asked for what it has stored. @module */
import test, { type ExecutionContext } from "ava";
import { kernelTest } from "../../../ebpf-ts/test/kernel-test.ts";
import { freePort } from "./support/free-port.ts";
import { collector, jaeger } from "./support/peer-receiver.ts";
import { bin, Sandbox } from "./support/sandbox.ts";
import { nginx } from "./support/servers.ts";
import { until } from "./support/until.ts";

const traced = { tracing: "header" } as const;
const [serverKind, clientKind] = [2, 3];
const [unset, error] = [0, 2];
/** What the client asks for: found, and not found. */
const found = "/shop/4711?q=1";
const missing = "/shop/missing";

/** Declared always, run with MITSU_TEST_ALL=1 only: ./test --all builds the receivers. */
const longTest = process.env.MITSU_TEST_ALL === "1" ? kernelTest : (title: string, _body: unknown) => test.serial.skip(title, () => {});

/** curl asks nginx, which asks another nginx, for both paths. @returns path → trace id. */
async function askThroughProxy(sandbox: Sandbox, endpoint: string): Promise<ReadonlyMap<string, string>> {
  await sandbox.daemon({ args: ["--otlp", endpoint] });
  const serve = async (name: string, server: string): Promise<void> => {
    const port = await freePort();
    sandbox.run(`${name}:80:${port}`, nginx(sandbox, { name, port, server }), traced);
    await sandbox.serving(name);
  };
  await serve("web", `location /shop { return 200 "here\\n"; } location ${missing} { return 404; }`);
  await serve("edge", "location /shop { proxy_pass http://web.mesh; }");
  const urls = [found, missing].map((path) => `http://edge.mesh${path}`);
  await sandbox.run("client", ["curl", "-sS", "--max-time", "10", "-o", "/dev/null", ...urls], traced).succeeded();
  const exchanges = await sandbox.exchanges("edge", 2);
  const asked = exchanges.filter(({ server }) => server.service === "edge");
  return new Map(asked.map(({ target, traceId }) => [target, traceId]));
}

/** Fails unless the daemon says that all went through. */
async function exportsWell(t: ExecutionContext, sandbox: Sandbox): Promise<void> {
  const { stdout, status } = await sandbox.cli("status");
  t.notRegex(stdout, /not exported/);
  t.is(status, 0);
}

const receivers = [
  { name: "Jaeger", start: jaeger, how: "", env: [] },
  { name: "the OpenTelemetry collector", start: collector, how: ", compressed", env: ["env", "OTEL_EXPORTER_OTLP_COMPRESSION=gzip"] },
];
for (const { name, start, how, env } of receivers) {
  longTest(`${name} stores a chain of two tiers${how}: services, kinds, parents, names, status and attributes are ours`, async (t) => {
    const sandbox = new Sandbox(t, { command: () => [...env, bin] });
    const receiver = await start(sandbox);
    const traces = await askThroughProxy(sandbox, receiver.endpoint);
    for (const [path, route, code] of [
      [found, "/shop/{id}", 200],
      [missing, missing, 404],
    ] as const) {
      const spans = await until(
        `four spans of ${path}`,
        async () => {
          const stored = await receiver.spans(traces.get(path)!);
          return stored.length >= 4 && stored;
        },
        { timeoutMs: 20_000 },
      );
      t.is(spans.length, 4, "and none twice");
      const of = (service: string, kind: number) =>
        spans.find((span) => span.resource["service.name"] === service && span.kind === kind) ?? t.fail(`no span of ${service}`);
      const chain = [of("client", clientKind), of("edge", serverKind), of("edge", clientKind), of("web", serverKind)] as const;
      for (const [index, span] of chain.entries()) {
        const parent = chain[index - 1];
        const isClient = span.kind === clientKind;
        t.is(span.parentSpanId, parent?.spanId ?? "");
        t.is(span.name, `GET ${route}`);
        t.regex(span.scope, /^mitsu\.sockhijack@\d/);
        t.is(span.status, code === 404 && isClient ? error : unset, "404 is the client's error and not the server's");
        t.true(span.startNs >= (parent?.startNs ?? 0n) && span.endNs > span.startNs);
        t.true(Math.abs(Number(span.endNs / 1_000_000n) - Date.now()) < 60_000, "wall-clock time");
        t.is(typeof span.resource["host.name"], "string");
        t.like(span.attributes, { "http.request.method": "GET", "http.response.status_code": code });
        t.is(typeof span.attributes["server.port"], "number");
        t.is(span.attributes[isClient ? "url.template" : "http.route"], route);
        t.is(span.attributes["error.type"], span.status === error ? "404" : undefined);
        t.is(span.attributes["server.address"], index < 2 ? "edge" : "web");
        t.is(typeof span.attributes["mitsu.redirected"], "boolean");
        t.is(typeof span.attributes["mitsu.time_to_first_byte_ms"], "number");
        t.true((span.attributes["http.response.size"] as number) > 0);
      }
      // The port is that of the replica that answered, not the service's.
      t.is(chain[0].attributes["url.full"], `http://edge:${chain[0].attributes["server.port"]}${path}`);
      t.is(chain[2].attributes["server.service.name"], "web");
      t.is(chain[3].attributes["client.service.name"], "edge");
      t.is(chain[3].attributes["url.path"], path.split("?")[0]);
      t.is(chain[3].attributes["url.query"], path.split("?")[1]);
    }
    await exportsWell(t, sandbox);
  });
}

/** A trace as Jaeger's pages get it. */
interface ShownTrace {
  readonly spans: readonly {
    readonly spanID: string;
    readonly operationName: string;
    readonly references: readonly { readonly refType: string; readonly spanID: string }[];
    readonly tags: readonly { readonly key: string; readonly value: unknown }[];
    readonly processID: string;
    readonly warnings: readonly string[] | null;
  }[];
  readonly processes: Readonly<Record<string, { readonly serviceName: string }>>;
}

longTest("Jaeger's pages list the services, find a trace by service and status, and draw it as one tree without a warning", async (t) => {
  const sandbox = new Sandbox(t);
  const receiver = await jaeger(sandbox);
  const traces = await askThroughProxy(sandbox, receiver.endpoint);
  const shown = await until("Jaeger finds the trace that failed", async () => {
    const tags = encodeURIComponent(JSON.stringify({ "http.response.status_code": "404" }));
    const all = await receiver.ask<readonly ShownTrace[]>(`traces?service=client&lookback=1h&limit=20&tags=${tags}`);
    return all[0]?.spans.length === 4 && all;
  });
  t.is(shown.length, 1);
  const { spans, processes } = shown[0]!;
  const rows = spans.map((span) => {
    const tag = (key: string): unknown => span.tags.find((one) => one.key === key)?.value;
    const [parent] = span.references;
    t.deepEqual(span.warnings ?? [], []);
    t.true(parent === undefined || parent.refType === "CHILD_OF");
    return {
      ...span,
      parent: parent?.spanID,
      row: `${processes[span.processID]!.serviceName} ${tag("span.kind")} ${tag("error") === true}`,
    };
  });
  const drawn: string[] = [];
  for (let at = rows.find(({ parent }) => parent === undefined); at; at = rows.find(({ parent }) => parent === at?.spanID))
    drawn.push(at.row);
  t.deepEqual(drawn, ["client client true", "edge server false", "edge client true", "web server false"]);
  t.deepEqual([...(await receiver.ask<readonly string[]>("services"))].sort(), ["client", "edge", "web"]);
  t.deepEqual([...(await receiver.ask<readonly string[]>("services/web/operations"))].sort(), ["GET /shop/missing", "GET /shop/{id}"]);
  t.is((await receiver.ask<readonly ShownTrace[]>(`traces/${traces.get(found)}`))[0]?.spans.length, 4);
  await exportsWell(t, sandbox);
});
