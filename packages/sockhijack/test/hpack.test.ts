import test from "ava";
import fc from "fast-check";
import { HpackDecoder, maxBlockBytes } from "../src/tracing/hpack.ts";
import { decodeHuffman, huffmanRoom } from "../src/tracing/hpack-huffman.ts";
import { DynamicTable, FieldNames } from "../src/tracing/hpack-tables.ts";
import { converse, h2, literals } from "./http2-frames.ts";

const wanted = [":method", ":scheme", ":path", ":authority", ":status", "cache-control", "custom-key", "custom-header", "password", "date"];
const more = ["location", "set-cookie", "content-encoding", "x-long", "x-all", "user-agent", "x-same"];
const all = [...wanted, ...more];
const names = new FieldNames(all);

/** A decoder that says what it found as lines of `name: value`, or how it failed. */
function reader(of: FieldNames = names, texts: readonly string[] = all) {
  const decoder = new HpackDecoder(of);
  const read = (block: Buffer): string[] => {
    const found: string[] = [];
    const outcome = decoder.decode(block, 0, block.length, (field, value) => found.push(`${texts[field]}: ${value}`));
    return outcome === "whole" ? found : [...found, outcome];
  };
  return { decoder, read, hex: (text: string) => read(Buffer.from(text.replaceAll(" ", ""), "hex")) };
}

test("HpackDecoder reads each representation (RFC 7541 C.2)", (t) => {
  t.deepEqual(reader().hex("400a637573746f6d2d6b65790d637573746f6d2d686561646572"), ["custom-key: custom-header"]);
  t.deepEqual(reader().hex("040c2f73616d706c652f70617468"), [":path: /sample/path"]);
  t.deepEqual(reader().hex("100870617373776f726406736563726574"), ["password: secret"]);
  t.deepEqual(reader().hex("82"), [":method: GET"]);
});

const requests = [
  [":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com"],
  [":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com", "cache-control: no-cache"],
  [":method: GET", ":scheme: https", ":path: /index.html", ":authority: www.example.com", "custom-key: custom-value"],
];
for (const [section, blocks] of [
  [
    "C.3, plain",
    [
      "828684410f7777772e6578616d706c652e636f6d",
      "828684be58086e6f2d6361636865",
      "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565",
    ],
  ],
  ["C.4, Huffman", ["828684418cf1e3c2e5f23a6ba0ab90f4ff", "828684be5886a8eb10649cbf", "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf"]],
] as const) {
  test(`HpackDecoder reads the requests of RFC 7541 ${section}`, (t) => {
    const { hex } = reader();
    t.deepEqual(blocks.map(hex), requests);
  });
}

const dates = ["Mon, 21 Oct 2013 20:13:21 GMT", "Mon, 21 Oct 2013 20:13:22 GMT"];
const rest = (date: string) => ["cache-control: private", `date: ${date}`, "location: https://www.example.com"];
const cookie = "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1";
const answers = [
  [":status: 302", ...rest(dates[0]!)],
  [":status: 307", ...rest(dates[0]!)],
  [":status: 200", ...rest(dates[1]!), "content-encoding: gzip", `set-cookie: ${cookie}`],
];
for (const [section, blocks] of [
  [
    "C.5, plain",
    [
      "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d546e1768747470733a2f2f7777772e6578616d706c652e636f6d",
      "4803333037c1c0bf",
      `88c1611d${Buffer.from(dates[1]!).toString("hex")}c05a04677a69707738${Buffer.from(cookie).toString("hex")}`,
    ],
  ],
  [
    "C.6, Huffman",
    [
      "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3",
      "4883640effc1c0bf",
      "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
    ],
  ],
] as const) {
  test(`HpackDecoder reads the answers of RFC 7541 ${section}, with a table of 256 bytes`, (t) => {
    const { hex, read } = reader();
    t.deepEqual(read(Buffer.from("3fe101", "hex")), []); // table size 256
    t.deepEqual(blocks.map(hex), answers);
  });
}

