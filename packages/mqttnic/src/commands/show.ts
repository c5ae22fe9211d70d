/** `status`, `clients`, `subscriptions`, `retained`, `disconnect`, `metrics`, `reload`: what the daemon knows, for reading, and what it is told. @module */
import { type Context, formatBytes, formatDuration, type OutputStream, onSignals, print, table, watch } from "@mitsu/cli";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import { formatPlacement } from "@mitsu/hal";
import type { MqttnicBridge, MqttnicClient, MqttnicMatching, MqttnicRetained, MqttnicStatus, MqttnicSubscription } from "@mitsu/ipc";
import { daemonClient } from "../client.ts";
import { usage } from "./broker-args.ts";

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`;
const since = (ms: number): string => formatDuration(Math.max(0, ms) * 1e6);
const listed = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .map(([name, times]) => `${name} ${times}`)
    .join(", ");

function statusText(status: MqttnicStatus, nowMs: number, out: OutputStream): string {
  const { matching } = status;
  const at = status.listening.map(({ address, port, transport }) => `${port === 0 ? address : `${address}:${port}`} (${transport})`);
  return [
    `mqttnic ${status.version}, pid ${status.pid}, up ${since(nowMs - status.startedAtMs)}, node ${status.node}, data plane ${matching ? `${matching.dataPlane} over ` : ""}${status.dataPlane}, ${formatBytes(status.residentBytes)}`,
    `listening at ${at.join(", ") || "nothing"}`,
    `${counted(status.connections, "connection")}, ${counted(status.sessions, "session")}, ${counted(status.subscriptions, "subscription")} (${status.sharedSubscriptions} shared), ${counted(status.routes, "cached route")}`,
    `messages: ${status.publishReceived} in, ${status.publishSent} out, ${status.publishDropped} dropped; ${formatBytes(status.bytesReceived)} in, ${formatBytes(status.bytesSent)} out`,
    `waiting: ${status.queued} queued (${formatBytes(status.queuedBytes)}), ${status.inflight} in flight; ${status.retained} retained (${formatBytes(status.retainedBytes)})`,
    `persistence ${status.storeBytes === null ? "off" : formatBytes(status.storeBytes)}`,
    ...(Object.keys(status.limits).length > 0 ? [`limits reached: ${listed(status.limits)}`] : []),
    ...(Object.keys(status.refusals).length > 0 ? [`refused: ${listed(status.refusals)}`] : []),
    ...(status.bridges.length > 0 ? [bridgesText(status.bridges, out).trimEnd()] : []),
    ...(matching ? [matchingText(matching, out).trimEnd()] : []),
    ...status.degraded.map((why) => `DEGRADED: ${why}`),
    "",
  ].join("\n");
}

function bridgesText(bridges: readonly MqttnicBridge[], out: OutputStream): string {
  return table(
    bridges,
    [
      { header: "LINK", value: ({ name }) => name },
      { header: "KIND", value: ({ kind }) => kind },
      { header: "TO", value: ({ to }) => to },
      { header: "STATE", value: ({ state }) => state },
      { header: "IN", value: ({ messagesIn }) => messagesIn },
      { header: "OUT", value: ({ messagesOut }) => messagesOut },
      { header: "LAST ERROR", value: ({ lastError }) => lastError ?? "" },
    ],
    out,
  );
}

function matchingText({ filters, placed, beside, lookups, placement }: MqttnicMatching, out: OutputStream): string {
  const outside = [
    ...(beside.levels > 0 ? [`${beside.levels} with more levels than fit`] : []),
    ...(beside.full > 0 ? [`${beside.full} for want of room`] : []),
    ...(beside.new > 0 ? [`${beside.new} that came a moment ago`] : []),
  ];
  const first = `topic matching: ${placed} of ${counted(filters, "filter")} on ${placement.work[0]?.device ?? "nothing"}`;
  return [
    `${first}${outside.length > 0 ? `, beside it in software ${outside.join(", ")}` : ""}; ${counted(lookups, "look-up")}, other topics by kept routes; retained messages in software`,
    formatPlacement(placement, out),
  ].join("\n");
}

/** `mqttnic status`; exit status 69 when the daemon is degraded, so that scripts notice. */
export async function status(_args: unknown, context: Context): Promise<number> {
  using client = await daemonClient(context);
  const answer = await client.call("status", {});
  print(context, answer, (value, out) => statusText(value, context.env.now(), out));
  return answer.degraded.length > 0 ? exitStatus.unavailable : exitStatus.ok;
}

function clientsText(clients: readonly MqttnicClient[], out: OutputStream): string {
  if (clients.length === 0) return "no clients, neither connected nor awaited\n";
  return table(
    clients,
    [
      { header: "CLIENT", value: ({ clientId }) => clientId },
      { header: "USER", value: ({ username }) => username ?? "-" },
      { header: "FROM", value: ({ from }) => from },
      { header: "VIA", value: ({ transport }) => transport },
      { header: "MQTT", value: ({ version }) => version },
      { header: "STATE", value: ({ connected, connectedForMs }) => (connected ? since(connectedForMs) : "away") },
      { header: "EXPIRY", value: ({ expiryS }) => (expiryS === null ? "never" : expiryS === 0 ? "at once" : since(expiryS * 1000)) },
      { header: "SUBS", value: ({ subscriptions }) => subscriptions },
      { header: "IN FLIGHT", value: ({ inflight }) => inflight },
      { header: "QUEUED", value: ({ queued }) => queued },
      { header: "QUEUED [B]", value: ({ queuedBytes }) => queuedBytes },
      { header: "WAITING [B]", value: ({ waitingBytes }) => waitingBytes },
      { header: "DROPPED", value: ({ dropped }) => dropped },
    ],
    out,
  );
}

/** `mqttnic clients`. */
export async function clients(
  args: { readonly limit: number; readonly watch: boolean; readonly intervalMs: number },
  context: Context,
): Promise<void> {
  const limit = limitOf(args.limit);
  using client = await daemonClient(context);
  const read = async (): Promise<readonly MqttnicClient[]> => (await client.call("clients", { limit })).clients;
  if (!args.watch) return print(context, { clients: await read() }, (value, out) => clientsText(value.clients, out));
  using signals = onSignals(context.env);
  await watch(context.env, async () => clientsText(await read(), context.env.stdout), {
    intervalMs: args.intervalMs,
    signal: signals.signal,
  });
}

function subscriptionsText(subscriptions: readonly MqttnicSubscription[], out: OutputStream): string {
  if (subscriptions.length === 0) return "no subscriptions\n";
  return table(
    subscriptions,
    [
      { header: "CLIENT", value: ({ clientId }) => clientId },
      { header: "FILTER", value: ({ filter }) => filter },
      { header: "QOS", value: ({ qos }) => qos },
      { header: "OPTIONS", value: ({ options }) => options.join(" ") },
    ],
    out,
  );
}

/** `mqttnic subscriptions`. */
export async function subscriptions(
  args: { readonly client: string | undefined; readonly limit: number },
  context: Context,
): Promise<void> {
  const limit = limitOf(args.limit);
  using client = await daemonClient(context);
  const answer = await client.call("subscriptions", { ...(args.client === undefined ? {} : { clientId: args.client }), limit });
  print(context, answer, (value, out) => subscriptionsText(value.subscriptions, out));
}

/** What of a payload is readable in a table; bytes otherwise. */
function payloadText(payload: Uint8Array, bytes: number): string {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(payload, { stream: true });
  } catch {
    text = `0x${Buffer.from(payload).toString("hex")}`;
  }
  return payload.length < bytes ? `${text}…` : text;
}

function retainedText(messages: readonly MqttnicRetained[], nowMs: number, out: OutputStream): string {
  if (messages.length === 0) return "no retained messages there\n";
  return table(
    messages,
    [
      { header: "TOPIC", value: ({ topic }) => topic },
      { header: "QOS", value: ({ qos }) => qos },
      { header: "SIZE [B]", value: ({ bytes }) => bytes },
      { header: "EXPIRES IN", value: ({ expiresAtMs }) => (expiresAtMs === null ? "never" : since(expiresAtMs - nowMs)) },
      { header: "PAYLOAD", value: ({ payload, bytes }) => payloadText(payload, bytes) },
    ],
    out,
  );
}

/** `mqttnic retained`. */
export async function retained(
  args: { readonly filter: string | undefined; readonly limit: number; readonly payloadBytes: number },
  context: Context,
): Promise<void> {
  const limit = limitOf(args.limit);
  const { filter = "#", payloadBytes } = args;
  if (!(Number.isInteger(payloadBytes) && payloadBytes >= 0 && payloadBytes <= 65_536)) {
    throw usage(`--payload-bytes ${payloadBytes}: a whole number from 0 to 65536 is needed`, "64 unless given");
  }
  using client = await daemonClient(context);
  const { messages } = await client.call("retained", { filter, limit, payloadBytes });
  if (!context.json) return print(context, messages, (value, out) => retainedText(value, context.env.now(), out));
  print(
    context,
    { messages: messages.map(({ payload, ...rest }) => ({ ...rest, payloadBase64: Buffer.from(payload).toString("base64") })) },
    () => "",
  );
}

/** `mqttnic disconnect`. */
export async function disconnect({ client: clientId }: { readonly client: string }, context: Context): Promise<void> {
  using client = await daemonClient(context);
  const { done } = await client.call("disconnect", { clientId });
  if (!done) {
    throw new MitsuError(`no client '${clientId}' is connected`, {
      code: "ERR_NO_CLIENT",
      exit: exitStatus.data,
      hint: "see mqttnic clients",
    });
  }
  print(context, { disconnected: clientId }, (value) => `${value.disconnected} was disconnected\n`);
}

/** `mqttnic metrics`. */
export async function metrics(_args: unknown, context: Context): Promise<void> {
  using client = await daemonClient(context);
  const { text } = await client.call("metrics", {});
  print(context, { text }, (value) => value.text);
}

/** `mqttnic reload`. */
export async function reload(_args: unknown, context: Context): Promise<void> {
  using client = await daemonClient(context);
  await client.call("reload", {}, { timeoutMs: 30_000 });
  print(context, { reloaded: true }, () => "configuration, passwords, ACL and certificates were read again\n");
}

function limitOf(limit: number): number {
  if (Number.isInteger(limit) && limit >= 1 && limit <= 1_000_000) return limit;
  throw usage(`--limit ${limit}: a whole number from 1 to 1000000 is needed`, "such as --limit 100");
}
