import test from "ava";
import { StreamNames, wantedFields } from "../src/tracing/stream-names.ts";

type Block = Readonly<Record<string, string>>;

/** What is known after such blocks of the client, then of the server. */
function after(asked: readonly Block[], answered: readonly Block[] = []): StreamNames {
  const names = new StreamNames();
  for (const [blocks, isAnswer] of [
    [asked, false],
    [answered, true],
  ] as const) {
    for (const block of blocks) {
      for (const [name, value] of Object.entries(block)) names.tell(wantedFields.indexOf(name), value, isAnswer);
      names.endBlock(isAnswer);
    }
  }
  return names;
}

const call = { ":method": "POST", ":path": "/shop.Cart/Get", "content-type": "application/grpc" };
const ok = { ":status": "200", "content-type": "application/grpc" };

test("StreamNames: a request's trailers are not its head, and an answer's do not change its status", (t) => {
  const names = after(
    [
      { ":method": "GET", ":path": "/a?b" },
      { ":method": "PUT", ":path": "/other", traceparent: `00-${"a".repeat(32)}-${"b".repeat(16)}-01` },
    ],
    [{ ":status": "200" }, { ":status": "500" }],
  );
  t.like(names, { method: "GET", target: "/a?b", status: 200, isGrpc: false, grpcStatus: undefined, traceparent: undefined });
});

test("StreamNames: interim answers give way to the final one", (t) => {
  t.is(after([call], [{ ":status": "103" }]).status, 103);
  t.is(after([call], [{ ":status": "100" }, { ":status": "103" }, ok]).status, 200);
  t.is(after([call], [{ ":status": "nonsense" }]).status, 0);
  t.is(after([call], [{ ":status": "0200" }]).status, 0);
});

test("StreamNames takes gRPC's status from trailers, from an answer of trailers only, and from HTTP's where there is none", (t) => {
  t.is(after([call], [ok, { "grpc-status": "0" }]).grpcStatus, 0);
  t.is(after([call], [{ ...ok, "grpc-status": "14" }]).grpcStatus, 14);
  t.is(after([call], [ok]).grpcStatus, undefined);
  t.is(after([call], [{ ":status": "503", "content-type": "text/html" }]).grpcStatus, 14);
  t.is(after([call], [{ ":status": "418" }]).grpcStatus, 2);
  t.is(after([call], [{ ":status": "404", "grpc-status": "5" }]).grpcStatus, 5);
  for (const other of ["17", "-1", "999", "0x1", "", "1e1"]) t.is(after([call], [ok, { "grpc-status": other }]).grpcStatus, 2);
  t.is(after([{ ":method": "GET" }], [{ ":status": "503", "grpc-status": "3" }]).grpcStatus, undefined);
});

test("StreamNames knows gRPC by its type, of the request or else of the answer", (t) => {
  const isGrpc = (type: string) => after([{ "content-type": type }]).isGrpc;
  for (const type of ["application/grpc", "application/grpc+proto", "application/grpc;charset=utf-8", "Application/gRPC"])
    t.true(isGrpc(type), type);
  for (const type of ["application/grpc-web", "application/grpc-web+proto", "text/plain; application/grpc", "application/grpcs", ""]) {
    t.false(isGrpc(type), type);
  }
  t.true(after([], [ok]).isGrpc);
});

test("StreamNames bounds what a program sends, and keeps no credentials and no control characters", (t) => {
  const long = "x".repeat(9999);
  const names = after([{ ":method": long, ":path": `/${long}`, ":authority": `ann:secret@${long}` }]);
  t.deepEqual([names.method.length, names.target.length, names.authority.length], [32, 512, 255]);
  t.is(after([{ ":authority": "ann:secret@shop.example:8080" }]).authority, "shop.example:8080");
  t.is(after([{ ":path": "/a\x00b\x1b[2J\x9bc é" }]).target, "/a�b�[2J�c é");
});