test("HpackDecoder reads what nghttp2 writes: all bytes a value may have, long blocks, entries that go and come", async (t) => {
  const values = Array.from({ length: 40 }, (_, n) => `/${"item".repeat(n)}?n=${n}&${"~^ ".repeat(n)}é`);
  const anyByte = Buffer.from([...Array(95).keys()].map((n) => n + 32)).toString("latin1");
  const { frames } = await converse(
    t,
    (stream, asked) => {
      stream.respond({ ":status": 200, location: String(asked["x-long"]).slice(0, 3), "x-same": "yes", "set-cookie": ["a=1", "b=2"] });
      stream.end();
    },
    async (client) => {
      for (const [n, value] of values.entries()) {
        const request = client.request({
          ":path": `/${n}`,
          "x-long": value,
          "x-all": `a${anyByte}b`,
          "x-same": "yes",
          "user-agent": "ava",
        });
        await new Promise((resolve) => request.resume().on("end", resolve));
      }
    },
  );
  const [asks, tells] = [reader(), reader()];
  const read = frames.map(({ answers: isAnswer, frame }) => {
    const from = 9 + (frame[4]! & h2.priority ? 5 : 0);
    return (isAnswer ? tells : asks).read(frame.subarray(from));
  });
  for (const [n, value] of values.entries()) {
    const latin = Buffer.from(value, "latin1").toString("latin1");
    const asked = [
      ...[":method: GET", ":scheme: http", `:path: /${n}`, "user-agent: ava", "x-same: yes"],
      ...[`x-long: ${latin}`, `x-all: a${anyByte}b`],
    ];
    t.deepEqual(read[n]!.filter((line) => !line.startsWith(":authority: 127.0.0.1:")).sort(), asked.sort());
    t.is(read[n]!.length, asked.length + 1);
    const told = read[values.length + n]!;
    t.deepEqual(
      told.filter((line) => !line.startsWith("date: ")),
      [":status: 200", `location: ${latin.slice(0, 3)}`, "x-same: yes", "set-cookie: a=1", "set-cookie: b=2"],
    );
    t.true(told.some((line) => line.startsWith("date: ")));
  }
});

test("HpackDecoder makes strings of wanted fields only, and keeps count of the others", (t) => {
  const few = reader(new FieldNames(["b"]), ["b"]);
  t.deepEqual(few.read(literals({ "+a": "1", "+b": "2", "+c": "3" })), ["b: 2"]);
  t.deepEqual(few.hex("bebfc0"), ["b: 2"]); // the newest is c
  t.deepEqual(few.hex("c1"), ["invalid"]); // a fourth there is not
  const long = "x".repeat(200);
  t.deepEqual(reader().read(literals({ "x-long": long })), [`x-long: ${long}`]);
});

test("HpackDecoder after a gap: older entries are unknown, newer ones known, and nothing is taken for another", (t) => {
  const { decoder, read, hex } = reader();
  read(literals({ "+x-all": "old", "+x-same": "old" }));
  decoder.forget();
  t.deepEqual(hex("82be"), [":method: GET", "unknown"]);
  t.deepEqual(read(literals({ "+x-all": "new" })), ["x-all: new"]);
  t.deepEqual(hex("be"), ["x-all: new"]);
  t.deepEqual(hex("bf82"), [":method: GET", "unknown"]); // x-same, which was forgotten
  // A literal whose name is unknown is an entry all the same: x-all moves on by one.
  t.deepEqual(hex("7f00 0131 be bf"), ["x-all: new", "unknown"]);
  t.deepEqual(hex("20 82"), [":method: GET"]); // the table was emptied by its owner: all is known again
  t.deepEqual(hex("be"), ["invalid"]);
});

