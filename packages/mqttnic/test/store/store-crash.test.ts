/** What is left of a store whose process was killed, or whose log is torn. @module */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import test, { type ExecutionContext } from "ava";
import { openStore } from "../../src/store/open-store.ts";
import { canonical, ModelStore } from "./model-store.ts";
import { randomNumbers, randomTurn, turnTopic } from "./random-turn.ts";
import { storePath } from "./sample.ts";

const kills = process.env.MITSU_TEST_ALL === "1" ? 300 : 12;
const program = fileURLToPath(new URL("crashing-child.ts", import.meta.url));
const compileCache = fileURLToPath(new URL("../../../../scripts/compile-cache.mjs", import.meta.url));
type Child = ChildProcessByStdio<Writable, Readable, null>;

function start(t: ExecutionContext, path: string): Child {
  const child = spawn(process.execPath, ["--import", compileCache, program, path], { stdio: ["pipe", "pipe", "inherit"] });
  t.teardown(() => child.kill("SIGKILL"));
  return child;
}

/** Lets it go on until it has told so many bytes more, kills it, and waits until it is dead. @returns The last turn that it told. */
async function killAfter(child: Child, bytes: number): Promise<number> {
  const dead = once(child, "close");
  let told = "";
  child.stdout.on("data", (chunk: Buffer) => {
    told += chunk.toString();
    if (told.length >= bytes) child.kill("SIGKILL");
  });
  child.stdin.write("g");
  await dead;
  return Number(told.slice(0, told.lastIndexOf("\n")).split("\n").at(-1));
}

/** The number of the last turn that a store holds. */
function lastTurn(path: string): { turn: number; state: string } {
  const store = openStore(path, { sync: false });
  try {
    const state = canonical(store);
    const retained = (JSON.parse(state) as { retained: { topic: string; payload: { data: number[] } }[] }).retained;
    const turn = retained.find(({ topic }) => topic === turnTopic);
    return { state, turn: turn === undefined ? 0 : Number(Buffer.from(turn.payload.data).toString()) };
  } finally {
    store.close();
  }
}

test(`Store.commit() loses nothing it returned for, and brings nothing back, over ${kills} SIGKILLs at random points`, async (t) => {
  t.timeout(600_000);
  const path = storePath(t);
  const random = randomNumbers(1);
  const model = new ModelStore();
  let modelTurn = 0;
  let next = start(t, path);
  for (let kill = 0; kill < kills; kill++) {
    const child = next;
    // Its start takes longer than all the rest.
    next = start(t, path);
    const told = await killAfter(child, 1 + random(1000));
    const { turn, state } = lastTurn(path);
    t.true(turn >= told, `turn ${told} was committed, and the store ends with ${turn}`);
    // One turn may have been committed and not told yet.
    t.true(turn <= told + 200, `the store ends with turn ${turn}, and ${told} was the last one told`);
    while (modelTurn < turn) randomTurn(model, ++modelTurn);
    model.reopen(Date.now());
    if (state !== canonical(model)) return t.fail(`after kill ${kill} the store is not what turn ${turn} left`);
  }
  t.log(`${modelTurn} turns`);
});

test("openStore() finds all whole turns when the log is torn at any byte, and none of the torn one", (t) => {
  const path = storePath(t);
  const store = openStore(path, { sync: false });
  const sizes: number[] = [];
  for (let turn = 1; turn <= 12; turn++) {
    randomTurn(store, turn);
    store.commit();
    sizes.push(statSync(`${path}-wal`).size);
  }
  const log = readFileSync(`${path}-wal`);
  const torn = `${path}-torn`;
  const random = randomNumbers(2);
  const models = [new ModelStore(), ...sizes.map((_size, index) => modelAfter(index + 1))].map(canonical);
  for (let round = 0; round < 25; round++) {
    copyFileSync(path, torn);
    // From the end of the schema on.
    const length = sizes[0]! + random(log.length - sizes[0]!);
    writeFileSync(`${torn}-wal`, log);
    if (round % 2 === 0) truncateSync(`${torn}-wal`, length);
    else writeFileSync(`${torn}-wal`, Buffer.concat([log.subarray(0, length), Buffer.alloc(log.length - length, 0xa5)]));
    const { turn, state } = lastTurn(torn);
    t.is(turn, sizes.filter((size) => size <= length).length);
    t.is(state, models[turn]!);
  }
  store.close();
});

function modelAfter(turns: number): ModelStore {
  const model = new ModelStore();
  for (let turn = 1; turn <= turns; turn++) randomTurn(model, turn);
  return model;
}
