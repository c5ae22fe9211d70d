/** Who may ask what of whom: by service (over links, where nicd alone knows callers), method, path, header and port. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { freePort } from "../../../sockhijack/test/kernel/support/free-port.ts";
import { until } from "../../../sockhijack/test/kernel/support/until.ts";
import { ask, Wire } from "./support/ask.ts";
import { InProcessNicd } from "./support/in-process-nicd.ts";
import { Origin, replicas } from "./support/origin.ts";
import { certificatesIn, PeerNode } from "./support/peer-node.ts";

/** Node `here` with these rules, called by node `there` over a link. */
async function linked(t: ExecutionContext, web: string, rules: string): Promise<{ daemon: InProcessNicd; peer: PeerNode; origin: Origin }> {
  const folder = mkdtempSync(join(tmpdir(), "nicd-a-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  await certificatesIn(folder, "default.mesh", "here", "there");
  const origin = await Origin.start(t, "web");
  const port = await freePort();
  const mesh = `version: 1
nodes: { here: { address: 127.0.0.1 }, there: { address: 127.0.0.2 } }
services:
  shop: {}
  admin: {}
  web: { ports: [80], replicas: [{ node: here, port: ${origin.port} }], ${web} }
authorisation:
${rules}
links: { port: ${port} }
`;
  const daemon = await InProcessNicd.start(t, {
    mesh,
    listen: ["web"],
    args: ["--node", "here", "--certificates", join(folder, "here"), "--link-listen", "127.0.0.1"],
  });
  const peer = await PeerNode.open(t, join(folder, "there"), "default.mesh", { address: "127.0.0.1", port, node: "here" });
  return { daemon, peer, origin };
}

test("by service: what a node says of its callers over an authenticated link decides; a program of no service is in `*` only", async (t) => {
  const { daemon, peer, origin } = await linked(t, "authorisation: deny", "  - { name: shoppers, action: allow, to: web, from: shop }");
  t.is(await peer.ask("shop", origin.at, "GET / HTTP/1.1"), "200 web");
  t.is(await peer.ask("admin", origin.at, "GET / HTTP/1.1"), "403 RBAC: access denied\n");
  t.is(await peer.ask("", origin.at, "GET / HTTP/1.1"), "403 RBAC: access denied\n");
  t.is((await ask(daemon.port)).status, 403, "nobody knows who came to a listener");
  t.is(origin.asked.length, 1);
  t.regex(daemon.log, /request denied.*rule.{1,4}default.*from.{1,4}admin.*to.{1,4}web/);
  t.is(daemon.log.match(/request denied/g)?.length, 3);
  const { rules } = await daemon.call((client) => client.call("routes", {}));
  t.deepEqual(rules, [{ rule: "shoppers", action: "allow", dryRun: false, hits: 1 }]);
  const text = await daemon.metrics();
  t.regex(text, /^mitsu_nicd_authorisation_total\{rule="shoppers",action="allow",dry_run="false"\} 1$/m);
  t.regex(
    text,
    /^istio_requests_total\{reporter="destination",source_workload="shop",.*response_code="200",response_flags="-",connection_security_policy="mutual_tls"\} 1$/m,
  );
  t.regex(text, /^istio_requests_total\{reporter="destination",source_workload="admin",.*response_code="403",response_flags="UAEX",/m);
});

test("by method, path, header and port; deny comes before allow, wherever it stands", async (t) => {
  const { daemon, peer, origin } = await linked(
    t,
    "authorisation: deny",
    `  - { name: reading, action: allow, to: web, from: shop, match: { path: /items, method: GET, port: 80 } }
  - { name: keyed, action: allow, to: web, from: "*", match: { header: { x-key: s3cret } } }
  - { name: other-port, action: allow, to: web, from: admin, match: { port: 80 } }
  - { name: never, action: deny, to: "*", from: "*", match: { path: /items/private } }`,
  );
  const by = async (service: string, head: string): Promise<string> => (await peer.ask(service, origin.at, head)).slice(0, 3);
  t.is(await by("shop", "GET /items/1 HTTP/1.1"), "200");
  t.is(await by("shop", "GET /other HTTP/1.1"), "403");
  t.is(await by("shop", "POST /items/1 HTTP/1.1"), "403");
  t.is(await by("admin", "DELETE /any HTTP/1.1"), "200");
  t.is(await by("admin", "GET /items/private HTTP/1.1"), "403");
  t.is((await ask(daemon.port, "/x", { headers: { "x-key": "s3cret" } })).status, 200);
  t.is((await ask(daemon.port, "/x", { headers: { "x-key": "guess" } })).status, 403);
  t.is((await ask(daemon.port, "/items/private/x", { headers: { "x-key": "s3cret" } })).status, 403);
  t.regex(daemon.log, /rule.{1,4}never/);
});

test("no writing of a path gets round a rule: escapes, dot segments, doubled slashes, parameters, an absolute form", async (t) => {
  const { daemon, origin } = await linked(t, "nic: on", `  - { name: closed, action: deny, to: web, from: "*", match: { path: /admin } }`);
  const tricks = [
    "/admin",
    "/admin/",
    "/admin?x",
    "/%61dmin",
    "/a/../admin",
    "/a/%2e%2e/admin",
    "/a/%2E%2E/admin/x",
    "/./admin",
    "//admin",
    "\\admin",
    "/x\\..\\admin",
    "/a/..;/admin",
    "/a/..;x=y/admin",
    "/public%2f..%2fadmin",
    "/public%5c..%5cadmin",
    "http://x/admin",
    "http://x/a/../admin",
    "/admin#x",
    "/;/../admin",
    "/admin;v=1/x",
  ];
  for (const path of tricks) {
    const wire = new Wire(daemon.port);
    wire.send(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    await wire.closed;
    t.regex(wire.text, /^HTTP\/1\.1 (?:403|400) /, path);
  }
  t.deepEqual(
    origin.asked.map(({ url }) => url),
    [],
  );
  // Here RFC 3986 leaves /x/, other readings do not: the replica is sent what was judged, so that there is nothing left to be read in two ways.
  for (const path of ["/x//..//admin", "/x/.;/../admin"]) t.is((await ask(daemon.port, path)).status, 200);
  t.deepEqual(
    origin.asked.map(({ url }) => url),
    ["/x/admin", "/x/admin"],
  );
  t.is((await ask(daemon.port, "/administration")).status, 200);
  t.is((await ask(daemon.port, "/public/admin")).status, 200);
});

test("a rule in dry run counts and logs, and denies nothing", async (t) => {
  const { daemon } = await linked(t, "nic: on", `  - { name: maybe, action: deny, to: web, from: "*", dry-run: true }`);
  t.is((await ask(daemon.port, "/a?secret=1")).status, 200);
  t.regex(daemon.log, /would be denied \(dry run\).*rule.{1,4}maybe/);
  t.notRegex(daemon.log, /secret/);
  t.regex(await daemon.metrics(), /authorisation_total\{rule="maybe",action="deny",dry_run="true"\} 1/);
});

test("a connection that is no HTTP: a deny rule with conditions on requests denies it, an allow rule with them does not allow it", async (t) => {
  const rules = `  - { name: no-writes, action: deny, to: web, from: admin, match: { method: POST } }
  - { name: reads, action: allow, to: web, from: shop, match: { method: GET } }
  - { name: all, action: allow, to: web, from: admin }`;
  const { daemon, peer, origin } = await linked(t, "authorisation: deny", rules);
  for (const [service, rule] of [
    ["admin", "no-writes"],
    ["shop", "default"],
  ] as const) {
    const wire = peer.connect(service, origin.at);
    wire.send("\x01\x02\x03 no request\r\n");
    await until("it is over", () => wire.closed);
    t.regex(daemon.log, new RegExp(`connection denied.*rule.{1,4}${rule}.*from.{1,4}${service}`));
  }
  t.is(await peer.ask("shop", origin.at, "GET / HTTP/1.1"), "200 web", "its requests can be looked at");
  t.regex(
    await daemon.metrics(),
    /istio_tcp_connections_closed_total\{reporter="destination",source_workload="admin",.*response_flags="UAEX".*\} 1/,
  );
});

test("a route gives no rights: the service that it leads to is asked for as well", async (t) => {
  const [a, b] = [await Origin.start(t, "a"), await Origin.start(t, "b")];
  const mesh = `version: 1
services:
  web: { ports: [80], replicas: ${replicas(a)}, routes: [{ match: { path: /b }, to: b }] }
  b: { ports: [80], replicas: ${replicas(b)}, authorisation: deny }
`;
  const daemon = await InProcessNicd.start(t, { mesh, listen: ["web"] });
  t.is((await ask(daemon.port, "/a")).status, 200);
  t.is((await ask(daemon.port, "/b")).status, 403);
  t.is(b.asked.length, 0);
});

test("a flood of denials is counted whole, and logged in part", async (t) => {
  const origin = await Origin.start(t, "a");
  const mesh = `version: 1\nservices: { web: { ports: [80], replicas: ${replicas(origin)}, authorisation: deny } }\n`;
  const daemon = await InProcessNicd.start(t, { mesh, listen: ["web"] });
  await Promise.all(Array.from({ length: 250 }, () => ask(daemon.port)));
  t.regex(await daemon.metrics(), /istio_requests_total\{reporter="destination".*response_code="403",response_flags="UAEX".*\} 250/);
  const lines = daemon.log.match(/request denied/g)!.length;
  t.true(lines >= 100 && lines < 200, `${lines} lines`);
});
