/** `mqttnic pub`: publishes a message, or one for each line of stdin, to any broker. @module */
import { type Context, type Env, onSignals, print } from "@mitsu/cli";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import type { IClientPublishOptions, MqttClient } from "mqtt";
import { type BrokerTarget, brokerTarget, qosOf, usage } from "./broker-args.ts";
import { connectBroker, worded } from "./broker-connection.ts";
import type { PubArgs } from "./pub-args.ts";

/** Messages on their way at a time with `--stdin-line`. */
const window = 256;

/** `mqttnic pub`. */
export async function run(args: PubArgs, context: Context): Promise<void> {
  const { env } = context;
  const target = brokerTarget(args);
  const topic = topicOf(args, target);
  const options = publishOptions(args);
  const messages = messagesOf(args, env); // reads a file before there is a connection
  using signals = onSignals(env);
  const client = await connectBroker(args, env, { idPrefix: "mqttnic_pub_", clean: true, reconnectMs: 0, signal: signals.signal });
  const lost = Promise.withResolvers<never>();
  lost.promise.catch(() => {}); // looked at below, or not at all
  const gone = (why: string): void => lost.reject(worded(new Error(why), target));
  client.on("error", (error) => lost.reject(worded(error, target)));
  client.on("close", () => gone("the connection was lost before everything was published"));
  signals.signal.addEventListener("abort", () => gone("interrupted"));
  let published = 0;
  let bytes = 0;
  const onWay = new Set<Promise<unknown>>();
  try {
    for await (const payload of messages) {
      if (signals.signal.aborted) break;
      while (onWay.size >= window) await Promise.race([...onWay, lost.promise]);
      const sent = publish(client, topic, payload, options, target).finally(() => onWay.delete(sent));
      sent.catch(() => {}); // awaited below
      onWay.add(sent);
      published++;
      bytes += payload.length;
    }
    await Promise.race([Promise.all(onWay), lost.promise]);
  } finally {
    client.removeAllListeners("close");
    await client.endAsync(signals.signal.aborted).catch(() => {});
  }
  if (context.json) print(context, { topic, published, bytes }, () => "");
}

async function publish(
  client: MqttClient,
  topic: string,
  payload: Buffer,
  options: IClientPublishOptions,
  target: BrokerTarget,
): Promise<void> {
  try {
    await client.publishAsync(topic, payload, options);
  } catch (error) {
    throw worded(error as Error, target);
  }
}

/** [MQTT-3.3.2-1], [MQTT-3.3.2-2] */
function topicOf({ topic: given }: PubArgs, target: BrokerTarget): string {
  const topic = given ?? target.topic;
  if (topic === undefined || topic === "") throw usage("no topic is given", "such as --topic sensors/1");
  if (/[+#]/.test(topic)) throw usage(`'${topic}' has wildcards, a topic has none`, "name one topic");
  if (Buffer.byteLength(topic) > 65_535) throw usage("the topic is longer than 65535 bytes", "choose a shorter one");
  return topic;
}

function publishOptions(args: PubArgs): IClientPublishOptions {
  const { contentType, responseTopic, correlation, expiry, userProperty, utf8, protocol } = args;
  const flags = { contentType, responseTopic, correlation, expiry, userProperty: userProperty[0], utf8: utf8 || undefined };
  const used = Object.keys(flags).find((key) => flags[key as keyof typeof flags] !== undefined);
  if (used !== undefined && protocol !== "5") {
    const flag = used.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    throw usage(`--${flag} is of MQTT 5.0`, "leave it out, or --protocol");
  }
  if (expiry !== undefined && !(Number.isInteger(expiry) && expiry >= 0 && expiry <= 0xffff_ffff)) {
    throw usage(`--expiry ${expiry} is no number of seconds`, "use 0 to 4294967295");
  }
  return {
    qos: qosOf(args.qos),
    retain: args.retain,
    ...(used === undefined
      ? {}
      : {
          properties: {
            ...(utf8 ? { payloadFormatIndicator: true } : {}),
            ...(expiry === undefined ? {} : { messageExpiryInterval: expiry }),
            ...(contentType === undefined ? {} : { contentType }),
            ...(responseTopic === undefined ? {} : { responseTopic }),
            ...(correlation === undefined ? {} : { correlationData: Buffer.from(correlation) }),
            ...(userProperty.length > 0 ? { userProperties: userProperties(userProperty) } : {}),
          },
        }),
  };
}

function userProperties(list: readonly string[]): Record<string, string | string[]> {
  const all = new Map<string, string[]>();
  for (const text of list) {
    const at = text.indexOf("=");
    if (at < 0) throw usage(`--user-property '${text}' is not name=value`, "such as --user-property unit=kW");
    const name = text.slice(0, at);
    all.set(name, [...(all.get(name) ?? []), text.slice(at + 1)]);
  }
  return Object.fromEntries([...all].map(([name, values]) => [name, values.length === 1 ? values[0]! : values]));
}

function messagesOf(args: PubArgs, env: Env): AsyncIterable<Buffer> {
  const sources = {
    "--message": args.message !== undefined,
    "--file": args.file !== undefined,
    "--stdin": args.stdin,
    "--stdin-line": args.stdinLine,
    "--null": args.null,
  };
  const given = Object.entries(sources).flatMap(([flag, there]) => (there ? [flag] : []));
  if (given.length !== 1) {
    const hint = "give one of --message, --file, --stdin, --stdin-line and --null";
    throw usage(given.length === 0 ? "no message is given" : `${given.join(" and ")} are both given`, hint);
  }
  if (args.stdinLine) return lines(env.stdin);
  if (args.stdin) return whole(env.stdin);
  return one(args.message !== undefined ? Buffer.from(args.message) : args.file !== undefined ? read(args.file, env) : Buffer.alloc(0));
}

async function* one(payload: Buffer): AsyncGenerator<Buffer> {
  yield payload;
}

async function* whole(stdin: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of stdin) parts.push(part);
  yield Buffer.concat(parts);
}

/** Without line ends; an empty line is an empty message, as mosquitto_pub has it. */
async function* lines(stdin: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let rest = Buffer.alloc(0);
  for await (const part of stdin) {
    let from = 0;
    rest = rest.length === 0 ? Buffer.from(part) : Buffer.concat([rest, part]);
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10, from)) {
      yield rest.subarray(from, end > from && rest[end - 1] === 13 ? end - 1 : end);
      from = end + 1;
    }
    rest = rest.subarray(from);
  }
  if (rest.length > 0) yield rest;
}

function read(path: string, env: Env): Buffer {
  try {
    return Buffer.from(env.readFile(path));
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new MitsuError(`cannot read ${path}: ${code}`, { code: "ERR_FILE", exit: exitStatus.data, hint: "name a readable file", cause });
  }
}
