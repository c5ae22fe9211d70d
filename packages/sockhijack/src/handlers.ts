/** The daemon's methods: each a few lines over mesh, engine and views. @module */
import { decide } from "@mitsu/catalog";
import type { Log } from "@mitsu/cli";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import type { Handlers, SockhijackProtocol } from "@mitsu/ipc";
import type { RecentTraces } from "@mitsu/telemetry";
import type { KernelWork } from "./devices/kernel-work.ts";
import type { Dns } from "./dns.ts";
import type { Engine } from "./engine.ts";
import type { Kernel } from "./kernel/kernel.ts";
import { adoptSockets } from "./mesh/adopted-sockets.ts";
import type { Attachment } from "./mesh/attachment.ts";
import { cgroupOfPid, findCgroup, joinCgroup, makeCgroup } from "./mesh/cgroups.ts";
import type { Mesh } from "./mesh/mesh.ts";
import { meshFeed } from "./mesh-feed.ts";
import { registration } from "./nic-feed.ts";
import { nicDegraded, nicView } from "./nic-view.ts";
import type { TapFeed } from "./tap/tap-feed.ts";
import { flowView, matrixView, numberedReplicas, serviceViews } from "./views.ts";

/** What the methods work on. */
export interface HandlerOptions {
  readonly kernel: Kernel;
  readonly work: KernelWork;
  readonly mesh: Mesh;
  readonly engine: Engine;
  readonly dns: Dns;
  readonly taps: TapFeed;
  readonly traces: RecentTraces;
  /** Mount point of cgroup v2. */
  readonly root: string;
  /** Cgroup below the root for programs started by `run`. */
  readonly cgroup: string;
  readonly domain: string;
  readonly version: string;
  readonly pins: string;
  readonly startedAtMs: number;
  readonly degraded: () => readonly string[];
  readonly metrics: () => Promise<string>;
  readonly stop: (cleanup: boolean) => void;
  /** True once all is being taken away: what joined now would be dropped. */
  readonly stopping: () => boolean;
  readonly log: Log;
}

/** How long a detach waits for programs to read what was redirected to them. */
const releaseMs = 5_000;

/** Brings live sockets of these cgroups back to TCP and takes the hooks off; refuses, and changes nothing more, when bytes stay unread. */
export async function detachAll(
  attachments: readonly Attachment[],
  { mesh, engine, log }: Pick<HandlerOptions, "mesh" | "engine" | "log">,
): Promise<void> {
  const services = new Set(attachments.map(({ service }) => mesh.ids.services.of(service)));
  const left = await engine.release(services, releaseMs);
  if (left > 0) {
    throw new MitsuError(`${left} sockets still hold redirected bytes that their programs have not read`, {
      code: "ERR_DETACH_UNREAD",
      exit: exitStatus.temporary,
      hint: "see which with `sockhijack flows`; let the programs read or end, then detach again",
    });
  }
  for (const { cgroup, folder, service } of attachments) {
    mesh.detach(cgroup);
    log.info("detached", { service, cgroup: folder });
  }
  engine.look("scan");
}

const stoppingOptions = { code: "ERR_DAEMON_STOPPING", exit: exitStatus.temporary, hint: "try again in a moment" } as const;

