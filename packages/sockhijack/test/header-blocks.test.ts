import test from "ava";
import fc from "fast-check";
import { headerBlock } from "../src/kernel/layout.ts";
import { type HeaderBlockLimits, HeaderBlocks } from "../src/tracing/header-blocks.ts";
import { blockRecord, converse, frame, h2, headers, literals } from "./http2-frames.ts";

const recordAt = 8;

/** Takes frames as the kernel numbers them; `lose()` lets one of them go. */
function some(limits?: HeaderBlockLimits) {
  const blocks = new HeaderBlocks(limits);
  const next = new Map<string, number>();
  const number = (connection: number, answers: boolean): number => {
    const key = `${connection} ${answers}`;
    const n = next.get(key) ?? 0;
    next.set(key, n + 1);
    return n;
  };
  const add = (bytes: Uint8Array, { answers = false, connection = 7 } = {}): void => {
    const view = blockRecord({ connection, answers, number: number(connection, answers), frame: bytes });
    blocks.add(view, recordAt, view.byteLength - recordAt);
  };
  const answer = (bytes: Uint8Array): void => add(bytes, { answers: true });
  const lose = (answers = false): number => number(7, answers);
  const take = (stream: number, connection = 7) => blocks.take(connection, stream);
  return { blocks, add, answer, lose, take };
}

const get = (path: string) => ({ ":method": "GET", ":path": path });

test("HeaderBlocks tells interleaved streams apart, and forgets one that was taken", (t) => {
  const { add, answer, take, blocks } = some();
  add(headers(1, get("/one")));
  add(headers(3, { ...get("/three"), "content-type": "application/grpc" }));
  answer(headers(3, { ":status": "200" }));
  answer(headers(1, { ":status": "404" }));
  answer(frame(h2.headers, h2.endHeaders | h2.endStream, 3, literals({ "grpc-status": "5" })));
  t.like(take(3), { method: "GET", target: "/three", status: 200, isGrpc: true, grpcStatus: 5 });
  t.like(take(1), { method: "GET", target: "/one", status: 404, isGrpc: false });
  t.is(take(1), undefined);
  t.deepEqual(blocks.size, { connections: 1, streams: 0 });
  t.deepEqual(blocks.counts, { read: 5, unknown: 0, invalid: 0, lost: 0 });
});

test("HeaderBlocks keeps connections and directions apart, each with a table of its own", (t) => {
  const { add, answer, take } = some();
  add(headers(1, { "+:method": "PUT" }));
  answer(headers(1, { "+:status": "201" }));
  add(headers(1, { "+:method": "BREW" }), { connection: 8 });
  for (const connection of [7, 8]) add(frame(h2.headers, h2.endHeaders, 3, Buffer.from([0xbe])), { connection });
  answer(frame(h2.headers, h2.endHeaders, 3, Buffer.from([0xbe])));
  t.like(take(3), { method: "PUT", status: 201 });
  t.like(take(3, 8), { method: "BREW", status: 0 });
});

test("HeaderBlocks strips padding and priority, and joins what CONTINUATION frames bring", (t) => {
  const { add, take, blocks } = some();
  const block = literals(get("/padded"));
  const dressed = (fragment: Uint8Array) => Buffer.concat([Buffer.from([5, 0x80, 0, 0, 1, 16]), fragment, Buffer.alloc(5)]);
  add(frame(h2.headers, h2.endHeaders | h2.padded | h2.priority, 1, dressed(block)));
  t.like(take(1), { target: "/padded" });
  add(frame(h2.headers, h2.padded | h2.priority, 3, dressed(block.subarray(0, 4))));
  add(frame(h2.continuation, 0, 3, block.subarray(4, 9)));
  add(frame(h2.continuation, 0, 3, Buffer.alloc(0)));
  t.is(take(3), undefined);
  add(frame(h2.continuation, h2.endHeaders, 3, block.subarray(9)));
  t.like(take(3), { method: "GET", target: "/padded" });
  t.is(blocks.counts.invalid, 0);
});

test("HeaderBlocks reads a block of one direction that comes between the frames of the other's", (t) => {
  const { add, answer, take } = some();
  const block = literals(get("/slow"));
  add(frame(h2.headers, 0, 1, block.subarray(0, 3)));
  answer(headers(1, { ":status": "200" }));
  add(frame(h2.continuation, h2.endHeaders, 1, block.subarray(3)));
  t.like(take(1), { target: "/slow", status: 200 });
});

test("HeaderBlocks after a gap: what refers to lost entries is unknown, the rest and what comes later is known", (t) => {
  const { add, answer, lose, take, blocks } = some();
  add(headers(1, { "+:path": "/known" }));
  lose();
  lose();
  add(frame(h2.headers, h2.endHeaders, 7, Buffer.from([0x82, 0xbe])));
  answer(headers(7, { ":status": "200" }));
  t.like(take(7), { method: "GET", target: "", status: 200 });
  t.deepEqual(blocks.counts, { read: 2, unknown: 1, invalid: 0, lost: 2 });
  add(headers(9, { "+:path": "/new" }));
  add(frame(h2.headers, h2.endHeaders, 11, Buffer.from([0x83, 0xbe])));
  t.like(take(11), { method: "POST", target: "/new" });
});

test("HeaderBlocks that begins in the middle of a connection, as a new daemon does, knows what is spelt out", (t) => {
  const blocks = new HeaderBlocks();
  const view = blockRecord({ number: 1000, frame: frame(h2.headers, h2.endHeaders, 77, Buffer.from([0x82, 0xc1, 0x84])) });
  blocks.add(view, recordAt, view.byteLength - recordAt);
  t.like(blocks.take(7, 77), { method: "GET", target: "/" });
  t.is(blocks.counts.lost, 1000);
});

