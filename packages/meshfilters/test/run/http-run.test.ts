/** What a filter's answers do to a message, as Envoy 1.40 has it (docs/adr/0026, and the measurements in packages/proxy-wasm). @module */
import { defaultLimits, encodePairs, type FilterModule } from "@mitsu/proxy-wasm";
import test from "ava";
import { casesOf } from "../../src/run/cases.ts";
import type { HttpOutcome } from "../../src/run/http-run.ts";
import { runCase, type StepResult } from "../../src/run/run-case.ts";
import type { StepForm, TestForm } from "../../src/run/test-file.ts";
import { watFilter } from "./wat-filter.ts";

/** Runs one step, and gives what it logged with it. */
function ran(module: FilterModule, step: StepForm, settings: Partial<TestForm> = {}): StepResult & { readonly http: HttpOutcome } {
  const [one] = casesOf({ tests: [{ name: "test", ...settings, ...step }] });
  const { steps } = runCase(module, "test", one!, { ...defaultLimits, bodyBytes: 100 });
  return steps[0] as StepResult & { readonly http: HttpOutcome };
}

const bodyOf = (message: HttpOutcome["request"]): readonly string[] => message!.body.map((piece) => Buffer.from(piece).toString());
/** A request callback that returns this number, a response callback too. */
const answering = (callback: string, params: string, answer: number | string): string =>
  `(func (export "proxy_on_${callback}") (param ${params}) (result i32) ${typeof answer === "number" ? `i32.const ${answer}` : answer})`;
/** Returns an action until the end of the stream, and writes each size as a character: size 4 is "E". */
const body = (action: number): string => `(func (export "proxy_on_request_body") (param i32 i32 i32) (result i32)
  (i32.store8 (i32.const 0) (i32.add (i32.const 65) (local.get 1)))
  (drop (call $log (i32.const 2) (i32.const 0) (i32.const 1)))
  (if (result i32) (local.get 2) (then (i32.const 0)) (else (i32.const ${action}))))`;
const twoPieces: StepForm = { request: { method: "POST", body: ["abcd", "efgh"] } };

test("a body that is continued is seen and passed piece by piece", async (t) => {
  const { http, logs } = ran(await watFilter(body(0)), twoPieces);
  t.deepEqual(bodyOf(http.request), ["abcd", "efgh"]);
  t.deepEqual(
    logs.map(({ text }) => text),
    ["E", "E"],
  );
});

test("stopIterationAndBuffer shows the whole, and passes it as a whole", async (t) => {
  const { http, logs } = ran(await watFilter(body(1)), twoPieces);
  t.deepEqual(bodyOf(http.request), ["abcdefgh"]);
  t.deepEqual(
    logs.map(({ text }) => text),
    ["E", "I"],
  );
});

test("stopIterationAndWatermark shows pieces, and passes all later", async (t) => {
  const { http, logs } = ran(await watFilter(body(2)), twoPieces);
  t.deepEqual(bodyOf(http.request), ["abcd", "efgh"]);
  t.deepEqual(
    logs.map(({ text }) => text),
    ["E", "E"],
  );
});

test("stopIterationNoBuffer loses what it stopped", async (t) => {
  const { http } = ran(await watFilter(body(3)), twoPieces);
  t.deepEqual(bodyOf(http.request), ["efgh"]);
});

for (const action of [1, 3, 4])
  test(`a head that answers ${action} and never goes on is held for ever, and that is said`, async (t) => {
    const { http, differences } = ran(await watFilter(answering("request_headers", "i32 i32 i32", action)), { request: {} });
    t.like(http, { request: null, response: null, held: "request" });
    t.regex(differences[0]!.got, /never went on/);
  });

for (const action of [0, 2])
  test(`a head that answers ${action} goes on`, async (t) => {
    const { http } = ran(await watFilter(answering("request_headers", "i32 i32 i32", action)), { request: {} });
    t.is(http.held, null);
    t.not(http.request, null);
  });

test("a head that stops and continues in the same callback goes on", async (t) => {
  const { http } = ran(
    await watFilter(answering("request_headers", "i32 i32 i32", "(drop (call $continue (i32.const 0))) i32.const 1")),
    twoPieces,
  );
  t.deepEqual(bodyOf(http.request), ["abcd", "efgh"]);
});

test("a head that waits for a tick goes on with it; what came meanwhile is one piece", async (t) => {
  const module = await watFilter(`
    (global $context (mut i32) (i32.const 0))
    (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
      (global.set $context (local.get 0)) (drop (call $tick (i32.const 50))) i32.const 4)
    (func (export "proxy_on_tick") (param i32)
      (drop (call $effective (global.get $context))) (drop (call $continue (i32.const 0))) (drop (call $tick (i32.const 0))))
    ${body(0)}`);
  const { http, logs } = ran(module, twoPieces);
  t.deepEqual(bodyOf(http.request), ["abcdefgh"]);
  t.deepEqual(
    logs.map(({ text }) => text),
    ["I"],
  );
});

test("a local response ends the request, and passes the filter's response callbacks", async (t) => {
  const module = await watFilter(
    `${answering("request_headers", "i32 i32 i32", "(drop (call $respond (i32.const 418) (i32.const 16) (i32.const 3) (i32.const 16) (i32.const 3) (i32.const 0) (i32.const 0) (i32.const -1))) i32.const 0")}
     ${answering("response_headers", "i32 i32 i32", "(drop (call $log (i32.const 2) (i32.const 16) (i32.const 3))) i32.const 0")}`,
    "tea",
  );
  const { http, logs } = ran(module, { request: { method: "POST", body: "x" } });
  t.like(http, { request: null, local: "tea", held: null });
  t.deepEqual(http.response!.headers, [
    [":status", "418"],
    ["content-length", "3"],
    ["content-type", "text/plain"],
  ]);
  t.deepEqual(bodyOf(http.response), ["tea"]);
  t.is(logs.length, 1);
});

