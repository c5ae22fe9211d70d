/** Texts of the command line: what they mean, and that nonsense is refused with status 2 and never otherwise. */
import { MitsuError } from "@mitsu/cli/error";
import { meanOf } from "@mitsu/simulation";
import test from "ava";
import fc from "fast-check";
import { parseArrivals, parseCrash, parseLaw, parseLoads, parseRollingRestart, parseSpeed } from "../../src/simulate/parse-setting.ts";
import { parseDuration } from "../../src/simulate/spec.ts";

const noFile = (): string => "0.5 1ms";

test("parseDuration() reads units, and wants one", (t) => {
  for (const [text, ms] of [
    ["10ms", 10],
    ["250us", 0.25],
    ["250µs", 0.25],
    ["1.5s", 1500],
    [".5ms", 0.5],
    ["100ns", 1e-4],
  ] as const)
    t.is(parseDuration("--x", text), ms, text);
  for (const text of ["10", "ms", "-1ms", "1 ms x", "1e3ms", "", "Infinity", "2min", `${"9".repeat(400)}s`])
    t.throws(() => parseDuration("--x", text), { code: "ERR_USAGE" }, text);
});

test("parseLaw(), parseSpeed(), parseArrivals() read every kind", (t) => {
  t.deepEqual(parseLaw("--s", "5ms", noFile), { kind: "deterministic", mean: 5 });
  t.deepEqual(parseLaw("--s", "exponential:mean=5ms", noFile), { kind: "exponential", mean: 5 });
  t.deepEqual(parseLaw("--s", "log-normal:cv=2,mean=5ms", noFile), { kind: "lognormal", mean: 5, cv: 2 });
  t.deepEqual(parseLaw("--s", "gamma:mean=1s,cv=0.5", noFile), { kind: "gamma", mean: 1000, cv: 0.5 });
  t.deepEqual(parseLaw("--s", "pareto:shape=1.5,least=1ms,most=1s", noFile), { kind: "pareto", shape: 1.5, least: 1, most: 1000 });
  t.is(meanOf(parseLaw("--s", "file:x", noFile)), 1);
  t.deepEqual(parseSpeed("--s", "varying:slow=0.5", 4), { kind: "varying", slow: 0.5, fastForMs: 1000, slowForMs: 1000 });
  t.deepEqual(parseSpeed("--s", "fixed:slow=0.5,servers=2", 4), { kind: "fixed", slow: 0.5, servers: 2 });
  t.deepEqual(parseSpeed("--s", "equal", 4), { kind: "equal" });
  t.deepEqual(parseArrivals("--a", "bursty:on=1s,off=2s"), { kind: "bursty", onMs: 1000, offMs: 2000 });
  t.deepEqual(parseArrivals("--a", "poisson"), { kind: "poisson" });
});

test("parseCrash() and parseRollingRestart() read outages", (t) => {
  const outage = { server: 1, fromMs: 2000, toMs: 5000, how: "silent", drainMs: 0 } as const;
  t.deepEqual(parseCrash("--c", "server=1,at=2s,for=3s,how=silent", 4), outage);
  t.is(parseCrash("--c", "at=0s", 4).toMs, Number.POSITIVE_INFINITY);
  const restart = parseRollingRestart("--r", "at=1s,every=2s,down=500ms,drain=100ms", 3);
  t.deepEqual(
    restart.map(({ server, fromMs, toMs, drainMs }) => [server, fromMs, toMs, drainMs]),
    [
      [0, 1000, 1500, 100],
      [1, 3000, 3500, 100],
      [2, 5000, 5500, 100],
    ],
  );
});

test("parseLoads() reads one, a list and a range, ascending", (t) => {
  t.deepEqual(parseLoads("--l", "0.85"), [0.85]);
  t.deepEqual(parseLoads("--l", "0.9,0.3,0.9"), [0.3, 0.9]);
  t.deepEqual(parseLoads("--l", "0.3..1.1:0.2"), [0.3, 0.5, 0.7, 0.9, 1.1]);
  t.deepEqual(parseLoads("--l", "0.3..0.5"), [0.3, 0.4, 0.5]);
});

test("nonsense is refused as wrong usage, with status 2 and what was given, or read to finite figures", (t) => {
  const piece = fc.oneof(
    fc.constantFrom(
      ..."exponential log-normal gamma pareto fixed varying bursty equal poisson mean cv slow servers on off at for how least most shape server".split(
        " ",
      ),
    ),
    fc.constantFrom(":", ",", "=", "..", "10ms", "0", "-1", "1e999", "NaN", "1s", "0.5", " ", "__proto__", "0ms"),
    fc.string({ maxLength: 4 }),
  );
  const readers: readonly ((text: string) => unknown)[] = [
    (text) => parseLaw("--s", text, () => text),
    (text) => parseSpeed("--s", text, 4),
    (text) => parseArrivals("--s", text),
    (text) => parseCrash("--s", text, 4),
    (text) => parseRollingRestart("--s", text, 4),
    (text) => parseLoads("--s", text),
  ];
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 9 }), (pieces) => {
      for (const reader of readers) {
        try {
          // An outage that never ends is the one thing without an end.
          t.notRegex(
            JSON.stringify(reader(pieces.join("")), (key, value) => (key === "toMs" ? 0 : Number.isNaN(value) ? "NaN" : value)),
            /NaN/,
          );
        } catch (error) {
          if (!(error instanceof MitsuError) || error.exit !== 2) throw error;
        }
      }
    }),
    { seed: 1, numRuns: 2000 },
  );
  t.pass();
});
