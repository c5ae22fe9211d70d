/** `pub`, `sub` and `bench` against mosquitto: what users of mosquitto_pub and mosquitto_sub expect. */
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { cli, type Running, start } from "./support/cli.ts";
import { freePort, startMosquitto } from "./support/mosquitto.ts";

const at = (port: number): string[] => ["-h", "127.0.0.1", "-p", String(port)];

/** A `sub` that is subscribed: a retained message, which comes after the SUBACK, says so. */
async function subscribed(t: ExecutionContext, port: number, args: readonly string[]): Promise<Running> {
  t.is((await cli(["pub", ...at(port), "-t", "ready", "-m", "ready", "-r"])).status, 0);
  const running = start(["sub", ...at(port), "-t", "ready", ...args]);
  await running.printed("ready");
  return running;
}

for (const protocol of ["5", "3.1.1", "3.1"] as const) {
  test(`pub and sub speak MQTT ${protocol}, every QoS`, async (t) => {
    const broker = await startMosquitto(t);
    if (!broker) return;
    const sub = await subscribed(t, broker.port, ["-V", protocol, "-q", "2", "-t", "a/#", "-C", "4", "-F", "%t=%p/%q"]);
    for (const qos of ["0", "1", "2"]) {
      t.is((await cli(["pub", ...at(broker.port), "-V", protocol, "-q", qos, "-t", `a/${qos}`, "-m", `-${qos}`])).status, 0);
    }
    t.is(await sub.status, 0);
    t.is(sub.env.out(), "ready=ready/0\na/0=-0/0\na/1=-1/1\na/2=-2/2\n");
  });
}

test("pub sends lines, all of stdin, a file, nothing; sub prints topics, JSON, no line ends", async (t) => {
  const broker = await startMosquitto(t);
  if (!broker) return;
  const { port } = broker;
  const [verbose, json, bare] = await Promise.all([
    subscribed(t, port, ["-t", "x", "-v", "-q", "1", "-C", "6"]),
    subscribed(t, port, ["-t", "x", "--json", "-q", "1", "-C", "6"]),
    subscribed(t, port, ["-t", "x", "-N", "-q", "1", "-C", "6", "-T", "re+dy"]),
  ]);
  const lines = await cli(["pub", ...at(port), "-t", "x", "-l", "-q", "1", "--json"], { stdin: "one\ntwo\r\nthree" });
  t.deepEqual(JSON.parse(lines.out), { topic: "x", published: 3, bytes: 11 });
  t.is((await cli(["pub", ...at(port), "-t", "x", "-s", "-q", "1"], { stdin: "all\nof it" })).status, 0);
  t.is((await cli(["pub", ...at(port), "-t", "x", "-f", "/f", "-q", "1"], { files: { "/f": "file" } })).status, 0);
  t.deepEqual([await verbose.status, await json.status, await bare.status], [0, 0, 0]);
  t.is(verbose.env.out(), "ready ready\nx one\nx two\nx three\nx all\nof it\nx file\n");
  t.deepEqual(
    json.env
      .out()
      .trimEnd()
      .split("\n")
      .map((line) => (JSON.parse(line) as { payload: string }).payload),
    ["ready", "one", "two", "three", "all\nof it", "file"],
  );
  t.is(bare.env.out(), "readyonetwothreeall\nof itfile");
});

test("pub and sub carry properties of 5.0", async (t) => {
  const broker = await startMosquitto(t);
  if (!broker) return;
  const sub = await subscribed(t, broker.port, ["-t", "p", "-C", "2", "-F", "%C|%R|%D|%F|%P|%p"]);
  const flags = ["--content-type", "text/x", "--response-topic", "r", "--correlation", "c", "--utf8", "--expiry", "60"];
  t.is(
    (
      await cli([
        "pub",
        ...at(broker.port),
        "-t",
        "p",
        "-m",
        "v",
        ...flags,
        "--user-property",
        "k=v=w",
        "-D",
        "publish",
        "user-property",
        "k",
        "2",
      ])
    ).status,
    0,
  );
  t.is(await sub.status, 0);
  t.is(sub.env.out(), "|||||ready\ntext/x|r|c|1|k:v=w k:2|v\n");
});