test("a local response in the response takes its place, unless its head has gone", async (t) => {
  const respond =
    "(drop (call $respond (i32.const 502) (i32.const 16) (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const -1))) i32.const 0";
  const early = ran(await watFilter(answering("response_headers", "i32 i32 i32", respond), "bad"), {
    request: {},
    answer: { body: "secret" },
  });
  t.is(early.http.response!.headers[0]![1], "502");
  t.deepEqual(bodyOf(early.http.response), []);
  const late = ran(await watFilter(answering("response_body", "i32 i32 i32", respond), "bad"), { request: {}, answer: { body: "abc" } });
  t.true(late.http.reset);
  t.is(late.http.response, null);
});

test("a body beyond the limit: 413 for a request, 500 or a reset for a response", async (t) => {
  const large = { body: [{ repeat: "x", times: 60 }, { repeat: "x", times: 60 }, "end"] };
  const request = ran(await watFilter(body(1)), { request: { method: "POST", ...large } });
  t.is(request.http.response!.headers[0]![1], "413");
  const head = ran(await watFilter(answering("response_headers", "i32 i32 i32", 3)), { request: {}, answer: large });
  t.is(head.http.response!.headers[0]![1], "500");
  const response = ran(await watFilter(answering("response_body", "i32 i32 i32", 1)), { request: {}, answer: large });
  t.true(response.http.reset);
});

test("trailers are held back and go on, with the body before them", async (t) => {
  const stopped = ran(await watFilter(answering("request_trailers", "i32 i32", 1)), { request: { body: "a", trailers: { "x-sum": "1" } } });
  t.is(stopped.http.held, "request");
  const { http } = ran(await watFilter(answering("request_body", "i32 i32 i32", 1)), {
    request: { body: "a", trailers: { "x-sum": "1" } },
  });
  t.deepEqual(bodyOf(http.request), ["a"]);
  t.deepEqual(http.request!.trailers, [["x-sum", "1"]]);
});

test("a trap is a result, the next step has a new virtual machine", async (t) => {
  const [one] = casesOf({ tests: [{ name: "trap", steps: [{ request: {} }, { request: {} }] }] });
  const { steps, passed } = runCase(
    await watFilter(answering("request_headers", "i32 i32 i32", "unreachable")),
    "test",
    one!,
    defaultLimits,
  );
  t.false(passed);
  t.deepEqual(
    steps.map(({ http }) => http!.trap!.reason),
    ["trap", "trap"],
  );
  t.regex(steps[0]!.differences[0]!.got, /proxy_on_request_headers: unreachable/);
});

test("a closed stream is a reset", async (t) => {
  const { http } = ran(await watFilter(answering("request_headers", "i32 i32 i32", "(drop (call $close (i32.const 0))) i32.const 0")), {
    request: {},
  });
  t.true(http.reset);
  t.is(http.response, null);
});

const map = encodePairs([
  [":method", "GET"],
  [":path", "/check"],
  [":authority", "auth"],
]);
const escaped = [...map].map((byte) => `\\${byte.toString(16).padStart(2, "0")}`).join("");
/** Asks the service `auth`, and answers 503 when that cannot be reached. */
const asks = `(global $context (mut i32) (i32.const 0))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (global.set $context (local.get 0))
    (if (call $call (i32.const 16) (i32.const 4) (i32.const 20) (i32.const ${map.length}) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 1000) (i32.const 8))
      (then (drop (call $respond (i32.const 404) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const -1)))))
    i32.const 4)
  (func (export "proxy_on_http_call_response") (param i32 i32 i32 i32 i32)
    (drop (call $effective (global.get $context)))
    (if (local.get 2)
      (then (drop (call $continue (i32.const 0))))
      (else (drop (call $respond (i32.const 503) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const -1))))))`;

test("a called service answers in virtual time; one that fails, is late or is not known is told apart", async (t) => {
  const module = await watFilter(asks, `auth${escaped}`);
  const expect = { calls: [{ service: "auth", method: "GET", path: "/check" }] };
  for (const [services, status] of [
    [{ auth: { status: 204, delay: "900ms" } }, "200"],
    [{ auth: { delay: "1001ms" } }, "503"],
    [{ auth: { fails: true } }, "503"],
  ] as const) {
    const { http, differences } = ran(module, { request: {}, expect }, { services });
    t.deepEqual(differences, []);
    t.is(http.response!.headers[0]![1], status);
  }
  const unknown = ran(module, { request: {}, expect: { calls: [] } });
  t.is(unknown.http.response!.headers[0]![1], "404");
  t.deepEqual(unknown.differences, []);
});

test("answers of a list are given in turn, the last one again", async (t) => {
  const services = { auth: [{ fails: true }, {}] };
  const [one] = casesOf({ tests: [{ name: "turns", services, steps: [{ request: {} }, { request: {} }, { request: {} }] }] });
  const { steps } = runCase(await watFilter(asks, `auth${escaped}`), "test", one!, defaultLimits);
  t.deepEqual(
    steps.map(({ http }) => http!.response!.headers[0]![1]),
    ["503", "200", "200"],
  );
});