/** Why → block. */
const broken: readonly (readonly [string, string])[] = [
  ["index 0", "80"],
  ["an index beyond both tables", "be"],
  ["a name's index beyond both tables", "7e0131"],
  ["an integer without an end", "ffffffff"],
  ["an integer beyond all bounds", "ffffffffffffff7f"],
  ["an integer padded for ever", "ff8080808080808080808000"],
  ["a string that is longer than the block", "0004 61"],
  ["a name without a value", "400161"],
  ["nothing after a literal's first byte", "40"],
  ["Huffman's EOS", "0484 ffffffff"],
  ["Huffman padding of zeros", "0482 6300"],
  ["Huffman padding of a whole byte", "0482 63ff"],
  ["a table of more than 64 KiB", "3fe2ff03"],
  ["a table size behind a field", "8220"],
];
for (const [why, block] of broken) {
  test(`HpackDecoder calls ${why} invalid, and can go on`, (t) => {
    const { hex } = reader();
    t.is(hex(block).at(-1), "invalid");
    t.deepEqual(hex("82 86"), [":method: GET", ":scheme: http"]);
    t.deepEqual(hex("be"), ["unknown"]);
  });
}

test("HpackDecoder takes a table of 64 KiB, a block of 64 KiB, and no longer one", (t) => {
  const { read, hex } = reader();
  t.deepEqual(hex("3fe1ff03"), []);
  t.is(read(Buffer.alloc(maxBlockBytes, 0x82)).length, maxBlockBytes);
  t.deepEqual(read(Buffer.alloc(maxBlockBytes + 1, 0x82)), ["invalid"]);
});

test("DynamicTable drops the oldest, keeps to its limit, and is empty after an entry that is too large (RFC 7541 §4.4)", (t) => {
  const table = new DynamicTable();
  const entry = (n: number, size = 100) => ({ field: n, nameBytes: 1, size, value: "" });
  for (let n = 0; n < 1000; n++) {
    table.add(entry(n));
    t.is(table.before(0)!.field, n);
    t.is(table.length, Math.min(n + 1, 40)); // of 4096 bytes
    t.is(table.before(table.length - 1)!.field, Math.max(0, n - 39));
    t.is(table.before(table.length), undefined);
  }
  table.resize(250);
  t.deepEqual([table.length, table.before(1)!.field], [2, 998]);
  table.resize(4096);
  table.add(entry(1, 4096));
  t.is(table.length, 1);
  table.add(entry(1, 4097));
  t.is(table.length, 0);
});

test("HpackDecoder never throws, ends, and holds no more than its table, whatever the bytes", (t) => {
  const blocks = [...requests, ...answers].map((lines) =>
    literals(Object.fromEntries(lines.map((line) => line.split(/(?<=.): /)).map(([name, value]) => [`+${name}`, value!]))),
  );
  const mutated = fc
    .tuple(fc.constantFrom(...blocks), fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { maxLength: 4 }), fc.nat(200))
    .map(([block, changes, cut]) => {
      const copy = Buffer.from(block.subarray(0, Math.max(1, block.length - (cut > 100 ? 0 : cut))));
      for (const [at, byte] of changes) copy[at % copy.length] = byte;
      return copy;
    });
  const random = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
  const outcomes = new Set<string>();
  const { decoder, read } = reader();
  t.notThrows(() =>
    fc.assert(
      fc.property(fc.oneof(mutated, random), fc.boolean(), (block, gap) => {
        if (gap) decoder.forget();
        const found = read(block);
        outcomes.add(found.at(-1) ?? "");
        return found.length <= block.length + 1 && found.every((line) => line.length < 1100);
      }),
      { seed: 7541, numRuns: 20_000 },
    ),
  );
  t.true(outcomes.has("invalid") && outcomes.has("unknown"));
  const out = new Uint8Array(huffmanRoom(300));
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => decodeHuffman(bytes, 0, bytes.length, out) <= huffmanRoom(bytes.length)),
    { seed: 7541, numRuns: 5000 },
  );
});
