import test from "ava";
import { SharedMemories, status } from "../../src/mod.ts";
import { FakeHost } from "./fake-host.ts";
import { Guest } from "./guest.ts";

test("shared data: any number is taken for a new key, later only the last one; an empty value is a value", (t) => {
  const guest = new Guest();
  const cas = guest.word(2);
  const set = (value: string, number: number) => guest.call("proxy_set_shared_data", ...guest.put("k\xff"), ...guest.put(value), number);
  const get = () => {
    const [at, length] = guest.put("k\xff");
    const [pointer, size] = [guest.word(0), guest.word(1)];
    const answer = guest.call("proxy_get_shared_data", at, length, pointer, size, cas);
    if (answer !== status.ok) return answer;
    return Buffer.from(guest.bytes).toString("utf8", guest.u32(pointer), guest.u32(pointer) + guest.u32(size));
  };
  t.is(get(), status.notFound);
  t.is(set("v", 5), status.ok);
  t.is(get(), "v");
  const first = guest.u32(cas);
  t.true(first >= 1);
  t.is(set("w", first + 1), status.casMismatch);
  t.is(set("", first), status.ok);
  t.is(get(), "");
  t.is(guest.u32(cas), first + 1);
  t.is(set("z", 0), status.ok);
  t.is(get(), "z");
  t.is(guest.call("proxy_set_shared_data", -1, 9, ...guest.put("v"), 0), status.invalidMemoryAccess);
});

test("SharedMemories keeps machines apart and within its bounds", (t) => {
  const shared = new SharedMemories({ bytes: 300, keys: 2, queues: 1, depth: 2 }, () => {});
  const [one, other] = [shared.of("one"), shared.of("other")];
  t.is(one.set("a", Buffer.alloc(10), 0), "ok");
  t.is(other.get("a"), undefined);
  t.is(other.set("a", Buffer.alloc(1), 0), "ok");
  t.is(one.set("b", Buffer.alloc(1), 0), "full");
  t.is(one.set("a", Buffer.alloc(200), 0), "full");
  const before = shared.bytes;
  const queue = one.registerQueue("q", () => {});
  t.is(
    other.registerQueue("q", () => {}),
    0,
  );
  t.is(other.resolveQueue("one", "q"), queue);
  t.is(one.enqueue(queue, Buffer.from("1")), "ok");
  t.is(other.enqueue(queue, Buffer.alloc(200)), "full");
  t.deepEqual(other.dequeue(queue), Buffer.from("1"));
  t.is(one.dequeue(queue), "empty");
  t.true(shared.bytes > before, "the queue's name stays");
});

test("SharedMemories gives items in order while its queue is filled and emptied at once", (t) => {
  const shared = new SharedMemories(undefined, () => {}).of("");
  const queue = shared.registerQueue("q", () => {});
  let [put, taken] = [0, 0];
  for (let round = 1; round < 200; round++) {
    for (let count = round % 7; count > 0; count--) shared.enqueue(queue, Uint8Array.of(put++ % 256));
    for (let count = round % 5; count > 0; count--) {
      const item = shared.dequeue(queue);
      if (item === "empty") break;
      t.deepEqual(item, Uint8Array.of(taken++ % 256));
    }
  }
  t.true(taken > 300);
});

test("shared queues: unknown, empty, first in first out, one notice an item, later than the call", (t) => {
  const later: (() => void)[] = [];
  const guest = new Guest({ host: new FakeHost(new SharedMemories(undefined, (task) => later.push(task)).of("")) });
  const id = guest.word(2);
  t.is(guest.call("proxy_resolve_shared_queue", 0, 0, ...guest.put("q"), id), status.notFound);
  t.is(guest.call("proxy_register_shared_queue", ...guest.put("q"), id), status.ok);
  const queue = guest.u32(id);
  t.is(guest.call("proxy_register_shared_queue", ...guest.put("q"), id), status.ok);
  t.is(guest.u32(id), queue);
  t.is(guest.call("proxy_resolve_shared_queue", 0, 0, ...guest.put("q"), id), status.ok);
  t.is(guest.u32(id), queue);
  t.is(guest.call("proxy_resolve_shared_queue", ...guest.put("other"), ...guest.put("q"), id), status.notFound);
  t.is(guest.read("proxy_dequeue_shared_queue", queue), status.empty);
  t.is(guest.read("proxy_dequeue_shared_queue", 99), status.notFound);
  t.is(guest.call("proxy_enqueue_shared_queue", 99, ...guest.put("x")), status.notFound);
  for (const item of ["one", "", "three"]) t.is(guest.call("proxy_enqueue_shared_queue", queue, ...guest.put(item)), status.ok);
  t.deepEqual(guest.delivered, []);
  for (const task of later) task();
  t.deepEqual(guest.delivered, [`queue ${queue}`, `queue ${queue}`, `queue ${queue}`]);
  t.is(guest.call("proxy_dequeue_shared_queue", queue, -1, guest.word(1)), status.invalidMemoryAccess);
  t.deepEqual(
    [1, 2, 3].map(() => guest.read("proxy_dequeue_shared_queue", queue)),
    ["one", "", "three"],
  );
});

test("metrics: counters only go up, gauges anywhere, histograms observe; numbers as Envoy's", (t) => {
  const guest = new Guest();
  const id = guest.word(2);
  const define = (type: number, name: string) => {
    const answer = guest.call("proxy_define_metric", type, ...guest.put(name), id);
    return answer === status.ok ? guest.u32(id) : -answer;
  };
  const get = (number: number) => {
    const answer = guest.call("proxy_get_metric", number, guest.word(3));
    return answer === status.ok ? guest.u64(16 + 24) : answer;
  };
  const [counter, gauge, histogram] = [define(0, "c"), define(1, "g"), define(2, "h")];
  t.deepEqual([counter, gauge, histogram], [4, 5, 6]);
  t.is(define(0, "c"), counter);
  t.is(define(1, "c"), -status.badArgument);
  t.is(define(3, "x"), -status.badArgument);
  t.is(guest.call("proxy_increment_metric", counter, 2n), status.ok);
  t.is(guest.call("proxy_increment_metric", counter, 0n), status.badArgument);
  t.is(guest.call("proxy_increment_metric", counter, -1n), status.badArgument);
  t.is(guest.call("proxy_record_metric", counter, 5n), status.ok);
  t.is(get(counter), 7n);
  t.is(guest.call("proxy_increment_metric", gauge, -1n), status.ok);
  t.is(get(gauge), 2n ** 64n - 1n);
  t.is(guest.call("proxy_record_metric", gauge, 7n), status.ok);
  t.is(get(gauge), 7n);
  t.is(guest.call("proxy_increment_metric", histogram, 1n), status.badArgument);
  t.is(guest.call("proxy_record_metric", histogram, 3n), status.ok);
  t.deepEqual(guest.host.metrics.get("h")?.observed, [3]);
  t.is(get(histogram), status.badArgument);
  for (const name of ["proxy_increment_metric", "proxy_record_metric"]) t.is(guest.call(name, 400, 1n), status.notFound);
  t.is(get(400), status.notFound);
});

test("metrics beyond limits.metrics are an internalFailure", (t) => {
  const guest = new Guest({ limits: { metrics: 1 } });
  t.is(guest.call("proxy_define_metric", 0, ...guest.put("a"), guest.word()), status.ok);
  t.is(guest.call("proxy_define_metric", 0, ...guest.put("b"), guest.word()), status.internalFailure);
  t.is(guest.call("proxy_define_metric", 0, ...guest.put("a"), guest.word()), status.ok);
});
