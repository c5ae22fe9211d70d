/** The daemon, as a sentence: check, configure, load, attach, listen, ready; and back. @module */
import { createHash } from "node:crypto";
import { existsSync, rmSync } from "node:fs";
import { setPriority } from "node:os";
import { loadCatalog, watchCatalog } from "@mitsu/catalog";
import { type Context, createMetrics, type Life, runDaemon, serveMetrics } from "@mitsu/cli";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import { cgroup2Path, defaultBpffs, ensureBpffs, hasCapability, requireFeatures } from "@mitsu/ebpf-ts";
import { serve, sockhijack } from "@mitsu/ipc";
import { OtlpExporter, openMetricsType, RecentTraces, RedMetrics, RouteNames } from "@mitsu/telemetry";
import { asset } from "./assets.ts";
import { SlotPool } from "./coupling/slot-pool.ts";
import { KernelDevice } from "./devices/kernel-device.ts";
import { KernelWork } from "./devices/kernel-work.ts";
import { Dns } from "./dns.ts";
import { Engine } from "./engine.ts";
import { readEvents } from "./events.ts";
import { detachAll, handlers } from "./handlers.ts";
import { Kernel } from "./kernel/kernel.ts";
import { loadState, type SavedState, saveState } from "./mesh/attachment.ts";
import { isPopulated, removeCgroup } from "./mesh/cgroups.ts";
import { emptyCatalog } from "./mesh/effective-catalog.ts";
import { Mesh } from "./mesh/mesh.ts";
import { loadRules, Rules } from "./mesh/rules.ts";
import { SplicingPrograms } from "./mesh/splicing-programs.ts";
import { exposeMetrics } from "./metrics.ts";
import { placesOf } from "./places.ts";
import { judgeKernel } from "./selftest/verdict.ts";
import { TapFeed } from "./tap/tap-feed.ts";
import { ExchangeFeed } from "./tracing/exchange-feed.ts";
import { cutFrom } from "./tracing/exchange-reader.ts";
import { LeftConnections } from "./tracing/left-connections.ts";
import { trimWhenCalm } from "./trim-memory.ts";

/** Arguments of `sockhijack daemon`. */
export interface DaemonArgs {
  readonly ephemeral: boolean;
  readonly metrics: string | undefined;
  readonly otlp: string | undefined;
  readonly otlpRate: number;
  readonly pins: string | undefined;
  readonly state: string | undefined;
  readonly domain: string;
  readonly rules: string | undefined;
  readonly selftest: "auto" | "off";
}

/** How often cgroups are looked at for programs that ended and for units that started. */
const houseKeepingMs = 500;
/** How long the end of the daemon may wait for a receiver of spans. */
const closeExporterMs = 2_000;
/** Between sweeps for traced connections whose end went unseen. */
const sweepMs = 60_000;
/** How long a daemon that was started for a program waits for it; the program may have failed to join. */
const unusedMs = 10_000;

/** Read when it is there; any other file is an error when it is not. */
const defaultConfig = "/etc/mitsu/mesh.yaml";

/** Says that rights are missing, rather than that the kernel lacks what may not be probed without them. */
function requireRights(): void {
  const missing = (["CAP_BPF", "CAP_NET_ADMIN", "CAP_SYS_ADMIN"] as const).filter((capability) => !hasCapability(capability));
  if (missing.length === 0) return;
  throw new MitsuError(`cannot load kernel programs: this process lacks ${missing.join(", ")}`, {
    code: "ERR_BPF_RIGHTS",
    exit: exitStatus.rights,
    hint: "run it as root, or give it these capabilities",
  });
}

