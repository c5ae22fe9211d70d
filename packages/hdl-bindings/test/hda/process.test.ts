import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { clearInterval, setInterval } from "node:timers";
import test from "ava";
import { aStar } from "../../src/hda/a-star.ts";
import { domainOf, searchByProcesses } from "../../src/hda/process.ts";

// The searches of this file leave their sockets here, if any.
const folder = mkdtempSync(join(tmpdir(), "hda-test-"));
process.env.TMPDIR = folder;
test.after.always(() => rmSync(folder, { recursive: true }));

const long = process.env.MITSU_TEST_ALL === "1";
const lives = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

test.serial("searchByProcesses() finds A*'s cost, blocking and asynchronous, alone and without a way", async (t) => {
  t.timeout(60_000);
  const noWay = { grid: { width: 30, height: 30, blocked: 0.6, seed: 3 } };
  t.is(aStar(domainOf(noWay)).cost, Number.POSITIVE_INFINITY);
  for (const [spec, elements, blocking] of [
    [{ korf: 12, cost: 26 }, 3, false],
    [{ grid: { width: 24, height: 24, blocked: 0.3, seed: 2 } }, 2, true],
    [noWay, 2, false],
    [{ korf: 55, cost: 20 }, 1, true],
  ] as const) {
    let pids: readonly number[] = [];
    const outcome = await searchByProcesses(spec, {
      elements,
      blocking,
      onReady: (all) => {
        pids = all;
        t.true(all.every(lives));
      },
    });
    t.is(outcome.cost, aStar(domainOf(spec)).cost);
    t.is(outcome.messages > 0, elements > 1);
    t.true(outcome.expansions > 0);
    t.true(Math.abs(outcome.busy + outcome.stalled + outcome.idle - 1) < 1e-9);
    t.is(pids.length, elements);
    t.false(pids.some(lives));
  }
  t.deepEqual(readdirSync(folder), []);
});

test.serial("searchByProcesses() neither ends early nor hangs when processes are held up in turn", async (t) => {
  t.timeout(60_000);
  const spec = { grid: { width: 14, height: 14, blocked: 0.3, seed: 5 } };
  const { cost } = aStar(domainOf(spec));
  for (const blocking of long ? [false, true] : [false]) {
    let timer: NodeJS.Timeout | undefined;
    const outcome = await searchByProcesses(spec, {
      elements: 3,
      blocking,
      onReady: (pids) => {
        let held = 0;
        const signal = (name: "SIGSTOP" | "SIGCONT"): boolean => lives(pids[held]!) && process.kill(pids[held]!, name);
        signal("SIGSTOP");
        // Whoever is held has messages waiting for it, maybe the token too, and its own are late.
        timer = setInterval(() => {
          signal("SIGCONT");
          held = (held + 1) % pids.length;
          signal("SIGSTOP");
        }, 5);
      },
    }).finally(() => clearInterval(timer));
    t.is(outcome.cost, cost);
  }
  t.deepEqual(readdirSync(folder), []);
});

test.serial("searchByProcesses() names the element whose process is killed, and leaves no process and no socket", async (t) => {
  t.timeout(60_000);
  for (const blocking of long ? [true, false] : [true]) {
    let pids: readonly number[] = [];
    const search = searchByProcesses(
      { korf: 1 }, // hours, if nobody ended it
      {
        elements: 3,
        blocking,
        onReady: (all) => {
          pids = all;
          process.kill(all[1]!, "SIGKILL");
        },
      },
    );
    const error = await t.throwsAsync(search, { code: "ERR_HDA_PROCESS" });
    t.regex(error!.message, new RegExp(`^process ${pids[1]} of element 1 was ended by SIGKILL`));
    t.is(pids.length, 3);
    t.false(pids.some(lives));
  }
  t.deepEqual(readdirSync(folder), []);
});

test.serial("searchByProcesses() gives up past timeoutMs, while it starts too, and leaves nothing", async (t) => {
  t.timeout(60_000);
  let pids: readonly number[] = [];
  const onReady = (all: readonly number[]): void => {
    pids = all;
  };
  const endless = { elements: 2, onReady };
  await t.throwsAsync(searchByProcesses({ korf: 1 }, { ...endless, timeoutMs: 1 }), { code: "ERR_HDA_TIMEOUT" });
  t.deepEqual(pids, [], "nobody was ready");
  await t.throwsAsync(searchByProcesses({ korf: 1 }, { ...endless, timeoutMs: 1500 }), { code: "ERR_HDA_TIMEOUT", message: /1500 ms/ });
  t.false(pids.some(lives));
  t.deepEqual(readdirSync(folder), []);
});

test.serial("searchByProcesses() refuses a wrong number of elements and no instance of Korf's before it starts any process", async (t) => {
  for (const elements of [0, 65, 2.5]) await t.throwsAsync(searchByProcesses({ korf: 12 }, { elements }), { code: "ERR_HDA_ELEMENTS" });
  await t.throwsAsync(searchByProcesses({ korf: 2 }, { elements: 2 }), { code: "ERR_KORF_INSTANCE" });
  t.deepEqual(readdirSync(folder), []);
});
