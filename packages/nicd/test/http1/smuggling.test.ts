import { readdirSync, readFileSync } from "node:fs";
import { rawClient, rawServer } from "@mitsu/reactor/raw-peer";
import test from "ava";
import { BodyReader, framing } from "../../src/http1/body-reader.ts";
import { HeadTable, incomplete, refusal, scanRequest } from "../../src/http1/scan-head.ts";
import { testPlane, webAt } from "../proxy/test-plane.ts";

/** `corpus/<reason>/<case>.http`: the bytes of a request that RFC 9112 lets a proxy refuse, or has it refuse. */
const corpus = new URL("corpus/", import.meta.url);
const cases = readdirSync(corpus).flatMap((reason) =>
  readdirSync(new URL(`${reason}/`, corpus)).map((file) => ({
    reason,
    name: file.replace(".http", ""),
    bytes: readFileSync(new URL(`${reason}/${file}`, corpus)),
  })),
);
const status: Readonly<Record<string, number>> = { tooLong: 431, tooManyFields: 431, unknownTransferEncoding: 501, badVersion: 505 };

/** What scanner and body reader make of the bytes when they come in pieces that end at `ends`. */
function judge(bytes: Buffer, ends: readonly number[]): string {
  const table = new HeadTable();
  const reader = new BodyReader();
  let at = 0;
  let inBody = false;
  for (const end of ends) {
    if (!inBody) {
      const headEnd = scanRequest(bytes, 0, end, table);
      if (headEnd === incomplete) continue;
      if (headEnd < 0) return Object.entries(refusal).find(([, number]) => number === headEnd)![0];
      inBody = true;
      at = headEnd;
      reader.begin(table.chunked ? framing.chunked : table.contentLength > 0 ? framing.length : framing.none, table.contentLength);
    }
    while (at < end && !reader.done) {
      at = reader.step(bytes, at, end);
      if (reader.failed) return "badChunk";
    }
  }
  return "accepted";
}

for (const { reason, name, bytes } of cases) {
  test(`${name} is refused as ${reason}, at whatever byte it is split`, (t) => {
    t.is(judge(bytes, [bytes.length]), reason);
    const all = Array.from({ length: bytes.length }, (_, index) => index + 1);
    if (bytes.length < 1000) {
      t.is(judge(bytes, all), reason);
      for (const end of all) t.is(judge(bytes, [end, bytes.length]), reason);
    }
  });
}

test("each of them is refused with its status and counted by its reason, and nothing of it reaches the replica", async (t) => {
  const server = await rawServer(t);
  const { port, plane } = await testPlane(t, webAt(server.port, "protocol: http"));
  for (const { reason, name, bytes } of cases) {
    const before = plane.refusals.get(reason) ?? 0;
    const client = rawClient(t, port);
    client.socket.end(bytes);
    const answer = await client.message();
    t.regex(
      answer,
      new RegExp(`^HTTP/1\\.1 ${status[reason] ?? 400} [^\\r]+\\r\\ncontent-length: 0\\r\\nconnection: close\\r\\n\\r\\n$`),
      name,
    );
    t.is(await client.end(), "end", name);
    t.is(client.received, "", name);
    t.is(plane.refusals.get(reason), before + 1, name);
  }
  t.is(server.peers.length, 0);
});
