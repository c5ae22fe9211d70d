/** TLS that passes nicd untouched: led by the server name, its certificate the server's own. */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, createServer } from "node:tls";
import test, { type ExecutionContext } from "ava";
import { type Authority, issue, loadAuthority, makeAuthority } from "../../src/certificates/mod.ts";
import { InProcessNicd } from "./support/in-process-nicd.ts";
import { replicas } from "./support/origin.ts";

/** A TLS server that says its name to whoever comes. */
async function tlsServer(t: ExecutionContext, authority: Authority, name: string): Promise<{ readonly port: number }> {
  const { certificate, key } = await issue(authority, { kind: "service", name });
  const server = createServer({ cert: certificate, key }, (socket) => socket.on("error", () => {}).end(`I am ${name}\n`));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => server.close());
  return { port: (server.address() as AddressInfo).port };
}

/** What a TLS client hears, and whose certificate it is shown. */
async function ask(port: number, servername: string, authority: Authority): Promise<{ readonly text: string; readonly uri: string }> {
  const socket = connect({ port, host: "127.0.0.1", servername, ca: authority.certificate, checkServerIdentity: () => undefined });
  let text = "";
  socket.setEncoding("utf8").on("data", (part: string) => {
    text += part;
  });
  await once(socket, "secureConnect");
  const uri = socket.getPeerCertificate().subjectaltname ?? "";
  await once(socket, "close");
  return { text, uri };
}

test("TLS passes by its server name; without a route for the name it goes to the service itself", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "mitsu-tls-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  await makeAuthority(folder, { trustDomain: "test.mesh" });
  const authority = await loadAuthority(folder);
  const [cart, shop, rest] = [
    await tlsServer(t, authority, "cart"),
    await tlsServer(t, authority, "shop"),
    await tlsServer(t, authority, "rest"),
  ];
  const daemon = await InProcessNicd.start(t, {
    mesh: `version: 1
services:
  cart: { ports: [443], replicas: ${replicas(cart)} }
  shop: { ports: [443], replicas: ${replicas(shop)} }
  front:
    ports: [443]
    replicas: ${replicas(rest)}
    routes:
      - { name: cart, match: { host: cart.example }, to: cart }
      - { name: shop, match: { host: "*.shop.example" }, to: shop }
`,
    listen: ["front"],
  });
  for (const [servername, name] of [
    ["cart.example", "cart"],
    ["x.shop.example", "shop"],
    ["other.example", "rest"],
  ] as const) {
    const { text, uri } = await ask(daemon.port, servername, authority);
    t.is(text, `I am ${name}\n`, servername);
    t.true(uri.includes(`spiffe://test.mesh/ns/mesh/sa/${name}`), uri);
  }
  t.is((await daemon.status()).spoken.tls, 3);
});
