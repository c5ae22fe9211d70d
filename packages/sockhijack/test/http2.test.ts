/** HTTP/2 of bpf/trace.h, run natively: what it finds in connections, and that what it does to them is right to the byte. @module */
import { cut, type Run } from "./http/cutting.ts";
import { type Connection, fault, flag, type Harness, type Outcome, opaque, topology, way } from "./http/harness.ts";
import { all, connectionOf, each, everyCut, everyWay, nativeTest, show } from "./http/native.ts";
import { Random } from "./http/random.ts";
import { bytesKept as linesKept } from "./http1/properties.ts";
import { type Conversation, conversation } from "./http2/conversation.ts";
import { readCorpus } from "./http2/corpus.ts";
import { damage } from "./http2/damage.ts";
import { findings, isModelled } from "./http2/model.ts";
import { type Reading, readRequests } from "./http2/oracle.ts";
import { asModelled, blocksAsSent, bytesKept, type Grown, invariant, joined } from "./http2/properties.ts";

const batch = 500;

/** The same connection, cut elsewhere. A server whose client is elsewhere is in no socket map: what it says goes by segments. */
function cutElsewhere(random: Random, connection: Connection, runs: readonly Run[]): Connection {
  const messages = cut(random, runs).map((message) =>
    message.stream === 1 && connection.topology === topology.serverHere
      ? { ...message, way: way.segments | (message.way & way.twice) }
      : message,
  );
  return { ...connection, messages };
}

/** A connection that sends `runs`. */
function connectionWith(random: Random, runs: readonly Run[], faults = 0): Connection {
  const connection = { ...connectionOf(random, [], faults), sampling: random.chance(90) ? 2 ** 32 - 1 : random.pick([0, 2 ** 31]) };
  if (faults && random.chance(50)) connection.rate = 40 + random.int(80); // two of them come together
  return cutElsewhere(random, connection, runs);
}

interface Sum {
  connections: number;
  streams: number;
  bytes: number;
  grown: number;
  left: number;
  full: number;
}

/** Runs valid conversations of at least `streams` streams through `harness`, and checks all that is known of them. */
function checkValid(
  harness: Harness,
  seed: number,
  streams: number,
  also: (facts: Conversation, connection: Connection, outcome: Outcome, grown: Grown[]) => void = () => {},
): Sum {
  const random = new Random(seed);
  const sum: Sum = { connections: 0, streams: 0, bytes: 0, grown: 0, left: 0, full: 0 };
  while (sum.streams < streams) {
    const cases = Array.from({ length: batch }, () => {
      const facts = conversation(random);
      return { facts, connection: connectionWith(random, facts.runs) };
    });
    const outcomes = harness.run(cases.map(({ connection }) => connection));
    each(cases, ({ facts, connection }, index) => {
      const outcome = outcomes[index]!;
      const grown = bytesKept(connection, outcome);
      const found = findings(facts.runs);
      if (found.opaque !== opaque.no || found.exchanges.length + found.untraced !== facts.requests.length)
        throw new Error("the model errs");
      asModelled(found, connection, outcome, grown);
      if (outcome.left !== 0) throw new Error(`left behind: ${outcome.left}`);
      also(facts, connection, outcome, grown);
      sum.connections++;
      sum.streams += facts.requests.length;
      sum.grown += grown.length;
      sum.left += outcome.counters.notInjected;
      sum.full += outcome.counters.streamsFull;
      for (const { bytes } of connection.messages) sum.bytes += bytes.length;
    });
  }
  return sum;
}

/** What holds of any connection: of those that are no HTTP/2, what holds of HTTP/1. */
function kept(runs: readonly Run[], connection: Connection, outcome: Outcome): number {
  if (!isModelled(runs) && outcome.spans.every(({ stream }) => stream === 0)) return linesKept(connection, outcome).injected.length;
  const grown = bytesKept(connection, outcome);
  if (connection.faults === 0 && isModelled(runs)) asModelled(findings(runs), connection, outcome, grown);
  if (connection.faults === fault.ring && isModelled(runs)) blocksAsSent(findings(runs), outcome);
  return grown.length;
}

