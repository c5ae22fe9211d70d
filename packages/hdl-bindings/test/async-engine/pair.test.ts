import test from "ava";
import { AsyncPair } from "../../src/twins/async-engine-pair.ts";
import { transfer } from "../../src/twins/async-engine-transfer.ts";
import { draws } from "./draws.ts";

const messages = 2000;

test("transfer() takes at most 4.2 cycles a message of 4 beats at latency 50 and depth 64, and a 20th of blocking", (t) => {
  const cycles = transfer(new AsyncPair(), { messages, latency: 50, depth: 64 }) / messages;
  const blocking = transfer(new AsyncPair(), { messages: 200, latency: 50, depth: 64, blocking: true }) / 200;
  t.true(cycles <= 4.2, `${cycles} cycles`);
  t.true(cycles >= 4, "a link of one word a cycle cannot be faster");
  t.true(blocking / cycles >= 20, `${blocking} against ${cycles}`);
});

test("transfer() is bound by the credits' round trip when few are there, else by the link", (t) => {
  for (const latency of [5, 50, 200]) {
    const once = transfer(new AsyncPair(), { messages: 100, latency, depth: 1 }) / 100;
    for (const depth of [2, 8, 32]) {
      const cycles = transfer(new AsyncPair(), { messages: 640, latency, depth }) / 640;
      const expected = Math.max(4, once / depth);
      t.true(Math.abs(cycles / expected - 1) < 0.25, `latency ${latency}, depth ${depth}: ${cycles}, expected ${expected}`);
    }
  }
});

test("AsyncPair: nothing leaves before the doorbell, and a doorbell within a message waits for its end", (t) => {
  const pair = new AsyncPair();
  Object.assign(pair, { latency: 3 });
  pair.reset();
  pair.a_sub_valid = 1;
  pair.step(4);
  pair.a_sub_valid = 0;
  pair.step(50);
  t.is(pair.b_rcv_valid, 0, "four words, no doorbell");
  pair.a_doorbell = 1;
  pair.step();
  pair.a_doorbell = 0;
  pair.step(20);
  t.is(pair.b_rcv_valid, 1);
  pair.b_rcv_ready = 1;
  pair.step(20);
  pair.a_sub_valid = 1;
  pair.a_doorbell = 1;
  pair.step(2);
  pair.a_sub_valid = 0;
  pair.a_doorbell = 0;
  pair.step(50);
  t.is(pair.b_rcv_valid, 0, "half a message");
  pair.b_rcv_ready = 0;
  pair.a_sub_valid = 1;
  pair.step(2);
  pair.a_sub_valid = 0;
  pair.step(20);
  t.is(pair.b_rcv_valid, 1, "the doorbell was kept until the message was whole");
});

test("AsyncPair: rings fill and refuse, none overflows, when the far host takes nothing", (t) => {
  const pair = new AsyncPair({ depth: 8 });
  Object.assign(pair, { latency: 20, credits: 64, a_cpl_ready: 1 });
  pair.reset();
  pair.a_sub_valid = 1;
  pair.a_doorbell = 1;
  pair.step(1000);
  t.is(pair.a_sub_ready, 0, "8 messages in the far ring, 8 in the near one");
  t.is(pair.overflow, 0);
  pair.a_sub_valid = 0;
  pair.b_rcv_ready = 1;
  let words = 0;
  for (let cycle = 0; cycle < 1000; cycle++) {
    words += pair.b_rcv_valid;
    pair.step();
  }
  t.is(words, 64);
});

test("AsyncPair: completions that nobody reads stop the sender at a ring of them", (t) => {
  const pair = new AsyncPair({ depth: 8 });
  Object.assign(pair, { latency: 5, a_sub_valid: 1, a_doorbell: 1, b_rcv_ready: 1 });
  pair.reset();
  let words = 0;
  for (let cycle = 0; cycle < 1000; cycle++) {
    words += pair.b_rcv_valid;
    pair.step();
  }
  t.is(words / 4, 8);
  pair.a_cpl_ready = 1;
  for (let cycle = 0; cycle < 1000; cycle++) {
    words += pair.b_rcv_valid;
    pair.step();
  }
  t.true(words / 4 > 50);
});

test("AsyncPair: an interrupt comes at irq_count events, or irq_cycles after the first", (t) => {
  const send = (pair: AsyncPair): void => {
    pair.a_sub_valid = 1;
    pair.a_doorbell = 1;
    pair.step(4);
    pair.a_sub_valid = 0;
    pair.a_doorbell = 0;
    pair.step(20);
  };
  const counted = new AsyncPair();
  Object.assign(counted, { latency: 2, irq_count: 3 });
  counted.reset();
  send(counted);
  send(counted);
  t.is(counted.b_irq, 0);
  send(counted);
  t.is(counted.b_irq, 1);
  counted.b_irq_ack = 1;
  counted.step();
  counted.b_irq_ack = 0;
  counted.step(100);
  t.is(counted.b_irq, 0, "acknowledged");
  const timed = new AsyncPair();
  Object.assign(timed, { latency: 2, irq_count: 3, irq_cycles: 200 });
  timed.reset();
  send(timed);
  timed.step(100);
  t.is(timed.b_irq, 0);
  timed.step(100);
  t.is(timed.b_irq, 1, "one event, 200 cycles later");
});

test("AsyncPair: random hosts on both sides lose, repeat and reorder nothing", (t) => {
  const random = draws(7);
  for (let run = 0; run < 12; run++) {
    const pair = new AsyncPair({ depth: 2 ** (run % 5) });
    Object.assign(pair, { latency: 1 + Math.floor(random() * 30), credits: 1 + (run % 4), a_doorbell: 1, a_cpl_ready: 1 });
    pair.reset();
    const [eager, hungry] = [random(), 0.1 + random()];
    let [written, read] = [0, 0];
    for (let cycle = 0; cycle < 5000; cycle++) {
      pair.a_sub_valid = random() < eager ? 1 : 0;
      pair.a_sub_data = written;
      pair.b_rcv_ready = random() < hungry ? 1 : 0;
      written += pair.a_sub_valid & pair.a_sub_ready;
      if (pair.b_rcv_ready & pair.b_rcv_valid) {
        if (pair.b_rcv_data !== read) return t.fail(`run ${run}: word ${read} came as ${pair.b_rcv_data}`);
        read++;
      }
      pair.step();
    }
    t.true(read > 0 && written - read < 5000 * 4);
    t.is(pair.overflow, 0);
  }
});

test("AsyncPair says what parameters it takes", (t) => {
  t.throws(() => new AsyncPair({ depth: 3 }), { code: "ERR_RTL_PARAMETER" });
  t.throws(() => new AsyncPair({ beats: 1 }), { code: "ERR_RTL_PARAMETER" });
});
