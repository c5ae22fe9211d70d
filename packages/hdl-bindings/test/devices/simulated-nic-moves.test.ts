/** Whatever the NIC and software beside it lose and gain, work that is placed on both answers as software alone. */
import { existsSync } from "node:fs";
import {
  type AnyCapability,
  checksum,
  hash,
  type MatchAction,
  matchAction,
  Placement,
  type Policy,
  ProviderDevice,
  softwareChecksum,
  softwareHash,
  softwareMatchAction,
  type TopicMatch,
  topicMatch,
} from "@mitsu/hal";
import { topicList } from "@mitsu/hal/conformance";
import fc from "fast-check";
import { InternetChecksum } from "../../models/internet_checksum.ts";
import { MatchTable } from "../../models/match_table.ts";
import { Toeplitz } from "../../models/toeplitz.ts";
import { TopicMatcher } from "../../models/topic_matcher.ts";
import { checksumProvider, hashProvider, matchActionProvider, topicMatchProvider } from "../../src/devices/mod.ts";
import { rssKey } from "../../src/twins/toeplitz.ts";
import { draws } from "../async-engine/draws.ts";
import { modelTest } from "../rtl-test.ts";

const built = ["topic_matcher", "match_table", "toeplitz", "internet_checksum"].every((name) =>
  existsSync(new URL(`../../models/${name}.wasm`, import.meta.url)),
);
if (!built) modelTest("the NIC beside software agrees with software", (t) => t.fail("there are no models"));

/** Most that software takes of each; the NIC has the room that events give it. */
const plenty = 4096;
const clock = { clockMhz: 1000 };
const filters = ["a", "a/b", "a/+", "+/b", "#", "a/#", "+/+/c", "a/b/c", "/", "+"];
const topics = ["a", "a/b", "a/b/c", "b", "x/b", "a/", "/", "a/x/c"];

const event = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({ on: fc.constant("exact"), do: fc.nat(2), key: fc.nat(30), bits: fc.constant(16), action: fc.nat(99) }),
  },
  {
    weight: 12,
    arbitrary: fc.record({ on: fc.constant("prefix"), do: fc.nat(2), key: fc.nat(65_535), bits: fc.nat(16), action: fc.nat(99) }),
  },
  { weight: 8, arbitrary: fc.record({ on: fc.constant("topics"), do: fc.nat(2), filter: fc.nat(9), topic: fc.nat(7), id: fc.nat(5) }) },
  { weight: 6, arbitrary: fc.record({ on: fc.constantFrom("hash", "sum"), input: fc.uint8Array({ maxLength: 36 }) }) },
  { weight: 4, arbitrary: fc.record({ device: fc.nat(1), entries: fc.nat(24), of: fc.nat(3) }) },
  { weight: 2, arbitrary: fc.record({ device: fc.nat(1), gone: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ work: fc.nat(4), policy: fc.constantFrom<Policy>("auto", "hardware-only", "software-only") }) },
  { weight: 1, arbitrary: fc.constant("improve" as const) },
);
const capabilities = [matchAction, topicMatch, hash, checksum] as readonly AnyCapability[];

