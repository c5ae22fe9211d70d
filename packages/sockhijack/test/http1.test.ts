/** bpf/trace.h and bpf/http1.h, run natively: what they find in connections, and that what they do to them is right to the byte. @module */

import { cut } from "./http/cutting.ts";
import { type Connection, type Harness, type Message, opaque, topology, way } from "./http/harness.ts";
import { all, anyTopology, connectionOf, each, everyCut, everyWay, nativeTest, show } from "./http/native.ts";
import { Random } from "./http/random.ts";
import { type Conversation, conversation } from "./http1/conversation.ts";
import { readCorpus } from "./http1/corpus.ts";
import { damage } from "./http1/damage.ts";
import { Oracle } from "./http1/oracle.ts";
import {
  bytesKept,
  changedAsExpected,
  exchangesAsOracle,
  exchangesFound,
  invariant,
  joined,
  oracleAgrees,
  serverReadsTheSame,
} from "./http1/properties.ts";

const batch = 2000;
/** Runs `count` valid conversations through `harness` and checks all that is known of them. */
function checkValid(
  harness: Harness,
  seed: number,
  count: number,
): { exchanges: number; injected: number; replaced: number; bytes: number } {
  const random = new Random(seed);
  const sum = { exchanges: 0, injected: 0, replaced: 0, bytes: 0 };
  for (let done = 0; done < count; done += batch) {
    const cases = Array.from({ length: Math.min(batch, count - done) }, () => {
      const facts: Conversation = conversation(random);
      return { facts, connection: connectionOf(random, cut(random, facts.runs)) };
    });
    const outcomes = harness.run(cases.map(({ connection }) => connection));
    each(cases, ({ facts, connection }, index) => {
      const outcome = outcomes[index]!;
      const edits = bytesKept(connection, outcome);
      changedAsExpected(facts, connection, outcome, edits);
      exchangesFound(facts, outcome);
      oracleAgrees(facts);
      serverReadsTheSame(connection, outcome);
      sum.exchanges += facts.answers.length;
      sum.injected += edits.injected.length;
      sum.replaced += edits.replaced.length;
      for (const { bytes } of connection.messages) sum.bytes += bytes.length;
    });
  }
  return sum;
}

/** Runs `count` damaged conversations, each cut in two ways. Helpers that fail make the ways differ. */
function checkHostile(
  harness: Harness,
  seed: number,
  count: number,
  faults = 0,
): { injected: number; asOracle: number; reasons: Set<number> } {
  const random = new Random(seed);
  const sum = { injected: 0, asOracle: 0, reasons: new Set<number>() };
  for (let done = 0; done < count; done += batch) {
    const cases = Array.from({ length: Math.min(batch, count - done) }, () => {
      const runs = damage(random, conversation(random).runs);
      const connection = connectionOf(random, cut(random, runs), faults);
      return { connection, other: { ...connection, messages: cut(random, runs) } };
    });
    const outcomes = harness.run(cases.flatMap(({ connection, other }) => [connection, other]));
    each(cases, ({ connection, other }, index) => {
      const [outcome, cutElsewhere] = [outcomes[2 * index]!, outcomes[2 * index + 1]!];
      sum.injected += bytesKept(connection, outcome).injected.length + bytesKept(other, cutElsewhere).injected.length;
      sum.reasons.add(outcome.opaque);
      if (faults) return;
      serverReadsTheSame(connection, outcome);
      serverReadsTheSame(other, cutElsewhere);
      if (exchangesAsOracle(connection, outcome)) sum.asOracle++;
      const [state, stateElsewhere] = [invariant(outcome), invariant(cutElsewhere)];
      if (state !== stateElsewhere) throw new Error(`cut elsewhere: ${stateElsewhere}\nnot ${state}\n${show(other)}`);
    });
  }
  return sum;
}

/** Every cut of `runs` leads to the same state, and keeps every byte. Returns how many connections that were. */
function checkEveryCut(harness: Harness, runs: Conversation["runs"], how: number, where: number): number {
  const connections = everyCut(runs, how, where);
  const outcomes = harness.run(connections);
  const state = invariant(outcomes[0]!);
  each(
    connections.map((connection) => ({ connection })),
    ({ connection }, index) => {
      bytesKept(connection, outcomes[index]!);
      serverReadsTheSame(connection, outcomes[index]!);
      if (invariant(outcomes[index]!) !== state) throw new Error(`cut elsewhere: ${invariant(outcomes[index]!)}\nnot ${state}`);
    },
  );
  return connections.length;
}

for (const example of readCorpus()) {
  nativeTest(`trace.h reads corpus/${example.name} as it says, cut at every byte and by every way`, (t, { sanitized }) => {
    const [whole] = everyCut(example.runs, way.redirected, topology.bothHere);
    const [outcome] = sanitized.run([whole!]);
    t.is(outcome!.opaque, example.opaque);
    t.deepEqual([outcome!.counters.injected, outcome!.counters.continued], [example.injected, example.continued]);
    const told = outcome!.spans
      .filter(({ aborted }) => !aborted)
      .map(
        (span) =>
          `${span.line.toString("latin1", 0, span.method.length + 1 + span.targetLength)} ${span.status} ${span.requestBytes} ${span.answerBytes}`,
      );
    if (example.exchanges.length > 0) t.deepEqual(told, example.exchanges);
    using oracle = new Oracle({ answers: false });
    oracle.feed(joined(whole!.messages, whole!.messages, 0));
    t.is(oracle.stopped === "" || oracle.stopped === "another protocol", example.taken, `llhttp: ${oracle.stopped}`);
    if (example.taken) exchangesAsOracle(whole!, outcome!);
    for (const [how, where] of everyWay) checkEveryCut(sanitized, example.runs, how, where);
  });
}

