/** Filters in WebAssembly on heads: a real daemon, real clients, filters in C. */
import { writeFileSync } from "node:fs";
import test from "ava";
import { until } from "../../../sockhijack/test/kernel/support/until.ts";
import { ask } from "../daemon/support/ask.ts";
import { Origin } from "../daemon/support/origin.ts";
import { compiled, filterTest } from "./compiled.ts";
import { meshOf, startFiltered } from "./filtered.ts";

filterTest("a filter adds and removes headers of requests and answers, and is told who asks", async (t) => {
  const origin = await Origin.start(t, "hello from the origin");
  const daemon = await startFiltered(t, {
    filters: [`tag: { module: ${compiled("heads")}, config: one }`],
    uses: "tag",
    port: origin.port,
  });
  const { status, headers } = await ask(daemon.port, "/a?b=c", { headers: { "x-remove": "1" } });
  t.is(status, 200);
  t.like(origin.asked[0]!.headers, { "x-tag": "one", "x-remove": undefined });
  t.is(headers["x-answered"], "one");
  t.is(headers["x-plugin"], "tag");
  t.regex(String(headers["x-source"]), /^127\.0\.0\.1:\d+$/);
  await ask(daemon.port, "/", { headers: { "x-do": "path" } });
  t.is(origin.asked[1]!.url, "/changed");
});

filterTest("a filter answers itself, with repeated headers and its own bytes; in the answer's phase too", async (t) => {
  const origin = await Origin.start(t, "hello from the origin");
  const daemon = await startFiltered(t, { filters: [`tag: { module: ${compiled("heads")} }`], uses: "tag", port: origin.port });
  const own = await ask(daemon.port, "/", { headers: { "x-do": "answer" } });
  t.like(own, { status: 418, body: "short and stout" });
  t.like(own.headers, { "x-own": "1", "x-answered": "none" });
  t.deepEqual(own.headers["set-cookie"], ["a=1", "b=2"]);
  t.is(origin.asked.length, 0);
  const late = await ask(daemon.port, "/", { headers: { "x-do": "answer-late" } });
  t.like(late, { status: 503, body: "not this one" });
  await t.throwsAsync(ask(daemon.port, "/", { headers: { "x-do": "close" } }), { code: "ECONNRESET" });
});

filterTest("a trap answers 500 where the filter is closed; the filter is there again at once, the next time after a second", async (t) => {
  const origin = await Origin.start(t, "hello from the origin");
  const module = compiled("heads");
  const daemon = await startFiltered(t, {
    filters: [`tag: { module: ${module}, config: one }`, `open: { module: ${module}, config: two, on-failure: open }`],
    uses: "tag",
    port: origin.port,
    web: "routes: [{ match: { path: /open }, filters: [open] }]",
    services: [],
  });
  const trap = (doing: string) => ask(daemon.port, "/", { headers: { "x-do": doing } });
  t.like(await trap("trap"), { status: 500, body: "filter tag failed\n" });
  t.is((await ask(daemon.port, "/")).status, 200, "a filter that has been well is back at once");
  t.like(await trap("trap-late"), { status: 500, body: "filter tag failed\n" });
  const missing = await ask(daemon.port, "/");
  t.is(missing.status, 500);
  t.regex(missing.body, /filter tag is not there/);
  await until("the filter is back", async () => (await ask(daemon.port, "/")).status === 200);
  const [tag] = (await daemon.status()).filters!.filter(({ name }) => name === "tag");
  t.like(tag, { state: "running", traps: 2, restarts: 2, abi: "0.2.1", origin: "file" });
  t.is(tag!.lastTrap?.callback, "proxy_on_response_headers");
  t.regex(daemon.log, /a filter stopped badly filter=tag reason=trap/);
});

filterTest("a filter that is open lets the very request pass that it fails, and the next ones", async (t) => {
  const origin = await Origin.start(t, "hello from the origin");
  const daemon = await startFiltered(t, {
    filters: [`tag: { module: ${compiled("heads")}, config: x, on-failure: open }`],
    uses: "tag",
    port: origin.port,
  });
  t.is((await ask(daemon.port, "/", { headers: { "x-do": "trap" } })).status, 200);
  t.is((await ask(daemon.port, "/")).headers["x-answered"], "x", "it is back at once");
  t.is((await ask(daemon.port, "/", { headers: { "x-do": "trap" } })).status, 200);
  const next = await ask(daemon.port, "/");
  t.is(next.status, 200);
  t.is(next.headers["x-answered"], undefined);
  t.is((await daemon.status()).filters![0]!.failures, 1);
});

