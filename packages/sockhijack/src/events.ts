/** What the kernel programs report: something to scan, a connect that a policy denied. @module */
import type { Log } from "@mitsu/cli";
import { RingBuffer } from "@mitsu/ebpf-ts";
import type { Kernel } from "./kernel/kernel.ts";
import { type Event, event, eventKind } from "./kernel/layout.ts";
import type { Mesh } from "./mesh/mesh.ts";

/**
 * Reads the event ring; wakes only when the kernel has something to say.
 *
 * @param onConnect A connection is being made: time to look.
 * @param onBind A socket got an address, and may come to listen.
 * @param onOptOut A coupled socket must leave the map: time to look at once.
 */
export function readEvents(
  kernel: Kernel,
  mesh: Mesh,
  log: Log,
  onConnect: () => void,
  onBind: () => void,
  onOptOut: () => void,
): RingBuffer {
  return new RingBuffer(
    kernel.events,
    (view, offset) => {
      const e = event.decode(view, offset);
      if (e.kind === eventKind.connect) onConnect();
      else if (e.kind === eventKind.bind) onBind();
      else if (e.kind === eventKind.optedOut) onOptOut();
      else if (e.kind === eventKind.denied) log.warn("connect denied", denial(e, mesh));
    },
    { keepAlive: true },
  );
}

function denial(e: Event, mesh: Mesh): Readonly<Record<string, unknown>> {
  return {
    from: mesh.ids.services.name(e.from) || "(no service)",
    to: mesh.ids.services.name(e.to),
    port: e.port,
    protocol: e.protocol === 17 ? "udp" : "tcp",
    rule: e.rule === 0 ? "default" : mesh.ruleName(e.rule),
    pid: e.pid,
    program: e.comm,
  };
}
