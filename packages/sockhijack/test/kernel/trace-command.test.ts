/** `trace`: a request's way through nginx, which passes headers on, to another nginx: drawn and followed. @module */
import { kernelTest } from "../../../ebpf-ts/test/kernel-test.ts";
import { freePort } from "./support/free-port.ts";
import { Sandbox } from "./support/sandbox.ts";
import { nginx } from "./support/servers.ts";

kernelTest(
  "trace draws what nginx asked another nginx below the request that made it ask, and --follow prints it as it ends",
  async (t) => {
    const sandbox = new Sandbox(t);
    await sandbox.daemon();
    const serve = async (name: string, server: string): Promise<void> => {
      const port = await freePort();
      sandbox.run(`${name}:80:${port}`, nginx(sandbox, { name, port, server }), { tracing: "header" });
      await sandbox.serving(name);
    };
    await serve("cart", `location /items { return 200 "none\\n"; }`);
    await serve("web", "location /shop { proxy_pass http://cart.mesh/items; }");
    const ask = (path: string) =>
      sandbox.run("client", ["curl", "-sS", "--max-time", "10", `http://web.mesh${path}`], { tracing: "header" });
    const followed = sandbox.start(["trace", "--follow", "--service", "cart", "--limit", "1"]);
    // The follower may not listen yet: it is asked until it has heard one.
    let heard = false;
    const text = followed.succeeded().finally(() => (heard = true));
    while (!heard) await ask("/shop?id=1").succeeded();
    const drawn =
      /[0-9a-f]{32} {2}\S+ \S+ {2}3 services, 4 spans [^\n]*\nclient → web {2}GET \/shop\?id=1 +200 [^\n]*\n└─ web → cart {2}GET \/items\?id=1 +200 [^\n]*by header\n/;
    t.regex(await text, drawn);
    t.regex(await sandbox.start(["trace", "--limit", "1"]).succeeded(), drawn);
    const { traces } = JSON.parse(await sandbox.start(["trace", "--service", "cart", "--json"]).succeeded());
    t.is(traces[0].exchanges.length, 2);
  },
);