test("sub --retained never, only; pub --null deletes a retained message", async (t) => {
  const broker = await startMosquitto(t);
  if (!broker) return;
  const { port } = broker;
  for (const topic of ["r/1", "r/2"]) await cli(["pub", ...at(port), "-t", topic, "-m", topic, "-r"]);
  t.is((await cli(["pub", ...at(port), "-t", "r/1", "-n", "-r"])).status, 0);
  const only = start(["sub", ...at(port), "-t", "r/#", "--retained-only", "-F", "%t %r"]);
  await only.printed("r/2 1");
  await cli(["pub", ...at(port), "-t", "r/3", "-m", "live"]);
  t.is(await only.status, 0);
  t.is(only.env.out(), "r/2 1\n");
  t.deepEqual(await cli(["sub", ...at(port), "-t", "r/#", "-R", "-W", "0.2"]), { status: 0, out: "", err: "" });
});

test("sub over a Unix socket and by --url; SIGINT ends it with 0", async (t) => {
  const broker = await startMosquitto(t);
  if (!broker) return;
  t.is((await cli(["pub", "--unix", broker.socket, "-t", "u", "-m", "here", "-r"])).status, 0);
  const sub = start(["sub", "--url", `mqtt://127.0.0.1:${broker.port}/u`]);
  await sub.printed("here");
  sub.env.raise("SIGINT");
  t.is(await sub.status, 0);
  t.is(sub.env.err(), "");
});

test("sub --persistent gets what was published while it was away", async (t) => {
  const broker = await startMosquitto(t);
  if (!broker) return;
  const args = ["-i", "keeper", "-c", "-q", "1", "-t", "k"];
  const first = await subscribed(t, broker.port, [...args, "-C", "1"]);
  t.is(await first.status, 0);
  await cli(["pub", ...at(broker.port), "-t", "k", "-m", "meanwhile", "-q", "1"]);
  const second = await cli(["sub", ...at(broker.port), ...args, "-C", "1"]);
  t.deepEqual([second.status, second.out], [0, "meanwhile\n"]);
});

test("sub connects again when the broker was away, and says so", async (t) => {
  const broker = await startMosquitto(t);
  if (!broker) return;
  const sub = await subscribed(t, broker.port, ["-t", "a", "-t", "later", "-C", "2"]);
  await broker.kill();
  await broker.restart();
  // Retained, so that it is there whenever the subscription is.
  t.is((await cli(["pub", ...at(broker.port), "-t", "later", "-m", "again", "-r"])).status, 0);
  t.is(await sub.status, 0);
  t.is(sub.env.out(), "ready\nagain\n");
  t.regex(sub.env.err(), /lost the connection to mqtt:\/\/127\.0\.0\.1:\d+; trying again/);
});

test("pub and sub take mosquitto's users and ACL; a refusal is status 77", async (t) => {
  const { error } = spawnSync("mosquitto_passwd", ["--help"]);
  if (error) {
    t.log("skipped: mosquitto_passwd is not installed");
    return t.pass();
  }
  const broker = await startMosquitto(t, "allow_anonymous false\npassword_file {pw}\nacl_file {acl}\n", {
    // ann:secret, made by mosquitto_passwd
    pw: `ann:${passwordHash(t)}\n`,
    acl: "user ann\ntopic readwrite open/#\n",
  });
  if (!broker) return;
  const { port } = broker;
  const stranger = await cli(["pub", ...at(port), "-t", "open/1", "-m", "x"]);
  t.is(stranger.status, 77);
  t.regex(stranger.err, /refuses: Not authorized/);
  const wrong = await cli(["sub", ...at(port), "-u", "ann", "-P", "wrong", "-t", "open/1"]);
  t.is(wrong.status, 77);
  t.is(
    (await cli(["pub", ...at(port), "-u", "ann", "-t", "open/1", "-m", "x", "-q", "1"], { vars: { MQTT_PASSWORD: "secret" } })).status,
    0,
  );
  const closed = await cli(["pub", ...at(port), "-u", "ann", "-P", "secret", "-t", "closed/1", "-m", "x", "-q", "1"]);
  t.is(closed.status, 77);
  t.regex(closed.err, /Not authorized/i);
});

