/** `status`, `services`, `matrix`, `metrics`: what the daemon knows, for reading. @module */
import { type Context, formatBytes, formatDuration, type OutputStream, print, table } from "@mitsu/cli";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import { formatPlacement } from "@mitsu/hal";
import type { MatrixCell, ServiceStatus, SockhijackStatus } from "@mitsu/ipc";
import { daemonClient } from "../client.ts";

function statusText(status: SockhijackStatus, nowMs: number, out: OutputStream): string {
  const up = formatDuration((nowMs - status.startedAtMs) * 1e6);
  const counters = Object.entries(status.counters).filter(([, value]) => value > 0);
  return [
    `sockhijack ${status.version}, pid ${status.pid}, up ${up}, mesh ${status.mesh}`,
    `${status.services} services, ${status.cgroups} cgroups, ${status.flows} flows (${status.redirectedFlows} redirected)`,
    `${status.scans} scans, ${status.scanMeanUs} µs each`,
    `kernel state ${status.pins}`,
    ...(status.nic ? [nicText(status.nic)] : []),
    ...status.degraded.map((why) => `DEGRADED: ${why}`),
    ...(status.placement ? ["", formatPlacement(status.placement, out).trimEnd()] : []),
    ...(counters.length > 0 ? ["", ...counters.map(([name, value]) => `${String(value).padStart(14)}  ${name}`)] : []),
    "",
  ].join("\n");
}

function nicText({ pid, service, port, active, total }: NonNullable<SockhijackStatus["nic"]>): string {
  return `nicd pid ${pid}, service ${service || "(none)"}, port ${port}, ${active} connections open of ${total}`;
}

/** `sockhijack status`; exit status 69 when the daemon is degraded, so that scripts notice. */
export async function status(_args: unknown, context: Context): Promise<number> {
  using client = await daemonClient(context);
  const answer = await client.call("status", {});
  print(context, answer, (value, out) => statusText(value, context.env.now(), out));
  return answer.degraded.length > 0 ? exitStatus.unavailable : exitStatus.ok;
}

/** `sockhijack services`. */
export async function services(_args: unknown, context: Context): Promise<void> {
  using client = await daemonClient(context);
  const answer = await client.call("services", {});
  const rows = (list: readonly ServiceStatus[]) =>
    list.flatMap((service) => {
      const replicas = service.replicas.length > 0 ? service.replicas : [undefined];
      return replicas.map((replica, index) => ({ service, replica, first: index === 0 }));
    });
  print(context, answer, ({ services: list }, out) =>
    list.length === 0
      ? "no services: start one with `sockhijack run --service NAME:PORT -- COMMAND`, or name them in mesh.yaml\n"
      : table(
          rows(list),
          [
            { header: "SERVICE", value: (r) => (r.first ? r.service.host : "") },
            { header: "ADDRESS", value: (r) => (r.first ? r.service.ipv4 : "") },
            { header: "PORTS", value: (r) => (r.first ? r.service.ports.join(",") || "-" : "") },
            { header: "REDIRECT", value: (r) => (r.first ? r.service.redirect : "") },
            { header: "NIC", value: (r) => (r.first && r.service.nic !== "off" ? r.service.nic : "") },
            { header: "REPLICA", value: (r) => (r.replica ? `${r.replica.address}:${r.replica.port}` : "-") },
            { header: "STATE", value: (r) => (r.replica ? (r.replica.up ? "up" : "not listening") : "") },
            { header: "OPEN", value: (r) => r.replica?.active ?? 0 },
            { header: "CHOSEN", value: (r) => r.replica?.total ?? 0 },
          ],
          out,
        ),
  );
}

/** `sockhijack matrix`. */
export async function matrix(_args: unknown, context: Context): Promise<void> {
  using client = await daemonClient(context);
  const answer = await client.call("matrix", {});
  print(context, answer, ({ cells }, out) =>
    cells.length === 0
      ? "no traffic between services yet\n"
      : table<MatrixCell>(
          cells,
          [
            { header: "FROM", value: (c) => c.from || "(outside)" },
            { header: "TO", value: (c) => c.to },
            { header: "CONNECTIONS", value: (c) => c.connections },
            { header: "OUT", value: (c) => formatBytes(c.bytesOut), align: "right" },
            { header: "IN", value: (c) => formatBytes(c.bytesIn), align: "right" },
            { header: "MESSAGES", value: (c) => c.messages },
            { header: "REDIRECTED", value: (c) => formatBytes(c.redirectedBytes), align: "right" },
            { header: "DENIED", value: (c) => c.denied },
          ],
          out,
        ),
  );
}

/** `sockhijack metrics`. */
export async function metrics(_args: unknown, context: Context): Promise<void> {
  using client = await daemonClient(context);
  const { text } = await client.call("metrics", {});
  if (context.json) print(context, { text }, () => "");
  else context.env.stdout.write(text);
}

/** `sockhijack resolve`. */
export async function resolve({ name }: { readonly name: string }, context: Context): Promise<void> {
  using client = await daemonClient(context);
  const list = (await client.call("services", {})).services;
  const wanted = name.toLowerCase().replace(/\.$/, "");
  const found = list.find((s) => s.host === wanted || s.name === wanted);
  if (!found) {
    throw new MitsuError(`no service answers to ${JSON.stringify(name)}`, {
      code: "ERR_SERVICE_UNKNOWN",
      exit: exitStatus.data,
      hint:
        list.length > 0
          ? `there are ${list.map(({ host }) => host).join(", ")}`
          : "start one with `sockhijack run --service NAME:PORT -- COMMAND`",
    });
  }
  const { host, ipv4, ipv6, ports, replicas } = found;
  print(context, { host, ipv4, ipv6, ports, replicas }, (value) =>
    [
      `${value.host}`,
      `  virtual   ${value.ipv4}  ${value.ipv6}  ports ${value.ports.join(", ") || "none"}`,
      ...value.replicas.map((r) => `  replica   ${r.address}:${r.port}/${r.protocol}  ${r.up ? "up" : "not listening"}, ${r.active} open`),
      "",
    ].join("\n"),
  );
}
