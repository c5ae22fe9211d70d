import test, { type ExecutionContext } from "ava";
import { Publisher } from "../../src/bus/publisher.ts";
import { Ticker } from "../../src/bus/ticker.ts";
import { stateOf } from "./state-fixture.ts";

function setting(t: ExecutionContext) {
  const state = stateOf("a", 2);
  const sentAtMs: number[] = [];
  const publisher = new Publisher(state, { room: () => "open", send: () => void sentAtMs.push(performance.now()) }, { snapshotMs: 1e9 });
  let look = (): void => {};
  const until = (holds: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      look = () => holds() && resolve();
    });
  const hooks = { sample: (_nowMs: number): void => {} };
  const ticker = new Ticker({
    publisher,
    now: () => performance.now(),
    sample(nowMs) {
      hooks.sample(nowMs);
      look();
    },
  });
  t.teardown(() => ticker[Symbol.dispose]());
  return { state, publisher, ticker, sentAtMs, until, hooks };
}

test("Ticker ticks a tenth as often once nothing changes, and as before when something does", async (t) => {
  const { state, publisher, ticker, until, hooks } = setting(t);
  await until(() => publisher.intervalMs === 100);
  const before = ticker.ticks;
  const startMs = performance.now();
  await until(() => performance.now() - startMs > 150);
  const idle = ticker.ticks - before;
  t.true(idle <= 16, `${idle} ticks in 150 ms`);
  hooks.sample = () => {
    state.replicas.inFlight[0] = ticker.ticks % 2;
  };
  const then = publisher.sent;
  await until(() => publisher.sent > then + 20);
  t.is(publisher.intervalMs, 1);
});

test("Ticker.poke() sends a change at once, not with the next tick", async (t) => {
  const { state, publisher, ticker, until } = setting(t);
  await until(() => publisher.intervalMs === 100);
  state.replicas.inFlight[0] = 5;
  const before = publisher.sent;
  ticker.poke();
  t.is(publisher.sent, before + 1);
});

test("Ticker.poke() right behind a message sends with the next tick of fastMs, not of idleMs", async (t) => {
  const state = stateOf("a", 2);
  let sent = (): void => {};
  const publisher = new Publisher(state, { room: () => "open", send: () => sent() }, { slowMs: 40, snapshotMs: 1e9 });
  using ticker = new Ticker({ publisher, now: () => performance.now(), sample: () => {} });
  const message = (holds: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      sent = () => holds() && resolve();
    });
  let leastMs = Number.POSITIVE_INFINITY;
  // A slow machine may be late; the idle tick would be 10 ms late every time.
  for (let times = 0; times < 6; times++) {
    await message(() => publisher.intervalMs === 40);
    state.replicas.flags[0] = times % 2 ? 0 : 4;
    const startMs = performance.now();
    ticker.poke();
    await message(() => true);
    leastMs = Math.min(leastMs, performance.now() - startMs);
  }
  t.log(`${leastMs.toFixed(2)} ms`);
  t.true(leastMs > 0.5 && leastMs < 6);
});

test("Ticker takes a storm of pokes for one in fastMs", async (t) => {
  const { publisher, ticker, until } = setting(t);
  await until(() => publisher.intervalMs === 100);
  const { ticks } = ticker;
  const startMs = performance.now();
  let pokes = 0;
  for (; performance.now() - startMs < 20; pokes++) ticker.poke();
  t.true(pokes > 100);
  t.true(ticker.ticks - ticks <= 21, `${ticker.ticks - ticks} ticks`);
});

test("Ticker ends when it is disposed", async (t) => {
  const { ticker, until } = setting(t);
  await until(() => ticker.ticks > 2);
  ticker[Symbol.dispose]();
  const { ticks } = ticker;
  await new Promise((resolve) => setTimeout(resolve, 30));
  t.is(ticker.ticks, ticks);
});
