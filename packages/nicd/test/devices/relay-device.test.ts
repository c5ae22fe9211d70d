/** nicd's relay passes the suite that every device passes, and bytes. @module */
import { Placement, relay } from "@mitsu/hal";
import { conformance, relayCase, relayStreams } from "@mitsu/hal/conformance";
import type { ByteStream } from "@mitsu/reactor/byte-stream";
import test from "ava";
import { type LentStream, RelayDevice, type StreamOwner } from "../../src/devices/relay-device.ts";
import { RelayWork } from "../../src/devices/relay-work.ts";

/** What was done to a stream, in order. */
class Recorded implements ByteStream {
  readonly done: string[] = [];
  takes = true;

  write(buffer: Uint8Array, start: number, end: number): boolean {
    this.done.push(`write ${Buffer.from(buffer.subarray(start, end)).toString()}`);
    return this.takes;
  }
  pause(): void {
    this.done.push("pause");
  }
  resume(): void {
    this.done.push("resume");
  }
  end(): void {
    this.done.push("end");
  }
  destroy(): void {
    this.done.push("destroy");
  }
}

const nobody: StreamOwner = { passed() {}, closed() {} };

function deviceWithStreams(): RelayDevice {
  const device = new RelayDevice(100);
  for (let at = 0; at < relayStreams; at++) device.lend(new Recorded(), nobody);
  return device;
}

conformance("nicd's relay", deviceWithStreams, [relayCase]);

const work = { capability: relay, spec: { entries: 2 } } as const;

function joined() {
  const device = new RelayDevice(100);
  const [client, replica] = [new Recorded(), new Recorded()];
  const closed: [Error | null, number][] = [];
  const owner: StreamOwner = { passed() {}, closed: (error, { number }) => void closed.push([error, number]) };
  const ends = [device.lend(client, owner), device.lend(replica, owner)] as const;
  const { operations } = device.install(work);
  operations.join(ends[0].number, ends[1].number);
  return { device, client, replica, ends, operations, closed };
}

const say = (end: LentStream, text: string): void => end.onData(Buffer.from(`..${text}`), 2, 2 + text.length);

test("join() passes bytes both ways, holds a writer up while its reader is slow, and passes an end on", (t) => {
  const { device, client, replica, ends, closed } = joined();
  say(ends[0], "question");
  client.takes = false;
  say(ends[1], "answer");
  ends[0].onDrain();
  ends[0].onEnd();
  ends[1].onClose(null);
  t.deepEqual(replica.done, ["write question", "pause", "resume", "end"]);
  t.deepEqual(client.done, ["write answer"]);
  t.deepEqual(closed, [[null, ends[1].number]]);
  t.deepEqual([ends[0].bytes, ends[1].bytes], [8, 6]);
  t.is(device.used, 1);
  t.like(device.counters(), { "relay.joined": 1, "relay.bytes": 14, "relay.dropped": 0 });
});

test("part() ends that: what comes afterwards is dropped, counted, and the streams are their owner's", (t) => {
  const { device, client, replica, ends, operations } = joined();
  t.true(operations.part(ends[1].number));
  say(ends[0], "late");
  ends[0].onEnd();
  t.deepEqual([client.done, replica.done], [[], []]);
  t.is(device.counters()["relay.dropped"], 4);
  t.is(device.used, 0);
});

test("a stream that was not lent, or was given back, is refused by name", (t) => {
  const { device, ends, operations } = joined();
  const other = device.lend(new Recorded(), nobody);
  t.throws(() => operations.join(other.number, 99), { code: "ERR_HAL_LIMIT", message: "stream 99 was not lent to this device" });
  device.giveBack(other);
  t.throws(() => operations.join(ends[0].number, other.number), { code: "ERR_HAL_LIMIT" });
  t.like(new RelayDevice(100).validate(work, [[1, 2]]), { ok: false, reason: "stream 1 was not lent to it" });
});

test("work that grows beyond what was reserved keeps its pairs, and bytes go on", (t) => {
  const device = new RelayDevice(100);
  const placed = new Placement([device]).place("relays", { capability: relay, spec: { entries: 1 } });
  const streams = Array.from({ length: 6 }, () => new Recorded());
  const ends = streams.map((stream) => device.lend(stream, nobody));
  for (const at of [0, 2, 4]) placed.operations.join(ends[at]!.number, ends[at + 1]!.number);
  t.is(device.counters()["relay.entries"], 4);
  say(ends[0]!, "x");
  t.deepEqual(streams[1]!.done, ["write x"]);
  t.is(placed.operations.peer(ends[5]!.number), ends[4]!.number);
});

test("RelayWork.status() tells where, why, at what cost and how many; nowhere once the worker ends", (t) => {
  const relays = new RelayWork(new RelayDevice(100));
  const [one, other] = [relays.device.lend(new Recorded(), nobody), relays.device.lend(new Recorded(), nobody)];
  relays.operations.join(one.number, other.number);
  const [row] = relays.status().work;
  t.like(row, {
    work: "relayed connections",
    capability: "relay",
    device: "nicd",
    entries: 100,
    used: 1,
    why: "the only one that takes it",
  });
  t.true((row?.cost?.ns ?? 0) > 0);
  relays.leave();
  t.like(relays.status().work[0], { device: undefined, why: "nicd is gone, and nothing else takes it: its state is kept" });
});

test("a device has as many entries as the process may have descriptors", (t) => {
  const [{ entries } = { entries: { most: 0 } }] = new RelayDevice().offers();
  t.true(entries.most >= 256 && entries.most <= 2 ** 24);
});
