import test from "ava";
import { decode } from "dns-packet";
import fc from "fast-check";
import { ownAnswer } from "../src/resolver/own-answer.ts";
import { ownName } from "../src/resolver/own-name.ts";
import { readQuery } from "../src/resolver/query.ts";
import { MessageSplitter } from "../src/resolver/tcp-framing.ts";
import { askTcp, askUdp, query, startResolver } from "./resolver-peers.ts";

const fuzz = { seed: 53, numRuns: 3000 } as const;
const header = "123401000001000000000000";

/** Messages that once were, or could be, trouble: hex, and whether they get FORMERR (else silence). */
const corpus: [title: string, hex: string, formatError: boolean][] = [
  ["nothing", "", false],
  ["one byte short of a header", "1234010000010000000000", false],
  ["an answer", "123481000001000000000000036d65736800000100 01", false],
  ["no question", "123401000000000000000000", true],
  ["65535 questions", "12340100ffff000000000000", true],
  ["a question that is not there", header, true],
  ["a label past the end", `${header}3f6162`, true],
  ["a name without its end", `${header}036d6573`, true],
  ["a pointer to itself", `${header}c00c00010001`, true],
  ["a label type that never was", `${header}4161000001 0001`, true],
  ["a name of 300 bytes", `${header}${`3f${"61".repeat(63)}`.repeat(5)}0000010001`, true],
  ["a type cut in two", `${header}046d6573680000`, true],
  ["an OPT record cut short", "123401000001000000000001046d6573680000010001000029", true],
  ["65535 additional records that are not there", "12340100000100000000ffff046d6573680000010001", true],
];

for (const [title, hex, formatError] of corpus) {
  test(`Resolver answers ${title} with ${formatError ? "FORMERR" : "silence"}, by UDP and TCP, and counts it`, async (t) => {
    const { port, counters } = await startResolver(t);
    const message = Buffer.from(hex.replaceAll(" ", ""), "hex");
    const good = query("web.mesh", "A");
    const answers = await askTcp({ port }, message, good);
    t.deepEqual(
      answers.map((answer) => answer[3]! & 0xf),
      formatError ? [1, 0] : [0],
    );
    t.is(counters.malformed, 1);
    if (formatError) t.is((await askUdp({ port }, message))[3]! & 0xf, 1);
    t.is(decode(await askUdp({ port }, good)).answers?.length, 1);
  });
}

/** Queries for our names with bytes changed, cut and added: likelier to reach deep code than noise. */
const damaged = fc
  .record({
    name: fc.constantFrom("web.mesh", "mesh", "nobody.mesh", "1.0.18.198.in-addr.arpa"),
    flips: fc.array(fc.tuple(fc.nat(80), fc.nat(255)), { maxLength: 4 }),
    cut: fc.nat(60),
    tail: fc.uint8Array({ maxLength: 40 }),
  })
  .map(({ name, flips, cut, tail }) => {
    const message = Buffer.concat([query(name, "A"), tail]);
    for (const [at, value] of flips) if (at < message.length) message[at] = value;
    return message.subarray(0, Math.max(0, message.length - (cut > 40 ? cut - 40 : 0)));
  });
const anyMessage = fc.oneof(
  fc.uint8Array({ maxLength: 600 }).map((bytes) => Buffer.from(bytes)),
  damaged,
);

test("readQuery() and ownAnswer() take any bytes; what they answer can be read and keeps the id", (t) => {
  const names = { domain: ["mesh"], lookup: (name: string) => (name === "web" ? { a: ["198.18.0.1"], aaaa: ["fd6d::1"] } : undefined) };
  let answered = 0;
  fc.assert(
    fc.property(anyMessage, (message) => {
      const read = readQuery(message);
      const own = read.kind === "query" ? ownName(read.query.labels, names.domain) : undefined;
      if (read.kind !== "query" || !own) return;
      const answer = decode(ownAnswer(read.query, own, "web", names, "udp").message);
      answered++;
      if (answer.id !== message.readUInt16BE(0) || !answer.flag_qr) throw new Error("not an answer to this query");
    }),
    fuzz,
  );
  t.true(answered > 500, `only ${answered} runs reached an answer`);
});

test("Resolver lives through damaged messages by UDP and TCP", async (t) => {
  const { port, counters } = await startResolver(t);
  const messages = fc.sample(anyMessage, { seed: 53, numRuns: 300 });
  await askTcp({ port }, ...messages, query("web.mesh", "A"));
  for (const message of messages) if (readQuery(message).kind !== "silence") await askUdp({ port }, message);
  t.is(decode(await askUdp({ port }, query("web.mesh", "A"))).answers?.length, 1);
  t.true(counters.malformed > 50);
});

test("MessageSplitter gives the same messages wherever the stream is cut", (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 }),
      fc.array(fc.nat(40), { maxLength: 60 }),
      (messages, cuts) => {
        const stream = Buffer.concat(messages.flatMap((message) => [Buffer.from([message.length >> 8, message.length & 255]), message]));
        const seen: Buffer[] = [];
        const splitter = new MessageSplitter((message) => seen.push(Buffer.from(message)));
        let at = 0;
        for (const cut of cuts) {
          splitter.push(stream.subarray(at, at + cut));
          at += cut;
        }
        splitter.push(stream.subarray(at));
        if (seen.length !== messages.length || !seen.every((message, index) => message.equals(messages[index]!)))
          throw new Error("cut changed the messages");
      },
    ),
    { seed: 53 },
  );
  t.pass();
});