nativeTest("trace.h finds in valid connections what llhttp finds, and changes the heads it may and nothing else", (t, { plain }) => {
  const { exchanges, injected, replaced, bytes } = checkValid(plain, 5, all ? 2_000_000 : 12_000);
  t.log(`${exchanges} exchanges, ${bytes} bytes, ${injected} header lines put in, ${replaced} parent ids replaced`);
  t.true(exchanges > 30_000 && injected > 9000 && replaced > 3000);
});

nativeTest("trace.h finds the same in hostile connections wherever they are cut, and a server reads what was sent", (t, { plain }) => {
  const { injected, asOracle, reasons } = checkHostile(plain, 9, all ? 1_000_000 : 5000);
  t.log(`${injected} header lines put in; ${asOracle} connections read to the end as llhttp does`);
  t.true(injected > 3500 && asOracle > 170);
  for (const why of ["no", "notHttp", "longHead", "badHead", "badChunk", "upgraded", "unasked"] as const)
    t.true(reasons.has(opaque[why]), why);
});

nativeTest("trace.h and http1.h do nothing undefined and read nothing that is not theirs (ASAN, UBSAN)", (t, { sanitized }) => {
  t.true(checkValid(sanitized, 11, all ? 200_000 : 1500).injected > 500);
  t.true(checkHostile(sanitized, 12, all ? 200_000 : 1000).injected > 250);
});

nativeTest("trace.h leaves every message whole or drops it when the kernel's helpers fail", (t, { sanitized }) => {
  for (const faults of [1, 2, 4, 2 + 4, 8, 16, 32, 63]) t.notThrows(() => checkHostile(sanitized, faults, all ? 20_000 : 250, faults));
});

nativeTest("trace.h leads generated connections to the same state from every cut", (t, { plain }) => {
  const count = all ? 20 : 8;
  const random = new Random(21);
  let connections = 0;
  for (let tried = 0; tried < count; ) {
    const { runs } = conversation(random);
    const hostile = random.chance(50) ? damage(random, runs) : runs;
    if (hostile.reduce((sum, { bytes }) => sum + bytes.length, 0) > 1500) continue;
    connections += checkEveryCut(plain, hostile, random.pick([way.redirected, way.byTcp, way.segments]), random.pick(anyTopology));
    tried++;
  }
  t.log(`${connections} connections`);
  t.true(connections > 250 * count);
});

/** What outlives connections of each kind, both of whose ends have closed: numbers of Outcome.left. */
function leftBehind(harness: Harness, runs: Conversation["runs"][]): number[] {
  const random = new Random(31);
  const outcomes = harness.run(runs.map((one) => connectionOf(random, cut(random, one))));
  return [...new Set(outcomes.map(({ left }) => left))].sort();
}

nativeTest("trace.h keeps nothing of connections that were HTTP to their end", (t, { plain }) => {
  const random = new Random(32);
  const ordinary = Array.from({ length: 2000 }, () => conversation(random)).filter(({ tunnel }) => !tunnel);
  t.deepEqual(
    leftBehind(
      plain,
      ordinary.map(({ runs }) => runs),
    ),
    [0],
  );
});

nativeTest("trace.h keeps nothing of connections that were left alone, or that ended within a head", (t, { plain }) => {
  const random = new Random(33);
  t.deepEqual(
    leftBehind(
      plain,
      Array.from({ length: 2000 }, () => damage(random, conversation(random).runs)),
    ),
    [0],
  );
});

nativeTest("trace.h follows a body whose segments come out of order, as far as they lie within it", (t, { sanitized }) => {
  const request = Buffer.from("GET /big HTTP/1.1\r\nHost: x\r\n\r\n");
  const head = (length: number): string => `HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\n`;
  // The head fills its segment, so that only the body's are exchanged; its last segment comes in its turn.
  const body = "GET / HTTP/1.1\r\n\r\n".repeat(3000);
  const answer = Buffer.from(head(body.length) + body);
  const exchange: Message[] = [
    { stream: 0, way: way.segments, bytes: request },
    { stream: 1, way: way.segments + way.late, bytes: answer },
  ];
  const one: Connection = { topology: topology.clientHere, trace: 2, faults: 0, rate: 0, seed: 7, messages: [...exchange, ...exchange] };
  const [outcome] = sanitized.run([one]);
  t.is(outcome!.opaque, opaque.no);
  t.deepEqual(
    outcome!.spans.map(({ status, aborted, answerBytes }) => [status, aborted, answerBytes]),
    [1, 2].map(() => [200, false, answer.length]),
  );
});