test("HeaderBlocks ignores a CONTINUATION whose begin was lost, and then knows nothing older", (t) => {
  const { add, lose, take, blocks } = some();
  add(headers(1, { "+:path": "/old" }));
  lose();
  add(frame(h2.continuation, h2.endHeaders, 3, literals({ "+:path": "/half" })));
  add(frame(h2.headers, h2.endHeaders, 5, Buffer.from([0x82, 0xbe])));
  t.is(take(3), undefined);
  t.like(take(5), { method: "GET", target: "" });
  t.like(blocks.counts, { invalid: 1, lost: 1 });
});

test("HeaderBlocks gives up a block that is broken off by another, or does not end", (t) => {
  const { add, take, blocks } = some();
  add(frame(h2.headers, 0, 1, literals(get("/broken"))));
  add(headers(3, get("/between")));
  add(frame(h2.continuation, h2.endHeaders, 1, Buffer.alloc(0)));
  t.is(take(1), undefined);
  t.is(blocks.counts.invalid, 2);
  add(frame(h2.headers, 0, 5, Buffer.alloc(8000, 0x82)));
  for (let n = 0; n < 100; n++) add(frame(h2.continuation, 0, 5, Buffer.alloc(8000, 0x82)));
  for (const payload of [0, 1]) {
    add(frame(h2.headers, 0, 7, Buffer.alloc(0)));
    for (let n = 0; n < 5000; n++) add(frame(h2.continuation, 0, 7, Buffer.alloc(payload)));
  }
  t.is(blocks.size.streams, 0);
  add(headers(9, get("/after")));
  t.like(take(9), { target: "/after" });
});

test("HeaderBlocks drops a connection that is over", (t) => {
  const { add, take, blocks } = some();
  add(headers(1, get("/")));
  add(Buffer.alloc(0));
  t.is(take(1), undefined);
  t.deepEqual(blocks.size, { connections: 0, streams: 0 });
});

test("HeaderBlocks holds so many streams and connections, and lets the oldest and the quiet go first", (t) => {
  const { add, take, blocks } = some({ connections: 3, streams: 2 });
  for (const stream of [1, 3, 5]) add(headers(stream, get(`/${stream}`)));
  t.is(take(1), undefined);
  t.like(take(5), { target: "/5" });
  for (const connection of [8, 9, 10]) {
    add(headers(1, get("/")), { connection });
    add(headers(9, get("/busy"))); // connection 7
  }
  t.is(blocks.size.connections, 3);
  t.like(take(9), { target: "/busy" });
  t.is(take(1, 8), undefined);
  t.truthy(take(1, 10));
});

test("HeaderBlocks joins what nghttp2's client and server said: trailers, interim answers, long blocks", async (t) => {
  const { frames } = await converse(
    t,
    (stream, asked) => {
      if (asked[":path"] === "/early") stream.additionalHeaders({ ":status": 103, link: "</a.css>" });
      stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "7", "grpc-message": "no" }));
      stream.end("body");
    },
    async (client) => {
      for (const path of ["/shop.Cart/Get", "/early", "/long"]) {
        const request = client.request({
          ":method": "POST",
          ":path": path,
          "content-type": "application/grpc",
          "x-long": path === "/long" ? "y~".repeat(15_000) : "short",
        });
        request.end("question");
        await new Promise((resolve) => request.resume().on("end", resolve));
      }
    },
  );
  const { add, take, blocks } = some();
  for (const { answers, frame: bytes } of frames) add(bytes, { answers });
  for (const [stream, target] of [
    [1, "/shop.Cart/Get"],
    [3, "/early"],
    [5, "/long"],
  ] as const) {
    const names = take(stream)!;
    t.like(names, { method: "POST", target, status: 200, isGrpc: true, grpcStatus: 7 });
    t.regex(names.authority, /^127\.0\.0\.1:\d+$/);
  }
  t.true(frames.some(({ frame: bytes }) => bytes[3] === h2.continuation));
  t.deepEqual(blocks.counts, { read: frames.length, unknown: 0, invalid: 0, lost: 0 });
});

test("HeaderBlocks never throws and stays within its limits, whatever the records", (t) => {
  const real = [headers(1, get("/a")), headers(3, { "+:path": "/b", "+x": "y" }), frame(h2.continuation, 4, 1, literals({ a: "b" }))];
  const hostile = fc.record({
    connection: fc.nat(20),
    number: fc.oneof(fc.nat(30), fc.nat(0xffffffff)),
    answers: fc.boolean(),
    frame: fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.tuple(fc.constantFrom(...real), fc.nat(60), fc.nat(255)).map(([bytes, at, byte]) => {
        const copy = Buffer.from(bytes);
        copy[at % copy.length] = byte;
        return copy;
      }),
      fc
        .tuple(fc.constantFrom(1, 9, 0), fc.nat(255), fc.nat(9), fc.uint8Array({ maxLength: 60 }))
        .map(([type, flags, stream, payload]) => frame(type, flags, stream, payload)),
    ),
  });
  const blocks = new HeaderBlocks({ connections: 10, streams: 3 });
  t.notThrows(() =>
    fc.assert(
      fc.property(hostile, fc.nat(40), (told, cut) => {
        const view = blockRecord(told);
        blocks.add(view, recordAt, Math.max(headerBlock.size, view.byteLength - recordAt - (cut > 30 ? cut - 30 : 0)));
        const { connections, streams } = blocks.size;
        return connections <= 10 && streams <= 3 * connections;
      }),
      { seed: 9113, numRuns: 20_000 },
    ),
  );
  const { read, unknown, invalid, lost } = blocks.counts;
  t.true(read > 0 && unknown > 0 && invalid > 0 && lost > 0);
});