/** `sockhijack daemon`. */
export async function run(args: DaemonArgs, context: Context): Promise<number> {
  const { env, log, socket } = context;
  let cleanup = false;
  const places = placesOf(socket, args);
  requireRights();
  requireFeatures(["btf", "cgroup2", "ringbuf", "sockhash", "iterTcp", "capBpf", "capNetAdmin", "capSysAdmin"]);
  ensureBpffs(defaultBpffs, { mount: true });
  const root = cgroup2Path()!;
  const configured = context.config !== defaultConfig || existsSync(context.config); // one that was named must be there
  const catalog = configured ? await loadCatalog(context.config) : emptyCatalog;
  const readRules = async (): Promise<Rules> => {
    if (args.rules === undefined) return Rules.none;
    const read = await loadRules(args.rules);
    const unknown = read.unknown(catalog);
    if (unknown.length > 0) log.warn("rules name services that the mesh does not have yet", { services: unknown.slice(0, 10).join(", ") });
    return read;
  };
  const rules = await readRules();

  return await runDaemon({ env, log, socket }, async (life: Life) => {
    const verdict = await judgeKernel(log, { state: places.state, mode: args.selftest });
    const degraded: string[] = [...verdict.broken];
    const object = asset("sockhijack.bpf.o");
    const hash = createHash("sha256").update(object).digest("hex");
    const kernel = Kernel.open({
      object,
      pins: places.pins,
      promote: verdict.promote,
      unread: verdict.unread ? "whole" : "wait",
      inject: verdict.usable,
    });
    let started = false;
    let released = false;
    // All of it before the lock goes, which is closed last: the next daemon must find everything or nothing.
    life.defer("kernel handles", () => {
      kernel.close();
      if (released || (!started && !kernel.takenOver)) kernel.remove();
      if (released) rmSync(places.state, { recursive: true, force: true });
    });
    const saved = kernel.takenOver ? loadState(places.state) : undefined;
    if (kernel.takenOver && !saved)
      log.warn("pinned state without its names: services get new numbers", { pins: places.pins, state: places.state });
    const now = (): number => performance.now();
    const slots = new SlotPool(kernel.maps.pairs.map.maxEntries);
    const broken = verdict.usable ? undefined : verdict.broken.join(" ");
    const device = new KernelDevice({
      kernel,
      slots,
      look: () => mesh.namespaces.all.flatMap(({ fd }) => kernel.scan(fd)),
      adopt: kernel.takenOver,
      broken,
      injects: verdict.usable,
    });
    const work = new KernelWork(device, log);
    const onChange = (state: SavedState): void => saveState(places.state, state);
    const mesh: Mesh = new Mesh({ kernel, work, catalog, rules, root, saved, object: hash, log, now, onChange });
    life.defer("namespaces", () => mesh.namespaces.close());
    let follow = (): void => {};
    const engine = new Engine({
      kernel,
      mesh,
      slots,
      splicing: new SplicingPrograms(now),
      usable: verdict.usable,
      log,
      now,
      onScan: () => follow(),
    });
    life.defer("engine", () => {
      engine.close();
      work.leave();
    });
    mesh.attachDeclared();
    const renew = saved?.object !== hash;
    if (kernel.takenOver)
      log.info("took over from an earlier daemon", { sockets: engine.takeOver(renew), programs: renew ? "renewed" : "same" });
    else engine.look("scan");
    const dns = new Dns({ kernel, mesh, domain: args.domain, port: places.dnsPort, log });
    life.defer("resolvers", () => dns.close());
    await dns.follow();
    let inhabited = mesh.inhabited.join();
    follow = () => {
      if (inhabited === mesh.inhabited.join()) return;
      inhabited = mesh.inhabited.join();
      dns.follow().catch((error: unknown) => log.warn("cannot follow a namespace with a resolver", { error }));
    };
    const events = readEvents(
      kernel,
      mesh,
      log,
      () => engine.kick(false),
      () => engine.kick(true),
      () => engine.hurry(),
    );
    life.defer("events", () => events.close());
    const taps = new TapFeed(kernel, mesh, engine);
    life.defer("taps", () => taps.close());
    const exchanges = new ExchangeFeed(kernel, (id) => mesh.ids.services.name(id));
    life.defer("exchanges", () => exchanges.close());
    const traces = new RecentTraces(exchanges);
    const left = new LeftConnections(kernel.maps.connections);
    const sweeping = setInterval(() => left.sweep(engine.flows), sweepMs).unref();
    life.defer("sweeping", () => clearInterval(sweeping));

    const otlp = await openExporter(args.otlp, {
      spansPerSecond: args.otlpRate,
      vars: env.vars,
      version: context.program.version,
      exchanges,
      log,
    });
    if (otlp) life.defer("span exporter", () => otlp.close(closeExporterMs));
    const red = new RedMetrics();
    exchanges.to((exchange) => red.add(exchange));
    const own = await createMetrics("sockhijack");
    exposeMetrics(own, { kernel, mesh, engine, dns, exchanges, otlp });
    const metrics = { ...own, text: async () => (await own.text()) + red.text(false) };
    if (args.metrics !== undefined) {
      const pages = { "/metrics/requests": { contentType: openMetricsType, text: () => red.text(true) } };
      const server = await serveMetrics({ listen: args.metrics, metrics, log, pages });
      life.defer("metrics listener", () => server.close());
    }
    const stop = (clean: boolean): void => {
      cleanup ||= clean;
      setImmediate(() => process.kill(process.pid, "SIGTERM"));
    };
    const reload = async (): Promise<void> => {
      mesh.setRules(await readRules());
      engine.kick(true);
      if (!existsSync(context.config)) return;
      mesh.reload(await loadCatalog(context.config));
      engine.kick(true);
    };
    life.onReload(reload);
    if (configured) {
      const watch = await watchCatalog(
        context.config,
        (next) => {
          mesh.reload(next);
          engine.kick(true);
        },
        (error) => log.error("mesh.yaml is wrong; the old one stays", { error }),
      );
      life.defer("catalog watch", () => watch.close());
    }
    life.defer("cleanup", async () => {
      if (!cleanup) return;
      const attachments = mesh.attachments;
      await detachAll(attachments, { mesh, engine, log });
      for (const { folder, made } of attachments) if (made) removeCgroup(root, folder);
      released = true;
    });
    const listen = life.listenFds[0] ? { fd: life.listenFds[0].fd } : { path: socket };
    const server = await serve({
      listen,
      daemon: "sockhijack",
      version: context.program.version,
      protocol: sockhijack,
      log,
      handlers: handlers({
        kernel,
        work,
        mesh,
        engine,
        dns,
        taps,
        traces,
        root,
        cgroup: places.cgroup,
        domain: args.domain,
        version: context.program.version,
        pins: places.pins,
        startedAtMs: env.now(),
        degraded: () => (otlp?.lastError === undefined ? degraded : [...degraded, `spans are not exported: ${otlp.lastError}`]),
        metrics: () => metrics.text(),
        stop,
        stopping: () => cleanup,
        log,
      }),
    });
    life.defer("control socket", () => server.close());
    life.defer("nicd", () => mesh.nics.freeze());
    keepHouse({ life, mesh, engine, root, log, onEmpty: args.ephemeral ? () => stop(true) : undefined });
    engine.kick(true);
    goFirst(log);
    life.defer(
      "memory trimming",
      trimWhenCalm(() => engine.counts.scans),
    );
    started = true;
    life.status(`${mesh.attachments.length} cgroups, ${mesh.catalog.services.length} services`);
  });
}

