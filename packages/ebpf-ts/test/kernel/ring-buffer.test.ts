import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { BpfObject, bytes, RingBuffer, struct, u16be, u32, u64 } from "../../src/mod.ts";
import { testObject } from "../compile-bpf.ts";
import { kernelTest } from "../kernel-test.ts";

const event = struct({ sequence: u64, cpu: u32, port: u16be, address: bytes(6) });

/** Makes the kernel write `count` records, of which it discards one in 8; returns how many found room. */
function emit(object: BpfObject, count: number): number {
  const context = new Uint8Array(192);
  new DataView(context.buffer).setUint32(8, count, true);
  return object.program("emit").testRun(new Uint8Array(64), context).retval;
}

kernelTest("RingBuffer delivers 100000 records in order, woken by the kernel, without the discarded ones", async (t) => {
  using object = BpfObject.open(testObject("everything")).load();
  const { promise, resolve } = Promise.withResolvers<void>();
  let delivered = 0;
  let next = 0n;
  let wrong = 0;
  let written = 0;
  const write = (): void => {
    if (written < 120_000) written += emit(object, 20_000);
  };
  const ring = new RingBuffer(
    object.map("events"),
    (view, offset, length) => {
      if (next % 8n === 7n) next++;
      const record = event.decode(view, offset);
      if (record.sequence !== next++ || record.port !== 8080 || record.address.join() !== "7,7,7,7,7,7" || length !== event.size) wrong++;
      // The ring holds fewer than all: write on when what was written has been read.
      if (++delivered === 105_000) resolve();
      else if (Number(next) >= written - 1) setImmediate(write);
    },
    { keepAlive: true },
  );
  t.teardown(() => ring.close());
  write();
  await promise;
  t.is(wrong, 0);
  t.is(written, 120_000);
  t.is(ring.drain(), 0);
});

kernelTest("drain() delivers what is there at once, and leaves records that come later to the next call", (t) => {
  using object = BpfObject.open(testObject("everything")).load();
  const sequences: bigint[] = [];
  using ring = new RingBuffer(object.map("events"), (view, offset) => sequences.push(u64.decode(view, offset)));
  emit(object, 3);
  t.is(ring.drain(), 3);
  t.is(ring.drain(), 0);
  emit(object, 2);
  t.is(ring.drain(), 2);
  t.deepEqual(sequences, [0n, 1n, 2n, 3n, 4n]);
});

kernelTest("a ring that filled up takes records again once it was drained", (t) => {
  using object = BpfObject.open(testObject("everything")).load();
  let delivered = 0;
  using ring = new RingBuffer(object.map("events"), () => delivered++);
  const room = emit(object, 1_000_000);
  t.true(room > 30_000 && room < 1_000_000);
  t.true(emit(object, 10) <= 1);
  t.true(ring.drain() >= room - 1);
  t.is(emit(object, 10), 10);
  t.is(ring.drain(), 10);
});

kernelTest("a handler that throws loses its record only, one that closes the ring ends it", (t) => {
  using object = BpfObject.open(testObject("everything")).load();
  const seen: bigint[] = [];
  const ring = new RingBuffer(object.map("events"), (view, offset) => {
    seen.push(u64.decode(view, offset));
    if (seen.length === 2) throw new Error("record 1");
    if (seen.length === 3) ring.close();
  });
  emit(object, 5);
  t.throws(() => ring.drain(), { message: "record 1" });
  ring.drain();
  t.is(ring.drain(), 0);
  t.deepEqual(seen, [0n, 1n, 2n]);
});

kernelTest("a handler may close the ring while the event loop runs it", async (t) => {
  using object = BpfObject.open(testObject("everything")).load();
  let delivered = 0;
  await new Promise<void>((resolve) => {
    const close = (): void => {
      delivered++;
      ring.close();
      resolve();
    };
    const ring = new RingBuffer(object.map("events"), close, { keepAlive: true });
    emit(object, 5);
  });
  t.is(delivered, 1);
});

kernelTest("a handler that throws in the event loop is an ordinary uncaught exception", (t) => {
  testObject("everything");
  const script = fileURLToPath(new URL("../throwing-ring.ts", import.meta.url));
  t.is(execFileSync(process.execPath, [script], { encoding: "utf8" }), "record 0, 5 delivered\n");
});

kernelTest("RingBuffer refuses a map of another type", (t) => {
  using object = BpfObject.open(testObject("everything")).load();
  t.throws(() => new RingBuffer(object.map("table"), () => {}), { instanceOf: TypeError, message: /table is a hash/ });
});

kernelTest("RingBuffer does not keep the process alive", async (t) => {
  testObject("everything");
  const child = spawn(process.execPath, [fileURLToPath(new URL("../idle-ring.ts", import.meta.url))], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  t.deepEqual(await once(child, "exit"), [0, null]);
});