/** Runs `count` damaged conversations, each cut in two ways. Helpers that fail make the ways differ. */
function checkHostile(
  harness: Harness,
  seed: number,
  count: number,
  faults = 0,
): { grown: number; modelled: number; reasons: Map<number, number>; dropped: number } {
  const random = new Random(seed);
  const sum = { grown: 0, modelled: 0, reasons: new Map<number, number>(), dropped: 0 };
  for (let done = 0; done < count; done += batch) {
    const cases = Array.from({ length: Math.min(batch, count - done) }, () => {
      const { runs: valid } = conversation(random);
      const runs = faults && random.chance(60) ? valid : damage(random, valid);
      const connection = connectionWith(random, runs, faults);
      const other = cutElsewhere(random, connection, runs);
      return { runs, connection, other };
    });
    const outcomes = harness.run(cases.flatMap(({ connection, other }) => [connection, other]));
    each(cases, ({ runs, connection, other }, index) => {
      const [outcome, elsewhere] = [outcomes[2 * index]!, outcomes[2 * index + 1]!];
      sum.grown += kept(runs, connection, outcome);
      sum.reasons.set(outcome.opaque, (sum.reasons.get(outcome.opaque) ?? 0) + 1);
      for (const { messages } of [outcome, elsewhere]) sum.dropped += messages.filter(({ passed }) => !passed).length;
      if (outcome.left !== 0) throw new Error(`left behind: ${outcome.left}`);
      try {
        sum.grown += kept(runs, other, elsewhere);
      } catch (error) {
        throw new Error(`${(error as Error).message}, cut elsewhere\n${show(other)}`);
      }
      if (faults) return;
      if (isModelled(runs)) sum.modelled++;
      const [state, stateElsewhere] = [invariant(outcome), invariant(elsewhere)];
      if (state !== stateElsewhere) throw new Error(`cut elsewhere: ${stateElsewhere}\nnot ${state}\n${show(other)}`);
    });
  }
  return sum;
}

/** Every cut of `runs` leads to the same state, and keeps every byte. Returns how many connections that were. */
function checkEveryCut(harness: Harness, runs: readonly Run[], how: number, where: number): number {
  const connections = everyCut(runs, how, where);
  const outcomes = harness.run(connections);
  const state = invariant(outcomes[0]!);
  each(
    connections.map((connection) => ({ connection })),
    ({ connection }, index) => {
      kept(runs, connection, outcomes[index]!);
      if (invariant(outcomes[index]!) !== state) throw new Error(`cut elsewhere: ${invariant(outcomes[index]!)}\nnot ${state}`);
    },
  );
  return connections.length;
}

/** What nghttp2 reads of a client's bytes, but for the traceparents that are put in. */
async function readElse(bytes: Buffer, put: readonly number[]): Promise<string> {
  const { requests, error } = await readRequests(bytes);
  const plain = requests.map((one) => ({ ...one, fields: put.includes(one.stream) ? one.fields.slice(0, -1) : one.fields }));
  return JSON.stringify([error, plain]);
}

for (const example of readCorpus()) {
  nativeTest(`trace.h reads http2/corpus/${example.name} as it says, cut at every byte and by every way`, async (t, { sanitized }) => {
    const [whole] = everyCut(example.runs, way.redirected, topology.bothHere);
    const [outcome] = sanitized.run([whole!]);
    t.is(outcome!.opaque, example.opaque);
    t.deepEqual([outcome!.counters.injected, outcome!.counters.notInjected], [example.injected, example.left]);
    const told = outcome!.spans.map(
      (span) => `${span.stream} ${span.aborted ? "aborted" : "whole"} ${span.requestBytes} ${span.answerBytes}`,
    );
    t.deepEqual(told, example.streams);
    const [sent, got] = [joined(whole!.messages, whole!.messages, outcome!, 0), joined(outcome!.messages, whole!.messages, outcome!, 0)];
    const put = outcome!.spans.filter((span) => span.flags & flag.injected).map(({ stream }) => stream);
    const reading = await readElse(sent, []);
    t.is(reading.startsWith('["",'), example.taken, `nghttp2: ${reading}`);
    t.is(await readElse(got, put), reading);
    for (const [how, where] of everyWay) checkEveryCut(sanitized, example.runs, how, where);
  });
}

nativeTest("trace.h follows valid streams of HTTP/2, and gives a traceparent to those it may and nothing else", (t, { plain }) => {
  const { connections, streams, bytes, grown, left, full } = checkValid(plain, 5, all ? 5_000_000 : 20_000);
  t.log(
    `${connections} connections, ${streams} streams, ${bytes} bytes; ${grown} fields put in, ${left} streams without, ${full} untraced`,
  );
  t.true(streams >= 20_000 && grown > 4000 && left > 1000 && full > 2);
});

/** The requests that nghttp2 reads, in the words of the generator: a field that was put in is the last of its request's. */
function checkReading({ requests, error }: Reading, facts: Conversation, grown: ReadonlyMap<number, string>): void {
  if (error) throw new Error(`nghttp2: ${error}`);
  const wanted = facts.requests.map(({ stream, fields, trailers, body, ended }) => {
    const put = grown.get(stream);
    return { stream, fields: put ? [...fields, ["traceparent", put]] : fields, trailers, body: body.toString("latin1"), ended };
  });
  const got = requests.map(({ stream, fields, trailers, body, ended }) => ({
    stream,
    fields,
    trailers,
    body: body.toString("latin1"),
    ended,
  }));
  if (got.length !== wanted.length) throw new Error(`nghttp2 reads ${got.length} requests, not ${wanted.length}`);
  for (const [index, one] of got.entries()) {
    const other = wanted[index]!;
    if (facts.requests[index]!.reset) {
      // Of one that was reset, what came before may not be told any more.
      one.body = other.body;
      one.ended = other.ended;
    }
    const [a, b] = [JSON.stringify(one), JSON.stringify(other)];
    if (a !== b) throw new Error(`nghttp2 reads ${a}\nnot ${b}`);
  }
}