/** Exports spans when somebody said where to; `OTEL_EXPORTER_OTLP_…` of the environment counts too. */
async function openExporter(
  endpoint: string | undefined,
  {
    spansPerSecond,
    vars,
    version,
    exchanges,
    log,
  }: Pick<Context["env"], "vars"> & { spansPerSecond: number; version: string; exchanges: ExchangeFeed; log: Context["log"] },
): Promise<OtlpExporter | undefined> {
  const to = endpoint ?? vars.OTEL_EXPORTER_OTLP_ENDPOINT;
  if (to === undefined || to === "") return undefined;
  const headers = vars.OTEL_EXPORTER_OTLP_HEADERS;
  const gzip = vars.OTEL_EXPORTER_OTLP_COMPRESSION === "gzip";
  const exporter = await OtlpExporter.open({
    daemon: "sockhijack",
    endpoint: to,
    spansPerSecond,
    version,
    gzip,
    routes: new RouteNames({ cutFrom }),
    ...(headers === undefined ? {} : { headers }),
  });
  exchanges.to((exchange) => exporter.add(exchange));
  log.info("exporting spans", { to });
  return exporter;
}

interface House {
  readonly life: Life;
  readonly mesh: Mesh;
  readonly engine: Engine;
  readonly root: string;
  readonly log: Context["log"];
  /** Called when the last program started by `run` has ended. */
  readonly onEmpty: (() => void) | undefined;
}

/** Takes away what `run` made once its programs have ended. */
function keepHouse({ life, mesh, engine, root, log, onEmpty }: House): void {
  let hadSome = false;
  const idleUntilMs = performance.now() + unusedMs;
  const timer = setInterval(() => {
    hadSome ||= mesh.attachments.length > 0;
    const ended = mesh.attachments.filter(({ made, folder }) => made && !isPopulated(folder));
    for (const { cgroup, folder, service } of [...ended, ...mesh.vanished()]) {
      mesh.detach(cgroup);
      removeCgroup(root, folder);
      log.info("ended", { service, cgroup: folder });
      engine.kick(true);
    }
    if (mesh.nics.expire(performance.now(), (pid) => existsSync(`/proc/${pid}`))) mesh.refresh();
    if (mesh.attachments.length === 0 && (hadSome || performance.now() > idleUntilMs)) onEmpty?.();
  }, houseKeepingMs);
  timer.unref();
  life.defer("housekeeping", () => clearInterval(timer));
}

/** On a busy machine a late look costs programs more than the daemon's bounded share of a core; without the right to it, all still works. */
function goFirst(log: Context["log"]): void {
  try {
    setPriority(-10);
  } catch (error) {
    log.debug("cannot raise my priority; connections may take longer to be coupled on a busy machine", { error });
  }
}
