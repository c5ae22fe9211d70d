/** The store of `--persistence off`. @module */
import test from "ava";
import { nullStore } from "../../src/store/null-store.ts";
import { randomTurn } from "./random-turn.ts";

test("nullStore() takes everything, and holds nothing", (t) => {
  const store = nullStore();
  for (let turn = 1; turn <= 20; turn++) {
    randomTurn(store, turn);
    store.commit();
    store.compact();
  }
  t.deepEqual([[...store.sessions()], [...store.retained()], store.sizeBytes()], [[], [], 0]);
  store.close();
});
