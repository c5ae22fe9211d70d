/** A plane that answers with what it gets, for tests of transports. @module */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ExecutionContext } from "ava";
import type { ListenerConfig } from "../../src/config/broker-config.ts";
import { defaultListener } from "../../src/config/defaults.ts";
import type { BoundListener, Peer } from "../../src/data-plane/data-plane.ts";
import { NetPlane, type NetPlaneOptions } from "../../src/data-plane/net-plane.ts";
import { Rig } from "../data-plane/rig.ts";

/** The plane, and what it told. */
export interface EchoPlane {
  readonly rig: Rig;
  readonly plane: NetPlane;
  /** Why connections were refused, so far. */
  readonly refusals: string[];
  /** Resolves when so many have been refused. */
  refused(count: number): Promise<void>;
  /** On loopback, at a port of the kernel's choice. */
  listen(config?: Partial<ListenerConfig>): Promise<BoundListener>;
  /** The peer that was opened last. */
  readonly peer: Peer | undefined;
}

/** Ends with the test. */
export async function echoPlane(t: ExecutionContext, options: NetPlaneOptions = {}): Promise<EchoPlane> {
  const refusals: string[] = [];
  const waits = new Set<() => void>();
  let plane: NetPlane | undefined;
  const rig = await Rig.make((events) => {
    plane = new NetPlane(events, {
      ...options,
      onRefused: (_listener, reason) => {
        refusals.push(reason);
        for (const check of waits) check();
      },
    });
    return plane;
  });
  rig.onEachBytes = (id, bytes) => rig.send(id, Buffer.from(bytes));
  t.teardown(async () => {
    await rig.plane.stop();
    if (rig.faults.length > 0) throw new Error(rig.faults.join("; "));
  });
  return {
    rig,
    plane: plane as NetPlane,
    refusals,
    refused: (count) =>
      new Promise((resolve) => {
        const check = () => {
          if (refusals.length >= count) resolve();
        };
        waits.add(check);
        check();
      }),
    listen: (config = {}) => rig.listen({ ...defaultListener, name: "test", port: 0, ...config }),
    get peer() {
      return rig.peers.get(rig.open.at(-1) ?? -1);
    },
  };
}

/** A folder that goes with the test. */
export async function temporaryFolder(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "mqttnic-transport-"));
  t.teardown(() => rm(folder, { recursive: true }));
  return folder;
}
