/** Bad input over all commands that ask the daemon: refused before it is asked, with what, why and what to do. */
import test from "ava";
import fc from "fast-check";
import { replicaArgument } from "../../src/commands/replica-argument.ts";
import { cli } from "./canned-answers.ts";

/** No daemon: whoever asks it ends with status 69. */
const nowhere = ["--socket", "/nowhere/replicad.sock"];

for (const [line, says] of [
  ["drain", /<replica> is missing \(address:port\)\n {2}hint: usage: replicad drain <replica>/],
  ["drain cart", /replica "cart": cart is no IP address\n {2}hint: give address:port, such as 10\.0\.0\.7:8080 or \[fd00::7\]:8080/],
  ["drain cart-7:8080", /cart-7 is no IP address/],
  ["drain 10.0.0.7", /replica "10\.0\.0\.7": its port is missing/],
  ["drain 10.0.0.7:", /its port is missing/],
  ["drain :8080", /its address is missing/],
  ["drain 10.0.0.7:0", /0 is no port \(1 to 65535\)/],
  ["drain 10.0.0.7:65536", /65536 is no port/],
  ["drain 10.0.0.7:http", /http is no port/],
  ["drain 10.0.0.256:80", /10\.0\.0\.256 is no IP address/],
  ["drain fd00::7", /its port is missing, or brackets around the address/],
  ["drain fd00::g:80", /an IPv6 address stands in brackets/],
  ["drain [fd00::7]", /its port is missing/],
  ["drain [10.0.0.7]:80", /brackets are for IPv6 addresses/],
  ["drain 10.0.0.7:80 --wait --undo", /--wait and --undo exclude each other/],
  ["drain 10.0.0.7:80 --wait --timeout 0", /--timeout 0: give seconds above 0/],
  ["drain 10.0.0.7:80 --wait --timeout -5", /--timeout -5: give seconds above 0/],
  ["drain 10.0.0.7:80 --timeout soon", /--timeout needs a number \(s\)/],
  ["drain 10.0.0.7:80 --timout 5", /did you mean '--timeout'\?/],
  ["set-weight 10.0.0.7:80", /<weight> is missing \(0 to 65535, or default\)/],
  [
    "set-weight 10.0.0.7:80 -1",
    /weight "-1" is below 0\n {2}hint: give a number from 0 \(no new requests\) to 65535, such as 0\.5, or default/,
  ],
  ["set-weight 10.0.0.7:80 -0.5", /weight "-0\.5" is below 0/],
  ["set-weight 10.0.0.7:80 NaN", /weight "NaN" is no number/],
  ["set-weight 10.0.0.7:80 Infinity", /weight "Infinity" is no number/],
  ["set-weight 10.0.0.7:80 0x10", /weight "0x10" is no number/],
  ["set-weight 10.0.0.7:80 half", /weight "half" is no number/],
  ["set-weight 10.0.0.7:80 65536", /weight "65536" is above 65535/],
  ["set-weight 10.0.0.7:80 1e999", /weight "1e999" is above 65535/],
  ["set-weight cart 1", /cart is no IP address/],
  ["explain", /<service> is missing/],
  ["explain cart:8080", /service "cart:8080" has a port in its name\n {2}hint: give it by itself: cart --port 8080/],
  [`explain ${"x".repeat(64)}`, /a service's name of 64 characters/],
  ["explain cart --port 0", /--port 0 is no port\n {2}hint: give a whole number from 1 to 65535/],
  ["explain cart --port 80.5", /--port 80\.5 is no port/],
  ["explain cart --port http", /--port needs a number/],
  [`explain cart --key ${"k".repeat(4097)}`, /--key has 4097 characters\n {2}hint: 4096 are the most; give a digest/],
  ["explain cart --key=", /--key is empty/],
  [
    "select cart curl http://x/",
    /unexpected argument 'curl' for 'select'\n {2}hint: put the command after --: replicad select cart -- curl/,
  ],
  ["select cart --port 65536 -- true", /--port 65536 is no port/],
  ["replicas cart:80", /has a port in its name/],
  ["replicas --watch --json", /--watch draws a table, not JSON/],
  ["replicas --watch --interval-ms 0", /--interval-ms 0: give a number from 1 to 3600000/],
  ["replicas --sort load", /--sort cannot be 'load'\n {2}hint: choose one of service, in-flight, latency, age/],
  ["replicas cart api", /unexpected argument 'api'/],
  ["status cart", /unexpected argument 'cart'/],
  ["reload now", /unexpected argument 'now'/],
] as const) {
  test(`replicad ${line.length > 60 ? `${line.slice(0, 60)}…` : line} is refused with status 2 and what to do, before the daemon is asked`, async (t) => {
    const [before, after] = line.split(" -- ") as [string, string?];
    const json = line.includes("--json");
    const { status, out, err } = await cli([...before.split(" "), ...nowhere, ...(after === undefined ? [] : ["--", after])]);
    t.deepEqual([status, out], [2, ""], err);
    t.regex(json ? JSON.parse(err).error.message : err, says);
    t.regex(err, json ? /"hint"/ : /\n {2}hint: /);
  });
}

test("replicaArgument() takes what it gives, and refuses any other text with status 2", (t) => {
  const octet = fc.nat(255);
  const four = fc.tuple(octet, octet, octet, octet).map((parts) => parts.join("."));
  const key = fc.tuple(
    fc.oneof(
      four,
      fc.ipV6().map((address) => `[${address}]`),
    ),
    fc.integer({ min: 1, max: 65535 }),
  );
  t.is(replicaArgument("[::ffff:10.0.0.7]:80"), "10.0.0.7:80");
  fc.assert(
    fc.property(key, ([address, port]) => {
      const once = replicaArgument(`${address}:${port}`);
      t.is(replicaArgument(once), once);
      t.true(once.endsWith(`:${port}`));
    }),
    { seed: 1, numRuns: 200 },
  );
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      try {
        replicaArgument(text);
      } catch (error) {
        t.like(error, { code: "ERR_USAGE", exit: 2 });
      }
    }),
    { seed: 1, numRuns: 500 },
  );
});
