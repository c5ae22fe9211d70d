/** Capture files through libpcap: whole, damaged and cut off. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MitsuError } from "@mitsu/cli/error";
import test, { type ExecutionContext } from "ava";
import fc from "fast-check";
import { AddressBook } from "../../src/profile/address-book.ts";
import type { Observation } from "../../src/profile/observation.ts";
import { observePcap } from "../../src/profile/packet-source.ts";
import { type Captured, ethernet, exchange, ipv4, pcap, pcapng, tcp } from "./frames.ts";

const directory = mkdtempSync(join(tmpdir(), "mitsu-pcap-"));
test.after.always(() => rmSync(directory, { recursive: true, force: true }));
let made = 0;

const corpus = new URL("../corpus/profile/", import.meta.url).pathname;

function book(): AddressBook {
  const known = new AddressBook();
  known.add("client", "10.0.0.1");
  known.add("web", "10.0.0.2", 80);
  return known;
}

function read(path: string, signal = new AbortController().signal): Promise<Observation> {
  return observePcap(path, { book: book(), signal, progress: () => {} });
}

function observe(bytes: Uint8Array): Promise<Observation> {
  const path = join(directory, `${made++}.pcap`);
  writeFileSync(path, bytes);
  return read(path);
}

const packets: readonly Captured[] = [0, 1, 2, 3].flatMap((index) => exchange(40_000 + index, 100, 2000));
/** Of 20 packets, one each millisecond. */
const seconds = 0.019;
const whole = [{ from: "client", to: "web", messages: 8, bytes: 8400 }];

/** Sums instead of rates. */
function sums({ edges, seconds: over }: Observation): unknown {
  return edges.map(({ from, to, messagesPerSecond, bytesPerSecond }) => ({
    from,
    to,
    messages: Math.round(messagesPerSecond * over),
    bytes: Math.round((bytesPerSecond ?? 0) * over),
  }));
}

for (const [form, bytes] of [
  ["pcap", pcap(packets)],
  ["pcapng", pcapng(packets)],
] as const) {
  test(`observePcap() reads ${form}`, async (t) => {
    const found = await observe(bytes);
    t.deepEqual(sums(found), whole);
    t.like(found, { records: 20, skipped: 0, notices: [], kind: "count" });
    t.true(Math.abs(found.seconds - seconds) < 1e-5, String(found.seconds));
  });

  test(`observePcap() uses what is there of ${form} that is cut off, and says where it ends`, async (t) => {
    const found = await observe(bytes.subarray(0, bytes.length - 10));
    t.is(found.records, 19);
    t.is(found.notices.length, 1);
    t.regex(found.notices[0]!, /packet 20, at byte \d+: the file ends in the middle of it/);
    t.deepEqual(sums(found), whole);
  });
}

test("observePcap() reads every block of a file of many", async (t) => {
  const many = Array.from({ length: 1500 }, (_, index) => exchange(1024 + index, 10, 20)).flat();
  const found = await observe(pcap(many));
  t.is(found.records, 7500);
  t.deepEqual(sums(found), [{ from: "client", to: "web", messages: 3000, bytes: 45_000 }]);
});

/** Damages the header of packet `index`, from 0. */
function damaged(t: ExecutionContext, index: number, patch: (view: DataView, at: number) => void): Uint8Array {
  const bytes = pcap(packets);
  const view = new DataView(bytes.buffer);
  let at = 24;
  for (let skip = 0; skip < index; skip++) at += 16 + view.getUint32(at + 8, true);
  patch(view, at);
  t.true(at < bytes.length);
  return bytes;
}

test("observePcap() skips a packet whose length is rubbish, says which and where, and reads the rest", async (t) => {
  const found = await observe(
    damaged(t, 7, (view, at) => {
      view.setUint32(at + 8, 0xffff_fff0, true);
      view.setUint32(at + 12, 0xffff_fff0, true);
    }),
  );
  t.is(found.records, 19);
  t.is(found.skipped, 1);
  t.regex(found.notices.join("\n"), /packet 8, at byte \d+: .*skipped \d+ bytes to the next packet/);
  // Packet 8 was the second request: its bytes are missing, and the answer still is a message.
  t.deepEqual(sums(found), [{ from: "client", to: "web", messages: 7, bytes: 8300 }]);
});

test("observePcap() finds the way back after rubbish in the middle", async (t) => {
  const bytes = damaged(t, 3, (view, at) => {
    for (let index = 0; index < 300; index++) view.setUint8(at + index, 0xee);
  });
  const found = await observe(bytes);
  t.true(found.records >= 17, String(found.records));
  t.is(found.skipped, 1);
  t.like(found.edges[0], { from: "client", to: "web" });
});