/** Of `secret`, as mosquitto_passwd writes it. */
function passwordHash(t: ExecutionContext): string {
  const { status, stderr } = spawnSync("mosquitto_passwd", ["-c", "-b", `/tmp/mqttnic-pw-${process.pid}`, "ann", "secret"], {
    encoding: "utf8",
  });
  t.is(status, 0, stderr);
  const { stdout } = spawnSync("cat", [`/tmp/mqttnic-pw-${process.pid}`], { encoding: "utf8" });
  spawnSync("rm", [`/tmp/mqttnic-pw-${process.pid}`]);
  return stdout.trim().slice("ann:".length);
}

test("pub and sub say that nobody is there: status 69", async (t) => {
  const port = await freePort();
  for (const argv of [
    ["pub", "-t", "a", "-m", "b"],
    ["sub", "-t", "a"],
  ]) {
    const { status, err } = await cli([...argv, ...at(port)]);
    t.is(status, 69);
    t.regex(err, /cannot connect to mqtt:\/\/127\.0\.0\.1:\d+: .*ECONNREFUSED.*\n.*hint: /);
  }
});

test("pub gives up on a server that does not answer, and on one that closes", async (t) => {
  const server = createServer((socket) => void socket.on("error", () => {}).resume()).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => server.close());
  const { port } = server.address() as { port: number };
  const silent = await cli(["pub", ...at(port), "-t", "a", "-m", "b", "--connect-timeout-ms", "100"]);
  t.is(silent.status, 69);
  t.regex(silent.err, /no answer within 100 ms|connack timeout/);
  server.on("connection", (socket) => socket.destroy());
  const closing = await cli(["pub", ...at(port), "-t", "a", "-m", "b"]);
  t.is(closing.status, 69);
});

test("sub --timeout before --count is status 75", async (t) => {
  const broker = await startMosquitto(t);
  if (!broker) return;
  t.is((await cli(["sub", ...at(broker.port), "-t", "nothing", "-C", "1", "-W", "0.1"])).status, 75);
});

for (const [argv, says] of [
  [["pub", "-m", "x"], /no topic is given/],
  [["pub", "-t", "a/#", "-m", "x"], /has wildcards/],
  [["pub", "-t", "a"], /no message is given/],
  [["pub", "-t", "a", "-m", "x", "-n"], /--message and --null are both given/],
  [["pub", "-t", "a", "-m", "x", "-q", "3"], /--qos 3/],
  [["pub", "-t", "a", "-m", "x", "--user-property", "k"], /not name=value/],
  [["pub", "-t", "a", "-m", "x", "--expiry", "-1"], /--expiry -1/],
  [["pub", "-t", "a", "-m", "x", "-V", "311", "--content-type", "t"], /--content-type is of MQTT 5\.0/],
  [["pub", "-t", "a", "-f", "/nowhere/at/all"], /cannot read \/nowhere\/at\/all: ENOENT/],
  [["sub"], /no topic filter is given/],
  [["sub", "-t", "a#"], /'a#' is no topic filter/],
  [["sub", "-t", "a", "-C", "0"], /--count 0/],
  [["sub", "-t", "a", "-W", "0"], /--timeout 0/],
  [["sub", "-t", "a", "-F", "%y"], /'%y' is no sequence/],
  [["sub", "-t", "a", "-c"], /--persistent without --client-id/],
  [["sub", "-t", "a", "-V", "311", "--not-own"], /of MQTT 5\.0/],
  [["bench", "--rate", "0"], /--rate 0/],
  [["bench", "--size", "8"], /--size 8/],
  [["bench", "--subscribers", "1000", "--rate", "1000000", "--seconds", "3600"], /too many messages/],
] as const) {
  test(`refused before there is a connection: ${argv.join(" ")}`, async (t) => {
    const { status, err } = await cli(argv);
    t.true(status === 2 || status === 65, String(status));
    t.regex(err, says);
    t.regex(err, /hint: /);
  });
}

