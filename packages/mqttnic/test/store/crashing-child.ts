/**
 * Opens the store that its argument names, waits for a byte on stdin, and does one turn after the other, each of which it tells on stdout once it is committed.
 * It never ends by itself: store-crash.test.ts kills it.
 * @module
 */
import { readSync, writeSync } from "node:fs";
import { openStore } from "../../src/store/open-store.ts";
import { randomTurn, turnTopic } from "./random-turn.ts";

readSync(0, Buffer.alloc(1));
const store = openStore(process.argv[2]!, { sync: false });
for (const _ of store.sessions());
let turn = 0;
for (const message of store.retained()) if (message.topic === turnTopic) turn = Number(message.payload.toString());
for (;;) {
  randomTurn(store, ++turn);
  store.commit();
  if (turn % 64 === 0) store.compact();
  writeSync(1, `${turn}\n`);
  // A checkpoint begins with a callback.
  if (turn % 16 === 0) await new Promise((resolve) => setImmediate(resolve));
}
