/** `status`, `clients`, `subscriptions`, `retained`, `disconnect`, `metrics`, `reload` and `cleanup`, against a control socket with made-up answers. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLog, testEnv } from "@mitsu/cli";
import { MitsuError } from "@mitsu/cli/error";
import { type Handlers, type MqttnicClient, type MqttnicProtocol, type MqttnicStatus, mqttnic, serve } from "@mitsu/ipc";
import test, { type ExecutionContext } from "ava";
import { cli, start } from "./support/cli.ts";

const status: MqttnicStatus = {
  version: "0.1.0",
  pid: 7,
  startedAtMs: 0,
  degraded: [],
  node: "n1",
  dataPlane: "epoll",
  listening: [
    { name: "0.0.0.0:1883", address: "0.0.0.0", port: 1883, transport: "tcp" },
    { name: "/run/m.sock", address: "/run/m.sock", port: 0, transport: "unix" },
  ],
  connections: 1,
  sessions: 2,
  subscriptions: 3,
  sharedSubscriptions: 1,
  routes: 4,
  retained: 5,
  retainedBytes: 2048,
  queued: 6,
  queuedBytes: 1024,
  inflight: 7,
  messagesReceived: 8,
  messagesSent: 9,
  publishReceived: 10,
  publishSent: 11,
  publishDropped: 12,
  bytesReceived: 4096,
  bytesSent: 8192,
  residentBytes: 1024 ** 2,
  storeBytes: null,
  limits: {},
  refusals: {},
  bridges: [],
};
const ann: MqttnicClient = {
  clientId: "ann-1",
  username: "ann",
  connected: true,
  from: "10.0.0.9:4000",
  transport: "tcp",
  version: "5.0",
  keepAliveS: 60,
  expiryS: 3600,
  connectedForMs: 61_000,
  subscriptions: 2,
  inflight: 1,
  queued: 0,
  queuedBytes: 0,
  waitingBytes: 0,
  dropped: 3,
};
const away: MqttnicClient = { ...ann, clientId: "b\u001b[2J", username: null, connected: false, expiryS: null, queued: 4, queuedBytes: 40 };

/** Serves answers; the path of the socket. */
async function daemon(t: ExecutionContext, answers: Partial<Handlers<MqttnicProtocol>>): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "mqttnic-s-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "m.sock");
  const refuse = (): never => {
    throw new MitsuError("not asked for in this test", { code: "ERR_TEST" });
  };
  const handlers: Handlers<MqttnicProtocol> = {
    status: refuse,
    clients: refuse,
    subscriptions: refuse,
    retained: refuse,
    disconnect: refuse,
    metrics: refuse,
    reload: refuse,
    ...answers,
  };
  const server = await serve({
    listen: { path },
    daemon: "mqttnic",
    version: "0.1.0",
    protocol: mqttnic,
    log: createLog(testEnv()),
    handlers,
  });
  t.teardown(() => server.close());
  return path;
}

test("status says what runs in whole units; exit status 69 when it is degraded", async (t) => {
  let answer = status;
  const socket = await daemon(t, { status: () => answer });
  const well = await cli(["status", "--socket", socket], { now: () => 3_720_000 });
  t.is(well.status, 0);
  t.is(
    well.out,
    [
      "mqttnic 0.1.0, pid 7, up 1h02m, node n1, data plane epoll, 1.00 MiB",
      "listening at 0.0.0.0:1883 (tcp), /run/m.sock (unix)",
      "1 connection, 2 sessions, 3 subscriptions (1 shared), 4 cached routes",
      "messages: 10 in, 11 out, 12 dropped; 4.00 KiB in, 8.00 KiB out",
      "waiting: 6 queued (1.00 KiB), 7 in flight; 5 retained (2.00 KiB)",
      "persistence off",
      "",
    ].join("\n"),
  );
  answer = {
    ...status,
    storeBytes: 1024,
    degraded: ["the store cannot be written"],
    limits: { queuedMessages: 2 },
    refusals: { "bad user name or password": 1 },
    bridges: [
      { name: "up", kind: "bridge", to: "far:1883", state: "backing-off", messagesIn: 1, messagesOut: 2, lastError: "ECONNREFUSED" },
    ],
  };
  const ill = await cli(["status", "--socket", socket]);
  t.is(ill.status, 69);
  t.regex(ill.out, /persistence 1\.00 KiB\nlimits reached: queuedMessages 2\nrefused: bad user name or password 1\n/);
  t.regex(ill.out, /up +bridge +far:1883 +backing-off +1 +2 +ECONNREFUSED\nDEGRADED: the store cannot be written\n/);
  t.deepEqual(JSON.parse((await cli(["status", "--socket", socket, "--json"])).out), answer);
});

