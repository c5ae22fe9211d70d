import test from "ava";
import { RetainedQueue } from "../../src/bus/retained-queue.ts";

function setting(options: { readonly window?: number; readonly most?: number } = {}) {
  const sent: { readonly key: string; readonly text: string; readonly done: (error?: Error | null) => void }[] = [];
  const givenUp: string[] = [];
  const queue = new RetainedQueue({
    publish(key, bytes, done) {
      sent.push({ key, text: String(bytes), done });
      return () => givenUp.push(key);
    },
    ...options,
  });
  queue.open();
  return { queue, sent, givenUp, offer: (key: string, text = key) => queue.offer(key, Buffer.from(text)) };
}

test("RetainedQueue sends up to a window, the rest as acknowledgements come, and resolves to null", async (t) => {
  const { sent, offer, queue } = setting({ window: 2 });
  const all = ["a", "b", "c"].map((key) => offer(key));
  t.deepEqual(
    sent.map(({ key }) => key),
    ["a", "b"],
  );
  sent[0]!.done();
  t.deepEqual(
    sent.map(({ key }) => key),
    ["a", "b", "c"],
  );
  sent[1]!.done(null);
  sent[2]!.done(new Error("Not authorized"));
  t.deepEqual(await Promise.all(all), [null, null, "the broker refused it: Not authorized"]);
  t.deepEqual([queue.sent, queue.refused, queue.length], [2, 1, 0]);
});

test("RetainedQueue keeps the latest of each key while it waits, and no more keys than the most", async (t) => {
  const { sent, offer, queue } = setting({ window: 1, most: 2 });
  void offer("a");
  const first = offer("b", "1");
  void offer("b", "2");
  void offer("c");
  const fourth = offer("d");
  t.is(await first, "a later one took its place");
  t.is(await fourth, "2 wait for the broker already");
  sent[0]!.done();
  t.is(sent[1]!.text, "2");
  t.deepEqual([queue.replaced, queue.dropped, queue.length], [1, 1, 2]);
});

test("RetainedQueue.close() gives up everything with the reason, takes nothing until open(), and ignores late acknowledgements", async (t) => {
  const { sent, givenUp, offer, queue } = setting({ window: 1 });
  const all = [offer("a"), offer("b")];
  queue.close("gone");
  t.deepEqual(await Promise.all(all), ["gone", "gone"]);
  t.deepEqual(givenUp, ["a"]);
  sent[0]!.done();
  t.is(queue.sent, 0);
  t.is(await offer("c"), "gone");
  queue.open();
  const again = offer("c");
  sent[1]!.done();
  t.is(await again, null);
});
