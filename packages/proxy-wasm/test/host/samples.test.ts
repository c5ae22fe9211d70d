/** Filters of several languages and SDKs, as their compilers made them: they are not in the repository, and each test says when they are missing. */
import { existsSync, readFileSync } from "node:fs";
import test, { type ExecutionContext } from "ava";
import { action, bodyAction, bufferType, FieldList, FilterTrap, mapType, type Pair } from "../../src/mod.ts";
import { FakeStream } from "./fake-stream.ts";
import { type StartOptions, start } from "./started-plugin.ts";

const folder = process.env.MITSU_WASM_SAMPLES ?? "/tmp/wasm-samples";

/** A test of one sample; without the file it says so. */
function sample(name: string, title: string, run: (t: ExecutionContext, bytes: Uint8Array<ArrayBuffer>) => void): void {
  test(`${name}: ${title}`, (t) => {
    const path = `${folder}/${name}.wasm`;
    if (!existsSync(path)) {
      t.log(`skipped: there is no ${path}; set MITSU_WASM_SAMPLES`);
      t.pass();
      return;
    }
    run(t, new Uint8Array(readFileSync(path)));
  });
}

interface Seen {
  readonly actions: readonly number[];
  readonly request: readonly Pair[];
  readonly response: readonly Pair[];
  readonly body: string;
  readonly stream: FakeStream;
}

/** One exchange, as nicd would have it: request head, and without an answer of the filter's own, response head and body. */
function exchange(bytes: Uint8Array<ArrayBuffer>, more: readonly Pair[] = [], options: StartOptions = {}): Seen {
  const { plugin } = start(bytes, options);
  const stream = FakeStream.get(more);
  const context = plugin.openHttp(stream);
  const actions: number[] = [context.requestHeaders(true)];
  stream.maps.set(
    mapType.responseHeaders,
    new FieldList([
      [":status", "200"],
      ["content-type", "text/plain"],
      ["server", "origin"],
      ["content-length", "9"],
    ]),
  );
  const body = stream.setBody(bufferType.responseBody, "hello 123");
  if (actions[0] === action.continue) actions.push(context.responseHeaders(false), context.responseBody(9, true));
  context.end();
  plugin.stop();
  return {
    actions,
    request: stream.maps.get(mapType.requestHeaders)!.pairs(),
    response: stream.maps.get(mapType.responseHeaders)!.pairs(),
    body: Buffer.from(body.bytes).toString(),
    stream,
  };
}

const value = (pairs: readonly Pair[], name: string) => pairs.find((pair) => pair[0] === name)?.[1];

const headers: Readonly<Record<string, readonly [request: string | undefined, response: string | undefined]>> = {
  "c-headers": ["x-c-request", "x-c-response"],
  "cpp-headers": [undefined, "x-cpp-response"],
  "rust-headers": [undefined, "x-rust-response"],
  "rust-sdk": [undefined, "x-rust-sdk"],
  "go-headers": [undefined, "x-go-response"],
  "wat-headers": [undefined, "x-wat-response"],
  "as-addheader": ["x-as-request", "x-as-response"],
};
for (const [name, [request, response]] of Object.entries(headers))
  sample(name, "its headers are on request and response", (t, bytes) => {
    const seen = exchange(bytes);
    t.deepEqual(seen.actions, [0, 0, 0]);
    if (request !== undefined) t.is(value(seen.request, request), "1");
    if (response !== undefined) t.true(value(seen.response, response) !== undefined);
  });

sample("c-headers", "it takes headers away", (t, bytes) => {
  const seen = exchange(bytes, [["x-remove-me", "1"]]);
  t.is(value(seen.request, "x-remove-me"), undefined);
  t.is(value(seen.response, "server"), undefined);
});
sample("c-abi010", "an ABI 0.1.0 filter of two parameters runs", (t, bytes) => t.deepEqual(exchange(bytes).actions, [0, 0, 0]));
sample("c-local", "it answers itself", (t, bytes) => {
  const seen = exchange(bytes);
  t.deepEqual(seen.actions, [action.stopAllIterationAndWatermark]);
  t.is(seen.stream.answer?.status, 418);
});
sample("as-auth", "401 without the right credentials, a pass with them", (t, bytes) => {
  t.is(exchange(bytes).stream.answer?.status, 401);
  t.deepEqual(exchange(bytes, [["authorization", "Basic dXNlcjpwYXNz"]]).actions, [0, 0, 0]);
});
sample("as-apikey", "it reads its configuration", (t, bytes) => {
  t.is(exchange(bytes).stream.answer?.status, 403);
  t.deepEqual(exchange(bytes, [["x-api-key", "hello"]]).actions, [0, 0, 0]);
});
for (const name of ["c-body", "as-body"])
  sample(name, "the body is in capitals, and its length is gone", (t, bytes) => {
    const seen = exchange(bytes);
    t.is(seen.body, "HELLO 123");
    t.is(value(seen.response, "content-length"), undefined);
  });
sample("as-pii", "digits of the body are hidden", (t, bytes) => t.is(exchange(bytes).body, "hello ***"));
sample("c-metrics", "its counter counts", (t, bytes) => t.is(value(exchange(bytes).response, "x-requests"), "1"));
sample("c-shareddata", "its shared counter counts", (t, bytes) => t.is(value(exchange(bytes).response, "x-count"), "1"));
for (const name of ["c-httpcall", "as-httpcall"])
  sample(name, "its call's answer resumes the request", (t, bytes) => {
    const { plugin, host } = start(bytes);
    const stream = FakeStream.get();
    t.is(plugin.openHttp(stream).requestHeaders(true), action.stopIteration);
    host.httpCalls[0]!.done({ headers: [[":status", "200"]], body: Buffer.from("ok"), trailers: [] });
    t.deepEqual(stream.events, ["resume 0"]);
    t.is(plugin.trapped, null);
  });
