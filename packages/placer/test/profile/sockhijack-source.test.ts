/** The matrix of a double that serves sockhijack's protocol, and sums over readings by hand. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLog, testEnv } from "@mitsu/cli";
import type { MitsuError } from "@mitsu/cli/error";
import { type Handlers, type MatrixCell, type SockhijackProtocol, serve, sockhijack } from "@mitsu/ipc";
import test, { type ExecutionContext } from "ava";
import { MatrixDeltas } from "../../src/profile/matrix-deltas.ts";
import type { Observation } from "../../src/profile/observation.ts";
import { observeSockhijack } from "../../src/profile/sockhijack-source.ts";

const cell = (parts: Partial<MatrixCell>): MatrixCell => ({
  from: "a",
  to: "b",
  connections: 0,
  bytesOut: 0,
  bytesIn: 0,
  messages: 0,
  redirectedBytes: 0,
  denied: 0,
  ...parts,
});

test("MatrixDeltas counts from the first reading on", (t) => {
  const deltas = new MatrixDeltas();
  deltas.add([cell({ bytesOut: 100, messages: 10, redirectedBytes: 100 })], 1);
  deltas.add([cell({ bytesOut: 150, bytesIn: 7, messages: 12, redirectedBytes: 130 }), cell({ from: "c", bytesOut: 5 })], 1);
  t.deepEqual(deltas.all(), [
    { from: "a", to: "b", connections: 0, bytes: 57, messages: 2, redirectedBytes: 30 },
    { from: "c", to: "b", connections: 0, bytes: 5, messages: 0, redirectedBytes: 0 },
  ]);
  t.is(deltas.resets, 0);
});

test("MatrixDeltas takes all that is there as passed when another daemon counts from 0", (t) => {
  const deltas = new MatrixDeltas();
  deltas.add([cell({ bytesOut: 1000 })], 1);
  deltas.add([cell({ bytesOut: 1200 })], 1);
  deltas.add([cell({ bytesOut: 50 })], 2);
  deltas.add([cell({ bytesOut: 60 })], 2);
  t.is(deltas.all()[0]!.bytes, 260);
  t.is(deltas.resets, 1);
});

test("MatrixDeltas does not take another daemon with the old counters for a reset", (t) => {
  const deltas = new MatrixDeltas();
  deltas.add([cell({ bytesOut: 1000 })], 1);
  deltas.add([cell({ bytesOut: 1200 })], 2);
  t.is(deltas.all()[0]!.bytes, 200);
  t.is(deltas.resets, 0);
});

test("MatrixDeltas counts nothing twice when a figure falls for a moment", (t) => {
  const deltas = new MatrixDeltas();
  for (const bytesOut of [100, 200, 150, 210]) deltas.add([cell({ bytesOut })], 1);
  t.is(deltas.all()[0]!.bytes, 110);
});

/** Serves readings one after the other; after the last, that one again. Each exchange is an event. */
async function observe(
  t: ExecutionContext,
  readings: readonly (readonly MatrixCell[])[],
  {
    exchanges = [],
    abortAfter = Number.POSITIVE_INFINITY,
    sampling,
  }: { exchanges?: readonly object[]; abortAfter?: number; sampling?: number } = {},
): Promise<Observation> {
  const directory = mkdtempSync(join(tmpdir(), "mitsu-sh-"));
  const controller = new AbortController();
  let asked = 0;
  const handlers: Partial<Handlers<SockhijackProtocol>> = {
    matrix: () => {
      if (asked >= abortAfter) controller.abort();
      return { cells: readings[Math.min(asked++, readings.length - 1)]! };
    },
    exchanges: async function* () {
      yield* exchanges as never[];
    },
  };
  const path = join(directory, "s.sock");
  const server = await serve({
    listen: { path },
    daemon: "sockhijack",
    version: "0",
    protocol: sockhijack,
    handlers: handlers as Handlers<SockhijackProtocol>,
    log: createLog(testEnv()),
  });
  t.teardown(async () => {
    await server.close();
    rmSync(directory, { recursive: true, force: true });
  });
  return await observeSockhijack({
    socket: path,
    seconds: 0.05,
    nowNs: () => process.hrtime.bigint(),
    signal: controller.signal,
    progress: () => {},
    ...(sampling === undefined ? {} : { samplingOf: () => sampling }),
  });
}