test("clients is a table, control characters of names do not reach the terminal", async (t) => {
  const socket = await daemon(t, { clients: ({ limit }) => ({ clients: [ann, away].slice(0, limit) }) });
  const { out } = await cli(["clients", "--socket", socket]);
  t.regex(out, /^CLIENT +USER +FROM +VIA +MQTT +STATE +EXPIRY /);
  t.regex(out, /ann-1 +ann +10\.0\.0\.9:4000 +tcp +5\.0 +1m01s +1h00m +2 +1 +0 +0 +0 +3\n/);
  t.regex(out, /b�\[2J +- .* away +never +2 +1 +4 +40 /);
  t.is(
    (JSON.parse((await cli(["clients", "--limit", "1", "--json", "--socket", socket])).out) as { clients: unknown[] }).clients.length,
    1,
  );
  t.regex((await cli(["clients", "--limit", "0", "--socket", socket])).err, /--limit 0/);
});

test("clients --watch draws until interrupted", async (t) => {
  const socket = await daemon(t, { clients: () => ({ clients: [] }) });
  const watching = start(["clients", "--watch", "--interval-ms", "5", "--socket", socket]);
  await watching.printed("no clients, neither connected nor awaited\n\nno clients");
  watching.env.raise("SIGINT");
  t.is(await watching.status, 0);
});

test("subscriptions are all, or one client's", async (t) => {
  const all = [{ clientId: "a", filter: "x/#", qos: 1 as const, options: ["no-local", "identifier=7"] }];
  const socket = await daemon(t, { subscriptions: ({ clientId }) => ({ subscriptions: clientId === undefined ? all : [] }) });
  t.regex((await cli(["subscriptions", "--socket", socket])).out, /a +x\/# +1 +no-local identifier=7\n/);
  t.is((await cli(["subscriptions", "--client", "b", "--socket", socket])).out, "no subscriptions\n");
});

test("retained shows text, bytes, what was cut off and when it expires", async (t) => {
  const asked: unknown[] = [];
  const message = { topic: "t", qos: 0 as const, bytes: 2, payload: Buffer.from("ab"), expiresAtMs: null };
  const socket = await daemon(t, {
    retained: (request) => {
      asked.push(request);
      return {
        messages: [
          message,
          { ...message, topic: "u", bytes: 99, expiresAtMs: 61_000 },
          { ...message, topic: "v", payload: Buffer.from([255, 0]) },
        ],
      };
    },
  });
  const { out } = await cli(["retained", "n/+", "--limit", "5", "--socket", socket], { now: () => 1000 });
  t.regex(out, /t +0 +2 +never +ab\nu +0 +99 +1m00s +ab…\nv +0 +2 +never +0xff00\n/);
  const json = JSON.parse((await cli(["retained", "--json", "--payload-bytes", "0", "--socket", socket])).out) as {
    messages: { payloadBase64: string }[];
  };
  t.is(json.messages[2]!.payloadBase64, "/wA=");
  t.deepEqual(asked, [
    { filter: "n/+", limit: 5, payloadBytes: 64 },
    { filter: "#", limit: 1000, payloadBytes: 0 },
  ]);
});

test("disconnect tells whether there was such a client", async (t) => {
  const socket = await daemon(t, { disconnect: ({ clientId }) => ({ done: clientId === "a" }) });
  t.is((await cli(["disconnect", "a", "--socket", socket])).out, "a was disconnected\n");
  const none = await cli(["disconnect", "b", "--socket", socket]);
  t.is(none.status, 65);
  t.regex(none.err, /no client 'b' is connected\n.*mqttnic clients/);
});

test("metrics and reload; what is wrong with a reload comes through", async (t) => {
  let wrong = false;
  const socket = await daemon(t, {
    metrics: () => ({ text: "# TYPE a counter\n" }),
    reload: () => {
      if (wrong) throw new MitsuError("m.conf:3: listner is no directive", { code: "ERR_MQTT_CONFIG", exit: 78, hint: "correct it" });
      return {};
    },
  });
  t.is((await cli(["metrics", "--socket", socket])).out, "# TYPE a counter\n");
  t.regex((await cli(["reload", "--socket", socket])).out, /read again/);
  wrong = true;
  const { err } = await cli(["reload", "--socket", socket]);
  t.regex(err, /m\.conf:3: listner is no directive\n.*hint: correct it/);
});

for (const name of ["status", "clients", "subscriptions", "retained", "disconnect x", "metrics", "reload"]) {
  test(`${name} says that no daemon runs: status 69`, async (t) => {
    const { status: exit, err } = await cli([...name.split(" "), "--socket", "/nowhere/m.sock"]);
    t.is(exit, 69);
    t.regex(err, /hint: .*mqttnic daemon/);
  });
}

test("cleanup removes what a daemon left, ends one that runs, and is content with nothing", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "mqttnic-x-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const socket = join(folder, "m.sock");
  t.is((await cli(["cleanup", "--socket", socket])).out, "nothing to clean up\n");
  writeFileSync(`${socket}.lock`, "");
  t.is((await cli(["cleanup", "--socket", socket])).out, `removed ${socket}.lock\n`);
  t.false(existsSync(`${socket}.lock`));
  // A process of its own, since it is ended: it only greets.
  const code = `
    import { serve, mqttnic } from "@mitsu/ipc"; import { createLog, systemEnv } from "@mitsu/cli";
    await serve({ listen: { path: ${JSON.stringify(socket)} }, daemon: "mqttnic", version: "0", protocol: mqttnic, log: createLog(systemEnv), handlers: {} });
    console.log("ready");`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", code], {
    cwd: import.meta.dirname,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const gone = once(child, "exit");
  t.teardown(() => child.kill("SIGKILL"));
  await once(child.stdout, "data");
  const { out } = await cli(["cleanup", "--socket", socket]);
  t.regex(out, /^the daemon has ended\nremoved .*m\.sock\n$/);
  await gone;
});
