/** `trace-inject` by the kernel's map `services`: which services are traced, how, and what share. @module */
import {
  fullError,
  limitError,
  type Provider,
  type TracedService,
  type TraceInject,
  type TraceInjectSpec,
  type TraceSettings,
  traceFault,
  traceInject,
} from "@mitsu/hal";
import { traceMode } from "../kernel/layout.ts";
import { countersOf, type KernelPath, OneTable } from "./kernel-path.ts";

/** All bits: every trace. */
const whole = 0xffff_ffff;

/**
 * The provider.
 *
 * @param injects False where the self-test found that sockets may not enter the map for it: then exchanges are told, and no header is put in.
 */
export function tracedServices(path: KernelPath, injects: boolean): Provider<TraceInjectSpec, TraceInject, readonly TracedService[]> {
  const { services } = path.kernel.maps;
  const most = services.map.maxEntries - 1;
  const table = new OneTable("traced services");
  const limit = (service: number): string | undefined =>
    service > most ? `service ${service} has no place: the kernel's table has ${most}` : undefined;
  /** The rest of an entry is the mesh's. */
  const write = (service: number, { trace, sampling }: { readonly trace: number; readonly sampling: number }): void => {
    services.set(service, { ...services.get(service)!, trace, sampling });
  };
  return {
    capability: traceInject,
    entries: most,
    limits: { service: most, header: injects ? 1 : 0 },
    // Parsing, injecting and telling of a message, 734 ns, less the redirect in it, 182 ns (FACTS.md, "Kernel path, measured").
    cost: () => ({ ns: 552 }),
    refuses(_spec, state) {
      for (const row of state) {
        const fault = traceFault(row) ?? limit(row.service);
        if (fault !== undefined) return fault;
      }
      return table.refusal;
    },
    open({ entries }, state) {
      const traced = path.adopt && state.length === 0 ? adopted() : new Map<number, TraceSettings>();
      const start: TraceInject["start"] = (service, { propagation, sampling }) => {
        const fault = traceFault({ service, propagation, sampling });
        if (fault !== undefined) throw new RangeError(fault);
        const beyond = limit(service);
        if (beyond !== undefined) throw limitError(beyond);
        if (traced.size >= entries && !traced.has(service)) throw fullError("trace-inject");
        path.kernel.loadTracing();
        write(service, { trace: traceMode[propagation], sampling: Math.round(sampling * whole) });
        traced.set(service, { propagation, sampling });
      };
      const close = (): void => {
        table.free();
        path.used.delete(traceInject.name);
        if (!path.left) for (const service of traced.keys()) write(service, { trace: traceMode.off, sampling: 0 });
      };
      try {
        for (const { service, ...settings } of state) start(service, settings);
      } catch (error) {
        close();
        throw error;
      }
      table.take();
      path.used.set(traceInject.name, () => traced.size);
      return {
        operations: {
          start,
          stop(service) {
            if (!traced.delete(service)) return false;
            write(service, { trace: traceMode.off, sampling: 0 });
            return true;
          },
          traces: (service) => traced.get(service),
        },
        export: () => [...traced].map(([service, settings]) => ({ service, ...settings })),
        close,
      };
    },
    counters: () => countersOf(path, ["requests", "injected", "continued", "not_injected"]),
  };

  /** What an earlier daemon left. */
  function adopted(): Map<number, TraceSettings> {
    const found = new Map<number, TraceSettings>();
    for (const [service, { trace, sampling }] of services.entries())
      if (service !== 0 && trace !== traceMode.off)
        found.set(service, { propagation: trace === traceMode.header ? "header" : "side-band", sampling: sampling / whole });
    return found;
  }
}