test("observePcap() finds the way back in pcapng", async (t) => {
  const bytes = pcapng(packets);
  const view = new DataView(bytes.buffer);
  let at = 28;
  for (let skip = 0; skip < 6; skip++) at += view.getUint32(at + 4, true);
  view.setUint32(at + 4, 0x00ff_fff1, true);
  const found = await observe(bytes);
  t.true(found.records >= 18, String(found.records));
  t.is(found.skipped, 1);
  t.regex(found.notices[0]!, /skipped \d+ bytes to the next packet/);
});

test("observePcap() counts malformed packets and those captured too short, and tells unknown addresses", async (t) => {
  const found = await observe(
    pcap([
      ...packets,
      { frame: ethernet(ipv4(tcp({ from: 1, to: 2 }), { total: 4000 })) },
      { frame: ethernet(ipv4(tcp({ from: 1, to: 2 }))), cut: 30 },
      { frame: ethernet(ipv4(tcp({ from: 1, to: 2, payload: 9 }), { source: "192.0.2.1", destination: "192.0.2.2" })) },
    ]),
  );
  t.is(found.skipped, 2);
  t.regex(found.notices.join("\n"), /1 packets are malformed/);
  t.regex(found.notices.join("\n"), /1 packets were captured too short/);
  t.regex(found.notices.join("\n"), /2 addresses belong to no service: 192\.0\.2\.[12] \(1 packets, 9 B\)/);
});

test("observePcap() takes packets of one time as those of a second", async (t) => {
  const found = await observe(pcap(packets.map((one) => ({ ...one, at: 5 }))));
  t.is(found.seconds, 1);
  t.deepEqual(sums(found), whole);
});

for (const [what, bytes] of [
  ["an empty file", new Uint8Array()],
  ["text", new TextEncoder().encode("not packets at all, not at all")],
  ["a header alone that is cut off", pcap([]).subarray(0, 20)],
] as const) {
  test(`observePcap() refuses ${what}`, async (t) => {
    const error = await t.throwsAsync<MitsuError>(observe(bytes));
    t.is(error?.code, "ERR_PCAP_UNREADABLE");
    t.is(error?.exit, 65);
  });
}

test("observePcap() names a file that is not there, a folder, and a link type it cannot read", async (t) => {
  t.regex((await t.throwsAsync(read(join(directory, "none"))))!.message, /none: no such file/);
  t.regex((await t.throwsAsync(read(directory)))!.message, /it is a folder/);
  t.is((await t.throwsAsync<MitsuError>(observe(pcap(packets, 105))))?.code, "ERR_PCAP_LINK_TYPE");
});

test("observePcap() has an empty capture measure nothing", async (t) => {
  t.like(await observe(pcap([])), { records: 0, edges: [], notices: [] });
});

test("observePcap() ends early when told", async (t) => {
  const path = join(directory, "early.pcap");
  writeFileSync(path, pcap(packets));
  t.like(await read(path, AbortSignal.abort()), { records: 0, notices: ["pcap:early.pcap: interrupted after 0 packets"] });
});

test("observePcap() survives any damage to a capture, and says that there was some", async (t) => {
  const files = [pcap(packets), pcapng(packets)];
  const change = fc.record({
    file: fc.nat(1),
    changes: fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 12 }),
    cut: fc.nat(),
  });
  await fc.assert(
    fc.asyncProperty(change, async ({ file, changes, cut }) => {
      const bytes = files[file]!.slice(0, files[file]!.length - (cut % 3 === 0 ? cut % 900 : 0));
      for (const [at, value] of changes) bytes[24 + (at % (bytes.length - 24))] = value;
      try {
        const found = await observe(bytes);
        t.true(found.records <= 60);
        for (const { messagesPerSecond, bytesPerSecond } of found.edges) t.true(messagesPerSecond > 0 && bytesPerSecond! >= 0);
        if (found.skipped > 0) t.true(found.notices.length > 0);
      } catch (error) {
        t.regex((error as MitsuError).code, /^ERR_PCAP_/);
      }
    }),
    { seed: 1, numRuns: 150 },
  );
});

test("observePcap() reads the corpus' damaged captures as before", async (t) => {
  const rubbish = await read(join(corpus, "rubbish-in-the-middle.pcap"));
  t.deepEqual(
    { records: rubbish.records, skipped: rubbish.skipped, edges: sums(rubbish) },
    JSON.parse(readFileSync(join(corpus, "rubbish-in-the-middle.json"), "utf8")),
  );
});