/** The handlers of sockhijack's protocol. */
export function handlers(options: HandlerOptions): Handlers<SockhijackProtocol> {
  const { kernel, work, mesh, engine, dns, taps, traces, root, log } = options;
  /** A service whose first program cannot be attached is not left behind. */
  const undoing = <T>(service: string, attach: () => T): T => {
    try {
      if (options.stopping()) throw new MitsuError("the daemon is ending", stoppingOptions);
      return attach();
    } catch (error) {
      mesh.forgetUnused(service);
      throw error;
    }
  };
  return {
    status: () => {
      const flows = engine.look();
      return {
        version: options.version,
        pid: process.pid,
        startedAtMs: options.startedAtMs,
        degraded: [...options.degraded(), ...dns.degraded, ...nicDegraded(mesh)],
        mesh: mesh.catalog.mesh,
        services: mesh.catalog.services.length,
        cgroups: mesh.attachments.length,
        flows: flows.length,
        redirectedFlows: flows.filter(({ state }) => state === "redirected").length,
        counters: Object.fromEntries(Object.entries(kernel.counters()).map(([name, value]) => [name, Number(value)])),
        scans: engine.counts.scans,
        scanMeanUs: engine.counts.meanUs,
        dns: { ...dns.counters },
        pins: options.pins,
        nic: nicView(mesh, kernel),
        placement: work.status(),
      };
    },
    flows: ({ service }) => {
      const flows = engine.look().map((flow) => flowView(flow, mesh, kernel));
      return { flows: service === undefined ? flows : flows.filter((f) => f.client.service === service || f.server.service === service) };
    },
    services: () => ({ services: serviceViews(mesh, kernel, options.domain) }),
    matrix: () => ({ cells: matrixView(engine.look(), mesh, kernel) }),
    join: async ({ service, ports, redirect, tracing, pid }) => {
      mesh.ensureService({ name: service, ports, redirect, tracing });
      const folder = undoing(service, () => {
        const made = makeCgroup(root, `${options.cgroup}/${service}`);
        mesh.attach(made, service, { made: true });
        joinCgroup(made, pid);
        return made;
      });
      engine.look("scan");
      await dns.follow();
      engine.kick(true);
      log.info("joined", { service, pid, cgroup: folder });
      return { cgroup: folder };
    },
    attach: async ({ target, service, ports, redirect, tracing }) => {
      const begin = performance.now();
      const found = findCgroup(root, target);
      mesh.ensureService({ name: service, ports, redirect, tracing });
      const pids = /^(?:pid:)?(\d+)$/.exec(target);
      const folder = undoing(service, () => {
        const to = found ?? moveAside(target, service, options);
        mesh.attach(to, service, { made: found === undefined });
        return to;
      });
      if (found === undefined && pids) adoptSockets(kernel, Number(pids[1]), mesh.ids.services.of(service));
      engine.look("scan");
      const tookMs = performance.now() - begin;
      await dns.follow();
      engine.kick(true);
      log.info("attached", { service, cgroup: folder, tookMs: Math.round(tookMs) });
      return { cgroup: folder, tookMs };
    },
    detach: async ({ target }) => {
      const begin = performance.now();
      const named = mesh.attachments.filter(({ service }) => service === target);
      const folder = named.length > 0 ? undefined : findCgroup(root, target);
      const wanted = named.length > 0 ? named : mesh.attachments.filter((a) => a.folder === folder);
      if (wanted.length === 0) {
        throw new MitsuError(`${target} is not attached`, {
          code: "ERR_NOT_ATTACHED",
          exit: exitStatus.data,
          hint: "see what is: sockhijack services",
        });
      }
      await detachAll(wanted, options);
      await dns.follow();
      return { cgroups: wanted.map((a) => a.folder), tookMs: performance.now() - begin };
    },
    policyCheck: ({ from, to, port }) => {
      if (!mesh.catalog.services.some(({ name }) => name === to)) {
        throw new MitsuError(`no service ${JSON.stringify(to)}`, {
          code: "ERR_SERVICE_UNKNOWN",
          exit: exitStatus.data,
          hint: "see what there is: sockhijack services",
        });
      }
      return decide(mesh.catalog, from === "" ? undefined : from, to, port);
    },
    metrics: async () => ({ text: await options.metrics() }),
    stop: ({ cleanup }) => {
      options.stop(cleanup);
      return {};
    },
    tap: ({ service }, { signal }) => taps.of(service, signal),
    traces: (request) => traces.traces(request),
    exchanges: (_nothing, { signal }) => traces.follow(signal),
    nic: (request, { peer, signal }) => registration(mesh, request, peer.pid, signal),
    replicas: (_nothing, { signal }) => meshFeed(mesh, signal, () => ({ pins: options.pins, replicas: numberedReplicas(mesh) })),
  };
}

/** A process in the root cgroup shares it with everything else: it gets a cgroup of its own. */
function moveAside(target: string, service: string, { root, cgroup }: HandlerOptions): string {
  const pid = Number(target.replace(/^pid:/, ""));
  const folder = makeCgroup(root, `${cgroup}/${service}`);
  if (cgroupOfPid(root, pid) !== folder) joinCgroup(folder, pid);
  return folder;
}
