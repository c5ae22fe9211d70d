import { connect as connectHttp2 } from "node:http2";
import test from "ava";
import fc from "fast-check";
import { callerFrom, connectHeaders, traceparentFrom } from "../../src/links/connect-headers.ts";
import { formatConnectTarget, LinkServer, parseConnectTarget } from "../../src/links/mod.ts";
import { echo } from "./two-nodes.ts";

const peer = { address: "192.0.2.1", port: 9 };
const seed = { seed: 11, numRuns: 3000 };

test("parseConnectTarget() takes an address and a port, and nothing else", (t) => {
  t.deepEqual(parseConnectTarget("10.0.0.7:8080"), { address: "10.0.0.7", port: 8080 });
  t.deepEqual(parseConnectTarget("[fd00::7]:1"), { address: "fd00::7", port: 1 });
  const wrong = [
    "",
    ":80",
    "10.0.0.7",
    "10.0.0.7:",
    "10.0.0.7:0",
    "10.0.0.7:080",
    "10.0.0.7:65536",
    "10.0.0.7:80 ",
    " 10.0.0.7:80",
    "10.0.0.07:80",
  ];
  wrong.push(
    "fd00::7:80",
    "[fd00::7]",
    "[fd00::7]:",
    "[fe80::1%eth0]:80",
    "[10.0.0.7]:80",
    "cart.mesh:80",
    "localhost:80",
    "user@10.0.0.7:80",
  );
  wrong.push(
    "10.0.0.7:+80",
    "10.0.0.7:8e1",
    "10.0.0.7:٨٠",
    "[::1]]:80",
    "http://10.0.0.7:80",
    "0x7f.1:80",
    "2130706433:80",
    "10.0.0.7:80\r\n",
  );
  for (const authority of wrong) t.is(parseConnectTarget(authority), null, authority);
});

test("parseConnectTarget() is the inverse of formatConnectTarget(), and never throws", (t) => {
  const address = fc.oneof(fc.ipV4(), fc.ipV6());
  fc.assert(
    fc.property(address, fc.integer({ min: 1, max: 65_535 }), (at, port) => {
      const text = formatConnectTarget({ address: at, port });
      t.deepEqual(parseConnectTarget(text), { address: at, port });
    }),
    { ...seed, numRuns: 500 },
  );
  const noise = fc.stringMatching(/^[0-9a-f.:[\]%@/ -]{0,60}$/);
  fc.assert(
    fc.property(fc.oneof(noise, fc.string({ unit: "binary" })), (text) => {
      const target = parseConnectTarget(text);
      return target === null || formatConnectTarget(target) === text;
    }),
    seed,
  );
});

test("connectHeaders() says who calls, in the words of HBONE, and callerFrom() reads them", (t) => {
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const web = { service: "web", address: "10.1.0.5", port: 40000, by: "cgroup" } as const;
  const headers = connectHeaders("10.0.0.7:8080", web, traceparent);
  t.deepEqual(headers, {
    ":method": "CONNECT",
    ":authority": "10.0.0.7:8080",
    forwarded: 'for="10.1.0.5:40000"',
    baggage: "service.name=web",
    traceparent,
  });
  const read = headers as Record<string, string>;
  t.deepEqual(callerFrom(read, peer, true), { ...web, by: "link" });
  t.deepEqual(callerFrom(read, peer, false), { service: "", ...peer, by: "nobody" });
  t.is(traceparentFrom(read), traceparent);
  const six = connectHeaders("10.0.0.7:8080", { service: "", address: "fd00::5", port: 0, by: "nobody" }, "");
  t.is(six.forwarded, 'for="[fd00::5]"');
  t.deepEqual(callerFrom(six as Record<string, string>, peer, true), { service: "", address: "fd00::5", port: 0, by: "nobody" });
  t.is(connectHeaders("10.0.0.7:8080", { service: "x", address: "", port: 0, by: "nobody" }, "").forwarded, "for=unknown");
});

