import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLog, testEnv } from "@mitsu/cli";
import { type NicRequest, type NicState, type Server, type SockhijackStatus, serve, sockhijack } from "@mitsu/ipc";
import test, { type ExecutionContext } from "ava";
import { HostChannel, type HostChannelEffects, type SentCaller } from "../../src/host-channel/mod.ts";

const replica = { service: "web", port: 80, address: "127.0.0.1", target: 8080, weight: 1, up: true, here: true };
const fine: NicState = { active: true, service: "nicd", replicas: [replica] };
const caller: SentCaller = { service: "shop", asked: { service: "web", address: "198.18.0.9", port: 80 } };

const status: SockhijackStatus = {
  version: "0.1.0",
  pid: 1,
  startedAtMs: 0,
  degraded: [],
  mesh: "",
  services: 0,
  cgroups: 0,
  flows: 0,
  redirectedFlows: 0,
  counters: {},
  scans: 0,
  scanMeanUs: 0,
  dns: {},
  pins: "/pins",
  nic: null,
};

/** What of sockhijack the channel talks to: its requests are kept, and it says what the test tells it to. */
async function daemon(
  path: string,
  pins = "/pins",
): Promise<{ readonly server: Server; readonly asked: NicRequest[]; readonly say: (state: NicState | undefined) => void }> {
  const asked: NicRequest[] = [];
  const queue: (NicState | undefined)[] = [fine];
  let wake = Promise.withResolvers<void>();
  const server = await serve({
    listen: { path },
    daemon: "sockhijack",
    version: "0.1.0",
    protocol: { status: sockhijack.status, nic: sockhijack.nic },
    log: createLog(testEnv()),
    handlers: {
      status: () => ({ ...status, pins }),
      async *nic(request, { signal }) {
        asked.push(request);
        signal.addEventListener("abort", () => wake.resolve());
        while (!signal.aborted) {
          if (queue.length > 0) {
            const next = queue.shift();
            if (!next) return;
            yield next;
          } else {
            wake = Promise.withResolvers();
            await wake.promise;
          }
        }
      },
    },
  });
  return {
    server,
    asked,
    say(state) {
      queue.push(state);
      wake.resolve();
    },
  };
}

/** A channel whose pauses last until the test ends them, and whose maps know one caller. */
function world(t: ExecutionContext) {
  const folder = mkdtempSync(join(tmpdir(), "nicd-channel-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const opened: string[] = [];
  const closed: string[] = [];
  let resume = (): void => {};
  let paused = Promise.withResolvers<void>();
  const effects: HostChannelEffects = {
    openCallers(pins) {
      if (pins === "/broken") throw new RangeError("another version");
      opened.push(pins);
      return { of: (_local, port) => (port === 15_001 ? caller : null), close: () => closed.push(pins) };
    },
    pause: (_ms, signal) =>
      new Promise((resolve) => {
        resume = resolve;
        signal.addEventListener("abort", () => resolve());
        paused.resolve();
      }),
  };
  const socket = join(folder, "sockhijack.sock");
  /** Waits until the channel waits before its next try, then lets it try. */
  const retry = async (): Promise<void> => {
    await paused.promise;
    paused = Promise.withResolvers();
    resume();
  };
  let changed = Promise.withResolvers<void>();
  const open = (): Promise<HostChannel> =>
    HostChannel.open({ socket, port: 15_001, addresses: ["::"], onChange: () => changed.resolve() }, effects);
  const change = async (): Promise<void> => {
    await changed.promise;
    changed = Promise.withResolvers();
  };
  return { socket, opened, closed, open, retry, change, pausing: () => paused.promise };
}

const callerOf = (channel: HostChannel): SentCaller | null => channel.callerOf("127.0.0.1", 15_001, "127.0.0.1", 40_000);

test("HostChannel.open() registers port and addresses, has opened the maps before, and knows callers and replicas", async (t) => {
  const { socket, open, opened, closed } = world(t);
  const { server, asked } = await daemon(socket);
  const channel = await open();
  t.deepEqual(asked, [{ port: 15_001, addresses: ["::"] }]);
  t.deepEqual(opened, ["/pins"]);
  t.is(channel.pins, "/pins");
  t.is(channel.degraded, null);
  t.deepEqual(channel.replicas, [replica]);
  t.deepEqual(callerOf(channel), caller);
  t.is(channel.callerOf("127.0.0.1", 8080, "127.0.0.1", 40_000), null);
  await channel.close();
  t.deepEqual(closed, ["/pins"]);
  t.is(callerOf(channel), null);
  await server.close();
});

test("HostChannel.open() without a sockhijack settles, says why it is degraded, and finds one that comes", async (t) => {
  const { socket, open, retry, change } = world(t);
  const channel = await open();
  t.regex(channel.degraded ?? "", /sockhijack/);
  t.is(callerOf(channel), null);
  t.deepEqual(channel.replicas, []);
  await change();
  const { server } = await daemon(socket);
  await retry();
  await change();
  t.is(channel.degraded, null);
  t.deepEqual(callerOf(channel), caller);
  await channel.close();
  await server.close();
});

test("HostChannel goes on knowing callers while sockhijack is away, and takes up the maps of the next one", async (t) => {
  const { socket, open, retry, change, opened, closed } = world(t);
  const first = await daemon(socket);
  const channel = await open();
  await change();
  await first.server.close();
  await change();
  t.regex(channel.degraded ?? "", /connection/);
  t.deepEqual(callerOf(channel), caller, "what it has sent is still known");
  t.deepEqual(channel.replicas, [replica]);
  const second = await daemon(socket, "/others");
  await retry();
  await change();
  t.is(channel.degraded, null);
  t.deepEqual([opened, closed], [["/pins", "/others"], ["/pins"]]);
  t.is(second.asked.length, 1);
  await channel.close();
  await second.server.close();
});

test("HostChannel whose maps cannot be opened does not register: nobody's connections come to a nicd that cannot tell them apart", async (t) => {
  const { socket, open } = world(t);
  const { server, asked } = await daemon(socket, "/broken");
  const channel = await open();
  t.regex(channel.degraded ?? "", /another version/);
  t.deepEqual(asked, []);
  await channel.close();
  await server.close();
});

test("HostChannel.degraded tells of another nicd and of a missing service; replicas follow", async (t) => {
  const { socket, open, change } = world(t);
  const { server, say } = await daemon(socket);
  const channel = await open();
  await change();
  say({ ...fine, active: false });
  await change();
  t.regex(channel.degraded ?? "", /another nicd/);
  say({ ...fine, service: "", replicas: [] });
  await change();
  t.regex(channel.degraded ?? "", /belongs to no service/);
  t.deepEqual(channel.replicas, []);
  say(fine);
  await change();
  t.is(channel.degraded, null);
  await channel.close();
  await server.close();
});

test("HostChannel registers again when sockhijack ends the registration", async (t) => {
  const { socket, open, change, retry } = world(t);
  const { server, say, asked } = await daemon(socket);
  const channel = await open();
  await change();
  say(undefined);
  await change();
  t.regex(channel.degraded ?? "", /ended the registration/);
  say(fine);
  await retry();
  await change();
  t.is(channel.degraded, null);
  t.is(asked.length, 2);
  await channel.close();
  await server.close();
});

test("HostChannel.close() ends one that waits for its next try", async (t) => {
  const { open, pausing } = world(t);
  const channel = await open();
  await pausing();
  await channel.close();
  t.is(callerOf(channel), null);
});
