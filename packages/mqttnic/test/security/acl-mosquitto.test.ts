/** The same ACL file, the same questions: our answers and those of the installed mosquitto, where we do not mean to be stricter. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import test, { type ExecutionContext } from "ava";
import fc from "fast-check";
import mqtt from "mqtt";
import { compileAcl } from "../../src/security/acl.ts";
import { parseAclFile } from "../../src/security/acl-file.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const program = "/usr/sbin/mosquitto";
/** No wildcard covers it, so that no `deny` takes it away. */
const end = "$end";
/** Names with `/`, on which we are stricter, are not among them. */
const subjects: readonly (readonly [username: string | undefined, clientId: string])[] = [
  [undefined, "c1"],
  ["ann", "c2"],
  ["bob", "a"],
  ["ann", "x+"],
];

/** Starts a mosquitto with an ACL file. @returns What opens a client at its Unix socket. */
async function mosquitto(
  t: ExecutionContext,
  aclText: string,
): Promise<(username: string | undefined, clientId: string) => Promise<mqtt.MqttClient>> {
  const folder = temporaryFolder(t);
  const socket = join(folder.path, "m.sock");
  const config = [
    `listener 0 ${socket}`,
    "allow_anonymous true",
    `acl_file ${folder.file("acl", aclText)}`,
    "user root",
    "log_dest stderr",
    "",
  ];
  const child = spawn(program, ["-c", folder.file("m.conf", config.join("\n"))], { stdio: ["ignore", "ignore", "pipe"] });
  t.teardown(() => child.kill());
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stderr })) {
    lines.push(line);
    if (line.includes("running")) break;
  }
  child.stderr.resume();
  t.regex(lines.at(-1) ?? "", /running/, lines.join("\n"));
  return async (username, clientId) => {
    const named = username === undefined ? {} : { username };
    const client = new mqtt.MqttClient(() => connect(socket), { protocolVersion: 5, clientId, reconnectPeriod: 0, ...named });
    t.teardown(() => client.end(true));
    await new Promise((resolve, reject) => client.once("connect", resolve).once("error", reject));
    return client;
  };
}

const mayPublish = (client: mqtt.MqttClient, topic: string): Promise<boolean> =>
  new Promise((resolve, reject) => {
    client.publish(topic, "x", { qos: 1 }, (error) => {
      const code = (error as mqtt.ErrorWithReasonCode | undefined)?.code;
      if (error && code !== 0x87) reject(error);
      else resolve(!error);
    });
  });

const level = fc.constantFrom("a", "b", "c1", "c2", "ann", "", "$s");
const line = fc
  .record({
    word: fc.constantFrom("topic", "topic", "pattern"),
    access: fc.constantFrom("read", "write", "readwrite", "deny"),
    levels: fc.array(fc.oneof({ weight: 3, arbitrary: level }, { weight: 2, arbitrary: fc.constantFrom("+", "%c", "%u") }), {
      minLength: 1,
      maxLength: 3,
    }),
    rest: fc.boolean(),
  })
  .map(({ word, access, levels, rest }) => `${word} ${access} ${[...levels, ...(rest ? ["#"] : [])].join("/")}`)
  .filter((text) => !/ $/.test(text));
const section = fc.array(line, { minLength: 2, maxLength: 7 });
const files = fc
  .tuple(section, section, section)
  .map(([anonymous, ann, bob]) =>
    [
      ...anonymous,
      `topic read ${end}`,
      "user all",
      "topic #",
      "topic $s/#",
      `topic ${end}`,
      "user ann",
      ...ann,
      `topic read ${end}`,
      "user bob",
      ...bob,
      `topic read ${end}`,
      "",
    ].join("\n"),
  );
const topics = fc.uniqueArray(
  fc.array(level, { minLength: 1, maxLength: 4 }).map((levels) => levels.join("/")),
  { minLength: 40, maxLength: 60 },
);

for (const seed of process.env.MITSU_TEST_ALL === "1" ? Array.from({ length: 25 }, (_, index) => index + 1) : [5, 12, 17]) {
  test(`compileAcl() answers as the installed mosquitto does, file ${seed}`, async (t) => {
    if (!existsSync(program)) {
      t.log("skipped: mosquitto is not installed");
      t.pass();
      return;
    }
    const text = fc.sample(files, { seed, numRuns: 1 })[0]!;
    const asked = fc.sample(topics, { seed, numRuns: 1 })[0]!.filter((topic) => topic !== "");
    const acl = compileAcl(parseAclFile("acl", Buffer.from(text)));
    const open = await mosquitto(t, text);
    const all = await open("all", "all");
    let allowed = 0;
    for (const [username, clientId] of subjects) {
      const who = { username, by: username === undefined ? "anonymous" : "password", untilMs: 0, peerNode: undefined } as const;
      const client = await open(username, clientId);
      const received = new Set<string>();
      const ended = new Promise<void>((resolve) => {
        client.on("message", (topic) => (topic === end ? resolve() : received.add(topic)));
      });
      await client.subscribeAsync(["#", "$s/#", end], { qos: 1 });
      for (const topic of [...asked, end]) t.true(await mayPublish(all, topic));
      await ended;
      const readable = new Set(received);
      for (const topic of asked) {
        const why = `${username} ${clientId} ${topic}\n${text}`;
        t.is(acl.mayReceive(who, clientId, topic), readable.has(topic), `read ${why}`);
        const publishable = await mayPublish(client, topic);
        t.is(acl.mayPublish(who, clientId, topic), publishable, `write ${why}`);
        allowed += Number(readable.has(topic)) + Number(publishable);
      }
      await client.endAsync();
    }
    t.log(`${asked.length * 2 * subjects.length} questions, ${allowed} allowed`);
  });
}