modelTest("random work on the NIC and software, which fill up, shrink, leave and come back, agrees with software alone", async (t) => {
  const [table, matcher, toeplitz, sums] = [
    await MatchTable.open(),
    await TopicMatcher.open(),
    await Toeplitz.open(),
    await InternetChecksum.open(),
  ];
  const all = process.env.MITSU_TEST_ALL === "1";
  let [moves, onNic, calls] = [0, 0, 0];
  fc.assert(
    fc.property(fc.array(event, { minLength: 60, maxLength: 150, size: "max" }), fc.nat(), (events, seed) => {
      const random = draws(seed);
      const hashSeed = (): bigint =>
        Array.from({ length: 8 }, () => BigInt(Math.floor(random() * 2 ** 24))).reduce((sum, part) => (sum << 24n) | part) &
        ((1n << 175n) - 1n);
      const nic = new ProviderDevice({ name: "nic", kind: "hardware", version: "1" }, [
        matchActionProvider(table, { ...clock, seed: hashSeed }),
        topicMatchProvider(matcher, clock),
        hashProvider(toeplitz, clock),
        checksumProvider(sums, clock),
      ]);
      // Dearer than the NIC, cheaper than what is always there.
      const small = softwareMatchAction(12, "small");
      const placement = new Placement([nic, small, softwareMatchAction(plenty), topicList(plenty), softwareHash(), softwareChecksum()]);
      const table16 = (match: "exact" | "prefix", entries: number) =>
        ({ capability: matchAction, spec: { entries, keyBits: 16, match } }) as const;
      const hashWork = { capability: hash, spec: { algorithm: "toeplitz", key: rssKey } } as const;
      const sumWork = { capability: checksum, spec: { algorithm: "internet" } } as const;
      const topicWork = (entries: number) => ({ capability: topicMatch, spec: { entries } });
      const placed = {
        exact: placement.place("exact", table16("exact", 2)),
        prefix: placement.place("prefix", table16("prefix", 2)),
        topics: placement.place("topics", topicWork(2)),
        hash: placement.place("hash", hashWork),
        sum: placement.place("sum", sumWork),
      };
      const works = Object.values(placed);
      const alone = {
        exact: softwareMatchAction().install(table16("exact", plenty)).operations,
        prefix: softwareMatchAction().install(table16("prefix", plenty)).operations,
        topics: topicList(plenty).install(topicWork(plenty)).operations,
        hash: softwareHash().install(hashWork).operations,
        sum: softwareChecksum().install(sumWork).operations,
      };
      for (const one of events) {
        if (one === "improve") placement.improve();
        else if ("entries" in one) {
          const device = [nic, small][one.device]!;
          device.setEntries(device === small ? matchAction : capabilities[one.of]!, one.entries);
        } else if ("gone" in one) [nic, small][one.device]!.setGone(one.gone);
        else if ("policy" in one) tolerant(() => placement.setPolicy(works[one.work]!, one.policy));
        else {
          const [got, right] = both(one, placed, alone);
          const answer = tolerant(got);
          // Refused for want of a device or of room: nothing has changed.
          if (answer === refused) continue;
          calls++;
          t.deepEqual(answer, right(), JSON.stringify(one));
          onNic += works.filter(({ device }) => device === nic).length;
        }
      }
      moves += placement.report().work.reduce((sum, row) => sum + row.moves, 0);
      placement.close();
      for (const [name, value] of Object.entries(nic.counters())) if (/installed|entries$/.test(name)) t.is(value, 0, name);
    }),
    { seed: 8, numRuns: all ? 400 : 12, endOnFailure: true },
  );
  t.log(`${calls} calls, ${moves} moves`);
  t.true(moves > 40 && calls > 400 && onNic > 400, `${calls} calls, ${moves} moves, ${onNic} on the NIC`);
});

const refused = Symbol("refused");

/** What a call gives; {@link refused} where no device has room or the policy leaves none. */
function tolerant(call: () => unknown): unknown {
  try {
    return call();
  } catch (error) {
    if (!["ERR_HAL_NO_DEVICE", "ERR_HAL_FULL"].includes((error as { code?: string }).code ?? "")) throw error;
    return refused;
  }
}

type Call = Exclude<typeof event extends fc.Arbitrary<infer Event> ? Event : never, string | { device: number } | { work: number }>;
interface Operations {
  readonly exact: MatchAction;
  readonly prefix: MatchAction;
  readonly topics: TopicMatch;
  readonly hash: { hash(input: Uint8Array): number };
  readonly sum: { sum(input: Uint8Array): number };
}

/** The same call of placed work and of software alone. */
function both(
  call: Call,
  placed: { readonly [Name in keyof Operations]: { readonly operations: Operations[Name] } },
  alone: Operations,
): readonly [() => unknown, () => unknown] {
  const made = (operations: Operations) => (): unknown => {
    if ("input" in call) return call.on === "hash" ? operations.hash.hash(call.input) : operations.sum.sum(call.input);
    if ("filter" in call) {
      const [filter, topic] = [filters[call.filter]!, topics[call.topic]!];
      if (call.do === 0) return operations.topics.add(filter, call.id);
      return call.do === 1 ? operations.topics.remove(filter, call.id) : operations.topics.match(topic);
    }
    const table = call.on === "exact" ? operations.exact : operations.prefix;
    const key = (BigInt(call.key) >> BigInt(16 - call.bits)) << BigInt(16 - call.bits);
    if (call.do === 0) return table.add(key, call.bits, call.action);
    if (call.do === 1) return table.remove(key, call.bits);
    const found = table.lookup(BigInt(call.key));
    return [found, table.hits(key, call.bits)];
  };
  const { exact, prefix, topics: matcher, hash: hashes, sum } = placed;
  return [
    made({
      exact: exact.operations,
      prefix: prefix.operations,
      topics: matcher.operations,
      hash: hashes.operations,
      sum: sum.operations,
    }),
    made(alone),
  ];
}
