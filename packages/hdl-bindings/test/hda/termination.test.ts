import test from "ava";
import { Safra, type Token } from "../../src/hda/termination.ts";
import { draws } from "../async-engine/draws.ts";

interface Flight {
  readonly at: number;
  readonly to: number;
  readonly token: Token | null;
}

/**
 * Elements that do random work: each piece may send messages, which may take any time and overtake each other, and which make their receivers active.
 *
 * @param count Whether messages are told to the detector; false is the mistake that the test has to see.
 * @returns when the end came, with what was left then.
 */
function play(elements: number, seed: number, most: number, count = true): { ended: boolean; left: number; messages: number } {
  const random = draws(seed);
  const safra = Array.from({ length: elements }, (_, element) => new Safra(element));
  const work = safra.map(() => (random() < 0.5 ? 1 + Math.floor(random() * 4) : 0));
  work[Math.floor(random() * elements)]! += 1;
  let flights: Flight[] = [];
  let messages = 0;
  // A few slow pairs, a few quick ones: the token may overtake messages by far, and be overtaken.
  const slow = safra.map(() => safra.map(() => (random() < 0.3 ? most : 3)));
  const send = (now: number, from: number, to: number, token: Token | null): void => {
    flights.push({ at: now + 1 + Math.floor(random() * slow[from]![to]!), to, token });
  };
  let budget = 40 * elements;
  safra[0]!.start();
  for (let now = 0; now < 200_000; now++) {
    const due = flights.filter((flight) => flight.at <= now);
    flights = flights.filter((flight) => flight.at > now);
    for (const { to, token } of due) {
      if (token) safra[to]!.take(token);
      else {
        if (count) safra[to]!.received();
        work[to]!++;
      }
    }
    for (let n = 0; n < elements; n++) {
      if (work[n]! > 0) {
        if (random() < 0.5) continue; // busy
        work[n]!--;
        for (let tries = 0; tries < 2; tries++)
          if (budget > 0 && random() < 0.55) {
            budget--;
            messages++;
            if (count) safra[n]!.sent();
            send(now, n, Math.floor(random() * elements), null);
          }
      } else if (safra[n]!.holds) {
        const token = safra[n]!.pass();
        if (token === "ended") return { ended: true, left: work.reduce((a, b) => a + b, 0) + flights.length, messages };
        send(now, n, (n + 1) % elements, token);
      }
    }
  }
  return { ended: false, left: 0, messages };
}

test("Safra never ends early and always ends, whatever the latencies: 600 seeds, 1 to 16 elements", (t) => {
  let messages = 0;
  for (let seed = 0; seed < 600; seed++) {
    const outcome = play(1 + (seed % 16), seed, [2, 20, 300][seed % 3]!);
    messages += outcome.messages;
    if (!outcome.ended || outcome.left > 0) return t.fail(`seed ${seed}: ${JSON.stringify(outcome)}`);
  }
  t.true(messages > 20_000, "there was something to detect");
});

test("the test of Safra sees an early end: without counts there are many", (t) => {
  let early = 0;
  for (let seed = 0; seed < 100; seed++) if (play(2 + (seed % 15), seed, 300, false).left > 0) early++;
  t.true(early > 20, `${early} of 100`);
});

test("Safra.pass() at element 0 takes a white token and a sum of 0, nothing else", (t) => {
  const first = (token: Token, of: (safra: Safra) => void = () => {}): unknown => {
    const safra = new Safra(0);
    of(safra);
    safra.take(token);
    return safra.pass();
  };
  t.is(first({ count: 0, black: false }), "ended");
  t.not(first({ count: 0, black: true }), "ended");
  t.not(first({ count: 1, black: false }), "ended");
  t.not(
    first({ count: 1, black: false }, (safra) => safra.received()),
    "ended",
    "the sum is 0, but element 0 is black",
  );
});