sample("c-tcp", "it sees a connection's data", (t, bytes) => {
  const { plugin } = start(bytes);
  const stream = new FakeStream();
  const context = plugin.openTcp(stream);
  t.is(context.newConnection(), action.continue);
  stream.setBody(bufferType.downstreamData, "abc");
  t.is(context.downstreamData(3, false), bodyAction.continue);
  context.downstreamClose(true);
  context.end();
  t.is(plugin.trapped, null);
});
sample("c-spin", "its endless loop ends within 10 ms of the default fuel (20 on a busy machine), twice", (t, bytes) => {
  for (let round = 0; round < 2; round++) {
    const { plugin } = start(bytes);
    const before = process.cpuUsage();
    const trap = t.throws(() => plugin.openHttp(FakeStream.get()).requestHeaders(true), { instanceOf: FilterTrap });
    const { user, system } = process.cpuUsage(before);
    t.is(trap!.report.reason, "fuel");
    t.true(user + system < 20_000, `${user + system} µs`);
  }
});
sample("c-hog", "64 MiB are refused", (t, bytes) => {
  const { plugin } = start(bytes, { limits: { fuel: 100_000_000 } });
  try {
    plugin.openHttp(FakeStream.get()).requestHeaders(true);
  } catch (error) {
    t.true(error instanceof FilterTrap);
  }
  t.true(plugin.memoryBytes <= 32 * 2 ** 20, `${plugin.memoryBytes}`);
});
sample("c-trap", "its trap is told with the callback's name", (t, bytes) => {
  const { plugin, host } = start(bytes);
  t.throws(() => plugin.openHttp(FakeStream.get()).requestHeaders(true), { instanceOf: FilterTrap });
  t.is(host.traps[0]?.callback, "proxy_on_request_headers");
});
for (const name of [
  "as-abtesting",
  "as-cachecontrol",
  "as-cors",
  "as-errorpages",
  "as-geoblock",
  "as-metrics",
  "as-properties",
  "as-queue",
  "as-ratelimit",
])
  sample(name, "it runs an exchange through", (t, bytes) => t.deepEqual(exchange(bytes).actions, [0, 0, 0]));
for (const name of [
  "as-redirect",
  "as-removeheader",
  "as-requestid",
  "as-tcp",
  "as-tick",
  "c-actions",
  "c-probe",
  "c-properties",
  "c-queue",
  "c-tick",
])
  sample(name, "it runs an exchange through", (t, bytes) =>
    t.deepEqual(exchange(bytes, [], { limits: { fuel: 30_000_000 } }).actions, [0, 0, 0]),
  );

/** Answers of Envoy 1.40.0 to the same module (measured by the scout of issue 9, in the phase of the request head), as far as they do not depend on the surroundings. */
const envoy: readonly string[] = [
  "missing header -> 1 size 7 ''",
  "upper key -> 0 size 11 'curl/7.88.1'",
  "map 8 -> 2 size 7 ''",
  "response map now -> 2 size 7 ''",
  "call map now -> 2 size 7 ''",
  "add empty value -> 0",
  "empty value -> 0 size 0 null ''",
  "remove missing -> 0",
  "bad pointer -> 6",
  "two values -> 0 size 1 'a'",
  "after -> 0 size 1 'c'",
  "pairs of response -> 0 size 0 null ''",
  "pairs of 9 -> 2 size 7 ''",
  "size of response -> 2",
  "body now -> 0 size 0 null ''",
  "buffer 9 -> 2 size 7 ''",
  "call data now -> 0 size 0 null ''",
  "call body now -> 1 size 7 ''",
  "plugin config now -> 1 size 7 ''",
  "vm config now -> 0 size 9 'vm-config'",
  "overflow -> 0 size 0 null ''",
  "start beyond -> 0 size 0 null ''",
  "set vm config -> 2",
  "prop \"\" -> 3 size 7 ''",
  "prop \"filter_state\" -> 3 size 7 ''",
  "set cas 5 missing -> 0",
  "set wrong cas -> 8",
  "shared empty -> 0 size 0 null ''",
  "resolve missing -> 1",
  "dequeue unknown -> 1 size 7 ''",
  "dequeue empty -> 7 size 7 ''",
  "inc 0 -> 2",
  "inc -1 -> 2",
  "counter -> 7",
  "gauge low word -> 4294967295",
  "histogram inc -> 2",
  "histogram get -> 2",
  "unknown get -> 1",
  "done -> 1",
  "effective 999 -> 2",
  "foreign unknown -> 1 size 7 ''",
  "foreign null out -> 0",
  "call no cluster -> 2",
  "call no heads -> 2",
  "call ok -> 0",
  "call bad pairs -> 2",
  "call pairs one too long -> 2",
  "grpc bad -> 4",
  "grpc send 2 -> 1",
  "grpc send 1 -> 2",
  "grpc close 0 -> 2",
  "continue 9 -> 2",
  "continue 3 -> 12",
  "continue 2 -> 0",
  "log 9 -> 2",
];
sample("c-probe", "it is answered as by Envoy 1.40.0", (t, bytes) => {
  const { plugin, host } = start(bytes, { limits: { fuel: 30_000_000 } });
  plugin.openHttp(FakeStream.get()).requestHeaders(true);
  const lines = new Set(host.logs.map((line) => line.replace("warn: ", "")));
  t.deepEqual(
    envoy.filter((line) => !lines.has(line)),
    [],
  );
});