test("bench loses nothing at QoS 1 and counts what came, as JSON and text", async (t) => {
  const broker = await startMosquitto(t);
  if (!broker) return;
  const flags = ["--subscribers", "3", "--publishers", "2", "--rate", "500", "--seconds", "0.4", "--warm-up", "0.1", "-q", "1"];
  const { status, out } = await cli(["bench", ...at(broker.port), ...flags, "--json"]);
  const result = JSON.parse(out) as { latencyMs: { p50: number; p99: number; max: number } };
  t.is(status, 0);
  t.like(result, {
    publishers: 2,
    subscribers: 3,
    qos: 1,
    payloadBytes: 64,
    published: 200,
    expected: 600,
    delivered: 600,
    lost: 0,
    duplicates: 0,
  });
  t.true(result.latencyMs.p50 > 0 && result.latencyMs.p50 <= result.latencyMs.p99 && result.latencyMs.p99 <= result.latencyMs.max);
  const text = await cli(["bench", ...at(broker.port), "--rate", "200", "--seconds", "0.1", "--warm-up", "0"]);
  t.regex(
    text.out,
    /^1 publisher, 1 subscriber, QoS 0, 64 B.*\npublished +20 .*\ndelivered +20 of 20 .* 0 lost, 0 duplicates\nlatency +p50 .*p99\.9/,
  );
});

test("pub and sub over TLS check the broker's certificate, unless told not to", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "mqttnic-t-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const [cert, key] = [join(folder, "c.pem"), join(folder, "k.pem")];
  const made = spawnSync("openssl", [
    ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1", "-subj", "/CN=here"],
    ...["-addext", "subjectAltName=IP:127.0.0.1", "-out", cert, "-keyout", key],
  ]);
  if (made.error) {
    t.log("skipped: openssl is not installed");
    return t.pass();
  }
  t.is(made.status, 0, String(made.stderr));
  const port = await freePort();
  const broker = await startMosquitto(t, `allow_anonymous true\nlistener ${port} 127.0.0.1\ncertfile ${cert}\nkeyfile ${key}\n`);
  if (!broker) return;
  t.is((await cli(["pub", ...at(port), "--cafile", cert, "-t", "s", "-m", "secret", "-r", "-q", "1"])).status, 0);
  const known = await cli(["sub", "--url", `mqtts://127.0.0.1:${port}/s`, "--cafile", cert, "-C", "1"]);
  t.deepEqual([known.status, known.out], [0, "secret\n"]);
  t.is((await cli(["sub", ...at(port), "--insecure", "-t", "s", "-C", "1"])).status, 0);
  const unknown = await cli(["sub", "--url", `mqtts://127.0.0.1:${port}/s`, "-C", "1"]);
  t.is(unknown.status, 69);
  t.regex(unknown.err, /self-signed certificate/);
  t.regex((await cli(["sub", ...at(port), "--cafile", "/nowhere", "-t", "s"])).err, /cannot read \/nowhere: ENOENT/);
});

test("pub and sub over WebSocket", async (t) => {
  const port = await freePort();
  const broker = await startMosquitto(t, `allow_anonymous true\nlistener ${port} 127.0.0.1\nprotocol websockets\n`);
  if (!broker) return;
  t.is((await cli(["pub", "--url", `ws://127.0.0.1:${port}/mqtt`, "-t", "w", "-m", "web", "-r", "-q", "1"])).status, 0);
  const { status, out } = await cli(["sub", "--url", `ws://127.0.0.1:${port}`, "-t", "w", "-C", "1"]);
  t.deepEqual([status, out], [0, "web\n"]);
});