filterTest("a trap where a stream's context is made, or at its end, fails no more than that stream", async (t) => {
  const origin = await Origin.start(t, "served");
  const second = await Origin.start(t, "served");
  const daemon = await startFiltered(t, {
    filters: [`begin: { module: ${compiled("heads", "TRAPS_AT_CREATION")} }`, `end: { module: ${compiled("heads", "TRAPS_AT_END")} }`],
    uses: "begin",
    port: origin.port,
    services: [`other: { ports: [80], filters: [end], replicas: [{ address: 127.0.0.1, port: ${second.port} }] }`],
    listen: ["other"],
  });
  t.like(await ask(daemon.port), { status: 500, body: "filter begin failed\n" });
  t.is((await ask(daemon.ports[1]!)).body, "served");
  t.is((await ask(daemon.ports[1]!)).body, "served", "its first machine is followed at once");
  t.is((await ask(daemon.ports[1]!)).status, 500, "its second machine is gone");
  const status = await daemon.status();
  t.deepEqual(
    status.filters!.map(({ name, traps, lastTrap, open }) => [name, traps, lastTrap?.callback, open]),
    [
      ["begin", 1, "proxy_on_context_create", 0],
      ["end", 2, "proxy_on_log", 0],
    ],
  );
  t.false(
    status.degraded.some((why) => why.includes("faults in nicd")),
    status.degraded.join(),
  );
});

filterTest(
  "an endless loop ends within 10 ms, the next request works; 64 MB are refused",
  async (t) => {
    const origin = await Origin.start(t, "hello from the origin");
    const module = compiled("heads");
    const daemon = await startFiltered(t, {
      // To grow by so much costs fuel too, which is to be enough here.
      filters: [`tag: { module: ${module}, on-failure: open }`, `hog: { module: ${module}, limits: { fuel: 50000000 } }`],
      uses: "tag",
      port: origin.port,
      web: "routes: [{ match: { path: /hog }, filters: [hog] }]",
    });
    await ask(daemon.port, "/hog", { headers: { "x-do": "hog" } });
    t.is(origin.asked[0]!.headers["x-hog"], "refused");
    await ask(daemon.port);
    const cpu = process.cpuUsage();
    t.is((await ask(daemon.port, "/", { headers: { "x-do": "spin" } })).status, 200);
    const { user, system } = process.cpuUsage(cpu);
    // The whole request of this process, client, server and log besides, in CPU time: others run here.
    t.true(user + system < 50_000, `${user + system} us`);
    t.is((await ask(daemon.port, "/")).status, 200);
    t.is((await daemon.status()).filters!.find(({ name }) => name === "tag")!.lastTrap?.reason, "fuel");
  },
  test.serial,
);

filterTest("a filter ticks, logs, and its metrics are beside nicd's own", async (t) => {
  const origin = await Origin.start(t, "hello from the origin");
  const daemon = await startFiltered(t, {
    filters: [`tag: { module: ${compiled("heads")}, config: tick }`],
    uses: "tag",
    port: origin.port,
  });
  await ask(daemon.port);
  await until("it has ticked", () => /a filter says filter=tag text=tick/.test(daemon.log));
  const { text } = await daemon.call((client) => client.call("metrics", {}));
  t.regex(text, /^nicd_filter_custom_seen_requests_total\{filter="tag"\} 1$/m);
  t.regex(text, /^nicd_filter_traps_total\{filter="tag"\} 0$/m);
  const { out } = await daemon.cli("filters");
  t.regex(out, /tag +[0-9a-f]{12} +0\.2\.1 +running/);
  t.regex((await daemon.cli("status")).out, /filters +filter +wasm/);
});

filterTest("bad modules are refused at the start and at a reload with the reason, and the old one serves on", async (t) => {
  const origin = await Origin.start(t, "hello from the origin");
  const module = compiled("heads");
  const good = `tag: { module: ${module}, config: good }`;
  const daemon = await startFiltered(t, { filters: [good], uses: "tag", port: origin.port });
  const bad = async (name: string, bytes: Uint8Array, more: string, reason: RegExp): Promise<void> => {
    const path = `${daemon.folder}/${name}.wasm`;
    writeFileSync(path, bytes);
    const mesh = meshOf({ filters: [`tag: { module: ${name}.wasm${more} }`], uses: "tag", port: origin.port });
    const error = await t.throwsAsync(daemon.reload(mesh), undefined, name);
    t.regex(error!.message, reason, name);
    t.is((await ask(daemon.port)).headers["x-answered"], "good", name);
  };
  const { readFile } = await import("node:fs/promises");
  const bytes = await readFile(module);
  await bad("truncated", bytes.subarray(0, bytes.length - 20), "", /filter tag: truncated\.wasm: /);
  await bad("empty", Buffer.from("\0asm\x01\0\0\0", "latin1"), "", /Proxy-Wasm|ABI|abi/);
  await bad("text", Buffer.from("hello"), "", /filter tag: text\.wasm: /);
  await bad("refusing", bytes, ", config: bad", /proxy_on_configure answered false/);
  await bad("unsigned", bytes, ", key: none.pub", /cannot read the key .*none\.pub/);
  const missing = await t.throwsAsync(daemon.reload(meshOf({ filters: ["tag: { module: gone.wasm }"], uses: "tag", port: origin.port })));
  t.regex(missing!.message, /filter tag: cannot read .*gone\.wasm: no such file/);
});