/** Sums instead of rates, which depend on the machine's mood. */
function sums({ edges, seconds }: Observation): unknown {
  return edges.map(({ from, to, messagesPerSecond, bytesPerSecond, estimated }) => ({
    from,
    to,
    messages: Math.round(messagesPerSecond * seconds),
    bytes: Math.round((bytesPerSecond ?? 0) * seconds),
    estimated,
  }));
}

test("observeSockhijack() has redirected messages as they were counted", async (t) => {
  const found = await observe(t, [
    [cell({ connections: 1, bytesOut: 1000, messages: 10, redirectedBytes: 1000 })],
    [cell({ connections: 1, bytesOut: 1500, bytesIn: 500, messages: 30, redirectedBytes: 2000 })],
  ]);
  t.deepEqual(sums(found), [{ from: "a", to: "b", messages: 20, bytes: 1000, estimated: false }]);
  t.like(found, { source: "sockhijack", kind: "count", notices: [] });
});

test("observeSockhijack() estimates messages that went by TCP by the mean size of redirected ones, and says so", async (t) => {
  const found = await observe(t, [
    [cell({}), cell({ to: "c" })],
    // Half was redirected, at 50 bytes each; the other pair's was not at all.
    [cell({ bytesOut: 2000, messages: 20, redirectedBytes: 1000 }), cell({ to: "c", bytesOut: 500 })],
  ]);
  t.deepEqual(sums(found), [
    { from: "a", to: "b", messages: 40, bytes: 2000, estimated: true },
    { from: "a", to: "c", messages: 10, bytes: 500, estimated: true },
  ]);
  t.regex(found.notices.join("\n"), /messages of 2 of 2 pairs are partly estimated/);
});

test("observeSockhijack() has at least two messages a connection where nothing was redirected", async (t) => {
  const found = await observe(t, [[cell({ connections: 3, bytesOut: 10 })], [cell({ connections: 8, bytesOut: 9000 })]]);
  t.deepEqual(sums(found), [{ from: "a", to: "b", messages: 10, bytes: 8990, estimated: true }]);
});

test("observeSockhijack() has at least two messages a traced request, by the share that is traced", async (t) => {
  const end = { address: "10.0.0.1", port: 1, here: true };
  const exchange = {
    client: { service: "a", ...end },
    server: { service: "b", ...end },
    node: "n",
    traceId: "1".repeat(32),
    clientSpanId: "1".repeat(16),
    serverSpanId: "2".repeat(16),
    parentSpanId: null,
    startNs: "1",
    readNs: null,
    firstNs: null,
    endNs: "2",
    protocol: "http/1",
    method: "GET",
    target: "/",
    authority: "",
    status: 200,
    grpcStatus: null,
    requestBytes: 1,
    answerBytes: 1,
    sampled: true,
    continued: false,
    link: "none",
    injected: false,
    redirected: false,
    aborted: false,
  };
  const found = await observe(t, [[cell({})], [cell({ connections: 1, bytesOut: 9000 })]], {
    exchanges: [exchange, exchange],
    sampling: 0.1,
  });
  t.deepEqual(sums(found), [{ from: "a", to: "b", messages: 40, bytes: 9000, estimated: true }]);
});

test("observeSockhijack() leaves out programs outside of the mesh, and tells their bytes", async (t) => {
  const found = await observe(t, [[cell({ from: "" })], [cell({ from: "", bytesOut: 77, connections: 1 })]]);
  t.deepEqual(found.edges, []);
  t.regex(found.notices.join("\n"), /77 bytes came from programs that belong to no service/);
});

test("observeSockhijack() keeps what was read when it is interrupted", async (t) => {
  const found = await observe(t, [[cell({})], [cell({ bytesOut: 10, messages: 2, redirectedBytes: 10 })]], { abortAfter: 1 });
  t.deepEqual(sums(found), [{ from: "a", to: "b", messages: 2, bytes: 10, estimated: false }]);
});

test("observeSockhijack() says that nobody listens", async (t) => {
  const error = await t.throwsAsync<MitsuError>(
    observeSockhijack({ socket: "/nowhere.sock", seconds: 1, nowNs: () => 0n, signal: new AbortController().signal, progress: () => {} }),
  );
  t.is(error?.code, "ERR_DAEMON_DOWN");
  t.is(error?.hint, "start it: sockhijack daemon");
});
