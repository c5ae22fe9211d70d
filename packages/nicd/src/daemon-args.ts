/** What `nicd daemon` and its workers are told, checked. @module */
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { hostname } from "node:os";
import { dirname, join, resolve } from "node:path";
import { type Catalog, type CatalogProblem, formatProblem, loadCatalog, parseCatalog } from "@mitsu/catalog";
import type { Context } from "@mitsu/cli";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import type { SocketAddress } from "@mitsu/reactor";
import type { CertificateFiles } from "./certificates/mod.ts";
import { parseListenAt, withRoutes } from "./explicit-routes.ts";
import type { WorkerOptions } from "./worker.ts";

/** Arguments of `nicd daemon` and `nicd worker`. */
export interface DaemonArgs {
  readonly listen: readonly string[];
  readonly route: readonly string[];
  readonly tracing: "on" | "off";
  readonly sockhijack: string;
  readonly replicad: string;
  readonly channel: string;
  readonly node: string | undefined;
  readonly certificates: string;
  readonly filters: string;
  readonly linkListen: string;
  readonly workers: number;
  readonly metrics: string | undefined;
  readonly otlp: string | undefined;
  readonly otlpRate: number;
  readonly accessLog: string | undefined;
  readonly accessLogShare: number;
}

/** Read when it is there; any other file is an error when it is not. */
const defaultConfig = "/etc/mitsu/mesh.yaml";
/** Not missed when it is not there. */
const defaultReplicad = "/run/mitsu/replicad.sock";
/** The same of certificates. */
const defaultCertificates = "/var/lib/mitsu/nicd";

/** The mesh file with what flags add; an empty mesh when there is no file. @throws as `loadCatalog`, and `ERR_ROUTE`. */
export async function readCatalog(args: DaemonArgs, { config, log }: Context): Promise<Catalog> {
  const warn = (problem: CatalogProblem): void => log.warn(formatProblem(problem));
  const file = config !== defaultConfig || existsSync(config) ? await loadCatalog(config, { warn }) : parseCatalog("version: 1\n");
  return withRoutes(file, args.route, args.tracing === "on");
}

/**
 * What a worker is made with.
 *
 * @throws {MitsuError} `ERR_ROUTE`, `ERR_USAGE`, `ERR_CERT_BAD`
 */
export async function workerOptions(args: DaemonArgs, catalog: Catalog, context: Context): Promise<WorkerOptions> {
  const { env, log, program } = context;
  const listen = args.listen.map(parseListenAt);
  for (const [index, { service, servicePort, address, port }] of listen.entries()) {
    if (port !== 0 && listen.findIndex((one) => one.address === address && one.port === port) !== index)
      throw usage(`--listen ${address}:${port} is given twice`, "one listener serves one service");
    const known = catalog.services.find(({ name }) => name === service);
    const ports = known?.ports.flatMap((one) => (one.protocol === "tcp" ? [one.port] : [])) ?? [];
    if (known && (servicePort === 0 ? ports.length > 0 : ports.includes(servicePort))) continue;
    if (known)
      throw usage(
        `--listen ${address}:${port}=${service}${servicePort === 0 ? "" : `:${servicePort}`}: ${service} has no such TCP port`,
        ports.length > 0 ? `it has ${ports.join(", ")}` : `give it ports in ${context.config}`,
      );
    throw new MitsuError(`nothing to do for --listen ${address}:${port}: there is no service ${service}`, {
      code: "ERR_ROUTE",
      exit: exitStatus.usage,
      hint: service === "routes" ? "say where requests go: --route 127.0.0.1:9000" : `name one of ${context.config}`,
    });
  }
  const channel = args.sockhijack === "off" ? null : { socket: args.sockhijack, at: addressOf("--channel", args.channel) };
  if (listen.length === 0 && channel === null && args.linkListen === "off")
    throw usage(
      "nothing to listen at: neither --listen nor --link-listen is given, and --sockhijack is off",
      "such as nicd daemon --listen 127.0.0.1:8080 --route 127.0.0.1:9000",
    );
  if (!(args.accessLogShare >= 0 && args.accessLogShare <= 1))
    throw usage(`--access-log-share ${args.accessLogShare}: a share is from 0 to 1`, "0.01 is one in a hundred");
  if (!(args.otlpRate > 0)) throw usage(`--otlp-rate ${args.otlpRate}: a number over 0 is needed`, "leave --otlp out to export none");
  return {
    log,
    node: args.node ?? hostname(),
    version: program.version,
    listen,
    channel,
    linkAt: args.linkListen === "off" ? null : addressOf("--link-listen", args.linkListen, catalog.links.port),
    certificates: await certificatesOf(args, context),
    loadPath: `${context.socket}.load`,
    replicad: args.replicad === "off" ? null : { socket: args.replicad, expected: args.replicad !== defaultReplicad },
    workers: args.workers,
    folder: dirname(resolve(context.config)),
    pushedFilters: args.filters,
    otlp: args.otlp ?? env.vars.OTEL_EXPORTER_OTLP_ENDPOINT,
    otlpHeaders: env.vars.OTEL_EXPORTER_OTLP_HEADERS,
    otlpGzip: env.vars.OTEL_EXPORTER_OTLP_COMPRESSION === "gzip",
    otlpRate: args.otlpRate,
    accessLog: args.accessLog,
    accessLogShare: args.accessLogShare,
  };
}

/** Null where no folder is named, and the usual one has no certificate. */
async function certificatesOf(args: DaemonArgs, { log }: Context): Promise<CertificateFiles | null> {
  if (args.certificates === defaultCertificates && !existsSync(join(args.certificates, "tls.crt"))) return null;
  const { CertificateFiles, pathsIn } = await import("./certificates/mod.ts");
  const files = await CertificateFiles.open(pathsIn(args.certificates));
  files.onError = (error) => log.error("the old certificate stays in use", { error });
  return files;
}

/**
 * Checks that workers can share the listeners: by SO_REUSEPORT, any process of this user that sets it may listen at the same port, and would take a
 * part of the connections.
 *
 * @throws {MitsuError} `ERR_USAGE` for port 0, `ERR_LISTEN` for one that is taken.
 */
export async function checkShared({ listen, channel, linkAt }: WorkerOptions): Promise<void> {
  for (const { address, port } of [...listen, ...(channel ? [channel.at] : []), ...(linkAt ? [linkAt] : [])]) {
    if (port === 0) throw usage(`${address}:0: several workers cannot share a port that each chooses for itself`, "name a port");
    const probe = createServer();
    await new Promise<void>((resolve, reject) => probe.once("error", reject).listen({ host: address, port }, resolve)).catch(
      (cause: NodeJS.ErrnoException) => {
        const hint = "choose another port, or stop what listens there (ss -tlnp)";
        throw new MitsuError(`cannot listen at ${address}:${port}: ${cause.code}`, { code: "ERR_LISTEN", hint, cause });
      },
    );
    await new Promise((resolve) => probe.close(resolve));
  }
}

function addressOf(flag: string, text: string, defaultPort?: number): SocketAddress {
  const whole = defaultPort !== undefined && !/:\d+$/.test(text.replace(/^\[.*\]$/, "")) ? `${text}:${defaultPort}` : text;
  const { address, port } = parseListenAt(whole);
  if (whole.includes("=")) throw usage(`${flag} ${text}: not address:port`, "such as 0.0.0.0:15008");
  return { address, port };
}

function usage(message: string, hint: string): MitsuError {
  return new MitsuError(message, { code: "ERR_USAGE", exit: exitStatus.usage, hint });
}