test("callerFrom() reads what ztunnel sends, and takes nothing that is not exactly so", (t) => {
  const ztunnel = {
    baggage: "k8s.cluster.name=Kubernetes,k8s.namespace.name=shop,k8s.deployment.name=web-v1,service.name=web,service.version=v1",
    forwarded: "for=10.1.0.5",
  };
  t.deepEqual(callerFrom(ztunnel, peer, true), { service: "web", address: "10.1.0.5", port: 0, by: "link" });
  const services = [
    "service.name=",
    "service.name=Web",
    "service.name=a b",
    "service.name=web,service.name=admin",
    "xservice.name=web",
    "service.name",
    "=web",
    "service.name=web%2Cx",
  ];
  for (const baggage of services) t.is(callerFrom({ baggage }, peer, true).service, "", baggage);
  t.is(callerFrom({ baggage: " service.name = web ;p=1" }, peer, true).service, "web");
  const forwarded = [
    "for=10.1.0.5, for=10.9.9.9",
    "by=10.1.0.5",
    "for=_hidden",
    "for=unknown",
    'for="10.1.0.5',
    "for=10.1.0",
    'for="10.1.0.5:99999"',
    "for=cart",
  ];
  for (const value of forwarded) t.is(callerFrom({ forwarded: value }, peer, true).address, peer.address, value);
  for (const value of [
    "",
    "00-0-0-01",
    "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    `00-${"0".repeat(32)}-b7ad6b7169203331-01`,
  ]) {
    t.is(traceparentFrom({ traceparent: value }), "", value);
  }
});

test("callerFrom() makes nothing of noise that could be taken for a service or an address", (t) => {
  const noise = fc.oneof(fc.string({ unit: "binary" }), fc.stringMatching(/^(service\.name=|for=|[a-z0-9",;:=.[\] -]){0,12}$/));
  fc.assert(
    fc.property(noise, noise, fc.boolean(), (baggage, forwarded, trusted) => {
      const caller = callerFrom({ baggage, forwarded }, peer, trusted);
      const service =
        caller.service === ""
          ? caller.by === "nobody"
          : /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(caller.service) && caller.by === "link" && trusted;
      return (
        service &&
        (caller.address === peer.address || parseConnectTarget(formatConnectTarget({ address: caller.address, port: 1 })) !== null)
      );
    }),
    seed,
  );
  t.pass();
});

test("LinkServer answers every CONNECT that HTTP/2 lets through, whatever its authority and headers say", async (t) => {
  const server = new LinkServer({
    security: { security: "plain-text" },
    permits: (to) => to === "10.0.0.7:80",
    connect: (request) => echo(request),
  });
  const port = await server.listen(0, "127.0.0.1");
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  t.teardown(async () => {
    session.destroy();
    await server.close();
  });
  const value = fc.oneof(fc.stringMatching(/^[!-~]([ -~]{0,40}[!-~])?$/), fc.constantFrom("service.name=web", "for=1.2.3.4"));
  const authority = fc.oneof({ weight: 4, arbitrary: fc.stringMatching(/^[0-9a-f.:[\]]{1,30}$/) }, fc.constant("10.0.0.7:80"));
  await fc.assert(
    fc.asyncProperty(authority, value, value, value, async (to, baggage, forwarded, traceparent) => {
      const stream = session.request({ ":method": "CONNECT", ":authority": to, baggage, forwarded, traceparent });
      stream.on("error", () => {});
      const status = await new Promise((resolve) => {
        stream.on("response", (head) => resolve(head[":status"]));
        stream.on("close", () => resolve(stream.rstCode));
      });
      stream.close();
      // 1 is PROTOCOL_ERROR: nghttp2 itself found the authority malformed.
      return to === "10.0.0.7:80" ? status === 200 : status === (parseConnectTarget(to) ? 403 : 400) || status === 1;
    }),
    { seed: 7, numRuns: 400 },
  );
  t.is(server.status().length, 1);
});
