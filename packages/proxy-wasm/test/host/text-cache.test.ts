import test from "ava";
import { TextCache } from "../../src/host/text-cache.ts";

/** A pseudo-random number from 0, less than `below`, the same in every run. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

test("TextCache gives the text of any bytes, whichever were asked for before", (t) => {
  const next = numbers(7);
  const bytes = Buffer.alloc(400);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const cache = new TextCache((raw) => raw);
  let wrong = 0;
  // Few letters, so that many texts share their beginnings, ends and slots.
  for (let at = 0; at < bytes.length; at++) bytes[at] = 97 + next(2) * (at % 7 === 0 ? 1 : 0);
  for (let round = 0; round < 200_000; round++) {
    const length = next(80);
    const at = next(bytes.length - length + 1);
    if (next(20) === 0) bytes[next(bytes.length)] = next(256);
    wrong += cache.get(view, at, length) === bytes.toString("latin1", at, at + length) ? 0 : 1;
  }
  t.is(wrong, 0);
});

test("TextCache makes a text once while its slot is not taken, and keeps a refusal too", (t) => {
  const asked: string[] = [];
  const cache = new TextCache((raw) => {
    asked.push(raw);
    return raw === "bad" ? undefined : raw.toUpperCase();
  });
  const bytes = Buffer.from("x-pathbad1");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let round = 0; round < 3; round++) {
    t.is(cache.get(view, 0, 6), "X-PATH");
    t.is(cache.get(view, 6, 3), undefined);
    t.is(cache.get(view, 9, 1), "1");
  }
  t.deepEqual(asked, ["x-path", "bad", "1"]);
});

test("TextCache keeps neither the empty text nor a long one", (t) => {
  let made = 0;
  const cache = new TextCache((raw) => {
    made++;
    return raw;
  });
  const bytes = Buffer.alloc(65, 97);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (const length of [0, 0, 65, 65, 64, 64]) t.is(cache.get(view, 0, length), "a".repeat(length));
  t.is(made, 5);
});