nativeTest("nghttp2 reads the requests that were sent, each with the traceparent that its span tells", async (t, { plain }) => {
  const samples: { facts: Conversation; connection: Connection; bytes: Buffer; put: Map<number, string> }[] = [];
  checkValid(plain, 6, all ? 100_000 : 4000, (facts, connection, outcome, grown) => {
    const bytes = joined(outcome.messages, connection.messages, outcome, 0);
    if (facts.goaway || bytes.length > 60_000) return;
    const put = new Map(
      grown.map(({ start, trace, span }) => {
        const { stream } = findings(facts.runs).exchanges.find((one) => one.start === start)!;
        const { flags } = outcome.spans.find((one) => one.stream === stream)!;
        return [stream, `00-${trace}-${span}-0${flags & 1}`];
      }),
    );
    samples.push({ facts, connection, bytes, put });
  });
  let [requests, fields] = [0, 0];
  for (const { facts, connection, bytes, put } of samples) {
    try {
      checkReading(await readRequests(bytes), facts, put);
    } catch (error) {
      throw new Error(`${(error as Error).message}\n${show(connection)}`.slice(0, 20_000));
    }
    requests += facts.requests.length;
    fields += put.size;
  }
  t.log(`${samples.length} connections, ${requests} requests, ${fields} with a traceparent put in`);
  t.true(requests > 3000 && fields > 1000);
});

nativeTest("trace.h finds the same in hostile connections of HTTP/2 wherever they are cut, and keeps every byte", (t, { plain }) => {
  const { grown, modelled, reasons } = checkHostile(plain, 9, all ? 1_000_000 : 2500);
  t.log(`${grown} fields put in; ${modelled} as the model says; left alone: ${JSON.stringify([...reasons])}`);
  t.true(grown > 2500 && modelled > 1250);
  for (const why of ["no", "notHttp", "longHead", "badFrame"] as const) t.true(reasons.has(opaque[why]), why);
});

nativeTest(
  "nghttp2 reads of hostile connections what it reads of them as they were sent, but for the traceparents",
  async (t, { plain }) => {
    const random = new Random(15);
    const connections = Array.from({ length: all ? 10_000 : 600 }, () => connectionWith(random, damage(random, conversation(random).runs)));
    let [changed, refused] = [0, 0];
    for (const [index, outcome] of plain.run(connections).entries()) {
      const connection = connections[index]!;
      const { messages } = connection;
      const put = outcome.spans.filter((span) => span.stream > 0 && span.flags & flag.injected).map(({ stream }) => stream);
      if (put.length === 0) continue;
      const sent = await readElse(joined(messages, messages, outcome, 0), []);
      const got = await readElse(joined(outcome.messages, messages, outcome, 0), put);
      if (sent !== got) throw new Error(`nghttp2 reads ${got}\nnot ${sent}\n${show(connection)}`.slice(0, 20_000));
      changed++;
      if (sent.startsWith('["ERR')) refused++;
    }
    t.log(`${changed} connections with fields put in, ${refused} of them refused in the end`);
    t.true(changed > 100 && refused > 20);
  },
);

nativeTest("http2.h, streams.h and frames.h do nothing undefined and read nothing that is not theirs (ASAN, UBSAN)", (t, { sanitized }) => {
  t.true(checkValid(sanitized, 11, all ? 200_000 : 2500).grown > 500);
  t.true(checkHostile(sanitized, 12, all ? 100_000 : 800).grown > 250);
});

nativeTest("frames.h leaves every message whole or drops it when the kernel's helpers fail", (t, { sanitized }) => {
  const { push, pull, pop, update, read, ring } = fault;
  for (const faults of [push, pull, pop, pull + pop, update, read, ring, push + pull + pop + update + read + ring]) {
    const { dropped } = checkHostile(sanitized, faults, all ? 20_000 : faults === pull + pop ? 1000 : 150, faults);
    if (faults === pull + pop) t.true(dropped > 3);
    else if (!(faults & pop)) t.is(dropped, 0);
  }
});

nativeTest("trace.h leads generated connections of HTTP/2 to the same state from every cut", (t, { plain }) => {
  const count = all ? 20 : 8;
  const random = new Random(21);
  let connections = 0;
  for (let tried = 0; tried < count; ) {
    const { runs } = conversation(random);
    const hostile = random.chance(50) ? damage(random, runs) : runs;
    if (hostile.reduce((sum, { bytes }) => sum + bytes.length, 0) > 1500) continue;
    const [how, where] = random.pick(everyWay);
    connections += checkEveryCut(plain, hostile, how, where);
    tried++;
  }
  t.log(`${connections} connections`);
  t.true(connections > 250 * count);
});
