/** `mqttnic sub`: prints the messages of topics, of any broker. @module */
import { type Context, type OutputStream, onSignals } from "@mitsu/cli";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import type { IClientSubscribeOptions, IPublishPacket, MqttClient } from "mqtt";
import { type BrokerTarget, brokerTarget, qosOf, usage } from "./broker-args.ts";
import { connectBroker, worded } from "./broker-connection.ts";
import { asJson, messageFormat, type PrintedMessage } from "./message-format.ts";
import type { SubArgs } from "./sub-args.ts";

/** Pause before it connects again. */
const reconnectMs = 1000;
const forEver = 0xffff_ffff;

/** `mqttnic sub`; exit status 75 when `--timeout` came before `--count` messages did. */
export async function run(args: SubArgs, context: Context): Promise<number> {
  const { env, log } = context;
  const target = brokerTarget(args);
  const filters = filtersOf(args, target);
  const leftOut = args.filterOut.map(matcher);
  const count = countOf(args.count);
  const printMessage = printer(args, context);
  check(args);
  using signals = onSignals(env);
  const over = Promise.withResolvers<"count" | "time" | "signal" | "live">();
  over.promise.catch(() => {}); // a refused subscription may be thrown first
  let seen = 0;
  const onMessage = (topic: string, payload: Buffer, packet: IPublishPacket): void => {
    if (seen === count) return;
    if (args.retained === "only" && !packet.retain) {
      over.resolve("live");
      return;
    }
    if ((args.retained === "never" && packet.retain) || leftOut.some((matches) => matches(topic))) return;
    printMessage({ topic, payload, packet, atMs: env.now() });
    if (++seen === count) over.resolve("count");
  };
  const connecting = connectBroker(args, env, {
    idPrefix: "mqttnic_sub_",
    clean: !args.persistent,
    sessionExpiryS: args.sessionExpiry ?? (args.persistent ? forEver : undefined),
    reconnectMs,
    prepare: (client) => client.on("message", onMessage),
    signal: signals.signal,
  });
  const client = await connecting.catch((error: unknown) => {
    if (signals.signal.aborted) return undefined;
    throw error;
  });
  if (!client) return exitStatus.ok;
  client.on("error", (error) => {
    // What the system says of a broker that is away goes by: it is tried again. A broker that refuses will go on to.
    if (typeof (error as { code?: unknown }).code === "number") over.reject(worded(error, target));
  });
  client.on("close", () => log.warn(`lost the connection to ${target.name}; trying again`));
  signals.signal.addEventListener("abort", () => over.resolve("signal"));
  const timer = args.timeout === undefined ? undefined : setTimeout(() => over.resolve("time"), args.timeout * 1000);
  try {
    await Promise.race([subscribe(client, filters, args, target), over.promise]);
    const why = await over.promise;
    return why === "time" && count !== undefined ? exitStatus.temporary : exitStatus.ok;
  } finally {
    clearTimeout(timer);
    client.removeAllListeners("close").removeAllListeners("message");
    await client.endAsync().catch(() => {});
  }
}

function filtersOf({ topic }: SubArgs, target: BrokerTarget): readonly string[] {
  const filters = topic.length > 0 ? topic : target.topic === undefined ? [] : [target.topic];
  if (filters.length === 0) throw usage("no topic filter is given", "such as --topic 'sensors/#'");
  for (const filter of filters) {
    const levels = filter.split("/");
    const fit = levels.every((level, index) => !/[+#]/.test(level) || level === "+" || (level === "#" && index === levels.length - 1));
    if (filter === "" || !fit)
      throw usage(`'${filter}' is no topic filter`, "# stands alone in the last level, + alone in one [MQTT 5.0 §4.7.1]");
  }
  return filters;
}

/** What is told before there is a connection. */
function check({ persistent, clientId, timeout, protocol, notOwn, retainAsPublished, qos }: SubArgs): void {
  qosOf(qos);
  if (persistent && clientId === undefined) throw usage("--persistent without --client-id", "the session is found again by its client id");
  if (timeout !== undefined && !(timeout > 0)) throw usage(`--timeout ${timeout}: a number over 0 is needed`, "such as --timeout 5");
  if (protocol !== "5" && (notOwn || retainAsPublished)) {
    throw usage("--not-own and --retain-as-published are of MQTT 5.0", "leave them out, or --protocol");
  }
}

function countOf(count: number | undefined): number | undefined {
  if (count === undefined || (Number.isInteger(count) && count > 0)) return count;
  throw usage(`--count ${count}: a whole number over 0 is needed`, "leave it out to go on until interrupted");
}

/** @throws {MitsuError} `ERR_MQTT_REFUSED` when the broker refuses a filter. */
async function subscribe(client: MqttClient, filters: readonly string[], args: SubArgs, target: BrokerTarget): Promise<void> {
  const options: IClientSubscribeOptions = {
    qos: qosOf(args.qos),
    ...(args.protocol === "5" ? { nl: args.notOwn, rap: args.retainAsPublished, rh: args.retained === "never" ? 2 : 0 } : {}),
  };
  const refused: string[] = [];
  try {
    const granted = await client.subscribeAsync(Object.fromEntries(filters.map((filter) => [filter, options])));
    for (const { topic, qos } of granted) if (qos >= 128) refused.push(`${topic} (0x${qos.toString(16)})`);
  } catch (error) {
    const codes = (error as { readonly packet?: { readonly granted?: readonly number[] } }).packet?.granted;
    if (!codes) throw worded(error as Error, target);
    for (const [index, code] of codes.entries()) if (code >= 128) refused.push(`${filters[index]} (0x${code.toString(16)})`);
  }
  if (refused.length === 0) return;
  throw new MitsuError(`${target.name} refuses the subscription to ${refused.join(", ")}`, {
    code: "ERR_MQTT_REFUSED",
    exit: exitStatus.rights,
    hint: "look at the broker's ACL for this user",
  });
}

/** Whether a topic matches a filter. [MQTT 5.0 §4.7] */
function matcher(filter: string): (topic: string) => boolean {
  const wanted = filter.split("/");
  return (topic) => {
    if (topic.startsWith("$") && /^[+#]/.test(filter)) return false;
    const levels = topic.split("/");
    for (const [index, level] of wanted.entries()) {
      if (level === "#") return true;
      if (index >= levels.length || (level !== "+" && level !== levels[index])) return false;
    }
    return levels.length === wanted.length;
  };
}

function printer(args: SubArgs, { env, json }: Context): (message: PrintedMessage) => void {
  const { stdout } = env;
  if (json) return (message) => stdout.write(`${JSON.stringify(asJson(message))}\n`);
  const format = messageFormat(args.format ?? (args.verbose ? "%t %p" : "%p"));
  const end = args.bare ? "" : "\n";
  return (message) => {
    writeBytes(stdout, Buffer.concat([format(message), Buffer.from(end)]));
  };
}

/** Payloads are bytes, which text would change; streams take both. */
function writeBytes(out: OutputStream, bytes: Buffer): void {
  (out.write as unknown as (data: Uint8Array) => void)(bytes);
}
