import test from "ava";
import { type DecodedPacket, decode } from "dns-packet";
import { askTcp, askUdp, query, startResolver, type Target } from "./resolver-peers.ts";

const rcode = (packet: DecodedPacket) => (packet.flags ?? 0) & 0xf;
const opt = {
  name: ".",
  type: "OPT",
  udpPayloadSize: 4096,
  extendedRcode: 0,
  ednsVersion: 0,
  flags: 0,
  flag_do: false,
  options: [],
} as const;

for (const transport of ["UDP", "TCP"]) {
  const ask = async (target: Target, message: Buffer) =>
    transport === "UDP" ? askUdp(target, message) : (await askTcp(target, message))[0]!;
  for (const [type, expected] of [
    ["A", ["198.18.0.1"]],
    ["AAAA", ["fd6d::1"]],
    ["ANY", ["198.18.0.1", "fd6d::1"]],
  ] as const) {
    test(`Resolver answers ${type} of a service by ${transport}, authoritative, for five seconds`, async (t) => {
      const { port, counters } = await startResolver(t);
      const answer = decode(await ask({ port }, query("web.mesh", type)));
      t.deepEqual(
        answer.answers?.map((record) => ("data" in record ? record.data : undefined)),
        [...expected],
      );
      t.true(answer.answers?.every((record) => "ttl" in record && record.ttl === 5 && record.name === "web.mesh"));
      t.like(answer, { id: 0x1234, flag_qr: true, flag_aa: true, flag_rd: true, flag_ra: true, flag_tc: false });
      t.is(rcode(answer), 0);
      t.like(counters, { answered: 1, relayed: 0, nxdomain: 0, malformed: 0 });
    });
  }
}

for (const [name, type] of [
  ["new.mesh", "A"],
  ["old.mesh", "AAAA"],
  ["web.mesh", "HTTPS"],
  ["web.mesh", "MX"],
  ["mesh", "A"],
] as const) {
  test(`Resolver answers ${type} of ${name} with NODATA and the SOA (RFC 2308 §2.2)`, async (t) => {
    const { port } = await startResolver(t);
    const message = query(name, type === "HTTPS" ? "A" : type);
    // dns-packet cannot spell HTTPS (type 65, RFC 9460).
    if (type === "HTTPS") message.writeUInt16BE(65, message.length - 4);
    const answer = decode(await askUdp({ port }, message));
    t.is(rcode(answer), 0);
    t.deepEqual(answer.answers, []);
    t.like(answer.authorities?.[0], { type: "SOA", name: "mesh", ttl: 5 });
  });
}

test("Resolver answers an unknown name of the domain with NXDOMAIN and the SOA (RFC 2308 §2.1)", async (t) => {
  const { port, counters } = await startResolver(t);
  for (const name of ["nobody.mesh", "a.web.mesh", "constructor.mesh", "_http._tcp.mesh"]) {
    const answer = decode(await askUdp({ port }, query(name, "A")));
    t.is(rcode(answer), 3, name);
    t.like(answer.authorities?.[0], { type: "SOA", name: "mesh" });
  }
  t.like(counters, { answered: 4, nxdomain: 4 });
});

test("Resolver answers the SOA of its domain", async (t) => {
  const { port } = await startResolver(t);
  t.like(decode(await askUdp({ port }, query("mesh", "SOA"))).answers?.[0], { type: "SOA", name: "mesh" });
});

test("Resolver serves another domain, of several labels too, and then not .mesh", async (t) => {
  const { port } = await startResolver(t, { domain: "Svc.Example" });
  t.is(decode(await askUdp({ port }, query("web.svc.example", "A"))).answers?.length, 1);
  t.is(rcode(decode(await askUdp({ port }, query("web.mesh", "A")))), 2);
});

for (const name of ["1.0.18.198.in-addr.arpa", `1.${"0.".repeat(27)}d.6.d.f.ip6.arpa`]) {
  test(`Resolver answers PTR of ${name}`, async (t) => {
    const { port } = await startResolver(t);
    t.like(decode(await askUdp({ port }, query(name, "PTR"))).answers?.[0], { type: "PTR", data: "web.mesh", name, ttl: 5 });
  });
}

test("Resolver keeps the letter case of the question and matches without it (0x20)", async (t) => {
  const { port } = await startResolver(t);
  const message = query("wEb.MesH", "A");
  const bytes = await askUdp({ port }, message);
  t.deepEqual(bytes.subarray(12, message.length), message.subarray(12));
  t.like(decode(bytes).answers?.[0], { name: "wEb.MesH", data: "198.18.0.1" });
});

test("Resolver answers a query of two questions with FORMERR", async (t) => {
  const { port, counters } = await startResolver(t);
  const questions = [
    { name: "web.mesh", type: "A" },
    { name: "web.mesh", type: "AAAA" },
  ] as const;
  const answer = decode(await askUdp({ port }, query("", "A", { questions: [...questions] })));
  t.is(rcode(answer), 1);
  t.like(counters, { malformed: 1, answered: 0 });
});

test("Resolver speaks EDNS0 to those who do (RFC 6891 §6.1.1)", async (t) => {
  const { port } = await startResolver(t);
  t.deepEqual(decode(await askUdp({ port }, query("web.mesh", "A"))).additionals, []);
  const spoken = decode(await askUdp({ port }, query("web.mesh", "A", { additionals: [{ ...opt, options: [] }] })));
  t.like(spoken.additionals?.[0], { type: "OPT", udpPayloadSize: 1232, ednsVersion: 0 });
  const newer = decode(await askUdp({ port }, query("web.mesh", "A", { additionals: [{ ...opt, ednsVersion: 1, options: [] }] })));
  t.like(newer.additionals?.[0], { type: "OPT", extendedRcode: 1 });
  t.deepEqual(newer.answers, []);
});

test("Resolver answers two OPT records with FORMERR (RFC 6891 §6.1.1)", async (t) => {
  const { port } = await startResolver(t);
  const twice = [
    { ...opt, options: [] },
    { ...opt, options: [] },
  ];
  t.is(rcode(decode(await askUdp({ port }, query("web.mesh", "A", { additionals: twice })))), 1);
});

test("Resolver cuts a long answer at 512 bytes without EDNS0, not with it, and not by TCP", async (t) => {
  const { port } = await startResolver(t);
  const short = await askUdp({ port }, query("big.mesh", "A"));
  t.true(short.length <= 512);
  t.like(decode(short), { flag_tc: true, answers: [] });
  const long = await askUdp({ port }, query("big.mesh", "A", { additionals: [{ ...opt, options: [] }] }));
  t.true(long.length <= 1232);
  t.is(decode(long).answers?.length, 30);
  const [stream] = await askTcp({ port }, query("big.mesh", "A"));
  t.is(decode(stream!).answers?.length, 30);
});

test("Resolver refuses other classes than IN for its names", async (t) => {
  const { port } = await startResolver(t);
  const message = query("web.mesh", "A");
  message.writeUInt16BE(3, message.length - 2);
  t.is(rcode(decode(await askUdp({ port }, message))), 5);
});

test("Resolver answers SERVFAIL and lives on when the catalog throws", async (t) => {
  const { port, counters } = await startResolver(t, {
    lookup: (name) => {
      if (name === "web") throw new Error("broken");
      return { a: ["198.18.0.9"], aaaa: [] };
    },
  });
  t.is(rcode(decode(await askUdp({ port }, query("web.mesh", "A")))), 2);
  t.is(rcode(decode(await askUdp({ port }, query("old.mesh", "A")))), 0);
  t.like(counters, { failed: 1, answered: 1 });
});
