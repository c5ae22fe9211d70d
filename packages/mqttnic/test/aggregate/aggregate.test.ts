import test from "ava";
import fc from "fast-check";
import { startAggregate } from "../../src/aggregate/aggregate.ts";
import { SourceTable } from "../../src/aggregate/source-table.ts";
import type { AggregateConfig } from "../../src/config/broker-config.ts";
import { fakeBroker } from "./fake-broker.ts";
import { standing } from "./standing-clock.ts";

const config: AggregateConfig = {
  name: "load",
  filter: "node/+/load",
  functions: ["last", "min", "max", "mean", "sum", "count", "top"],
  field: undefined,
  keyLevel: 1,
  topCount: 2,
  intervalMs: 0,
  staleMs: 0,
  retain: false,
  qos: 0,
};

const texts = (broker: ReturnType<typeof fakeBroker>): string[] => broker.published.map(({ payload }) => payload.toString());

test("startAggregate() sends one message at the end of each turn in which something changed", (t) => {
  const broker = fakeBroker();
  const aggregate = startAggregate(broker, config, standing());
  broker.pass("node/a/load", "1");
  broker.pass("node/b/load", "2.5");
  broker.pass("node/c/load", "9");
  broker.pass("other/c/load", "100");
  t.is(broker.published.length, 0);
  broker.turn();
  broker.turn();
  broker.pass("node/a/load", "10");
  broker.turn();
  t.deepEqual(texts(broker), [
    '{"seq":1,"t":1000,"n":3,"last":{"a":1,"b":2.5,"c":9},"min":1,"max":9,"mean":4.166666666666667,"sum":12.5,"count":3,"top":[["c",9],["b",2.5]]}',
    '{"seq":2,"t":1000,"n":3,"last":{"a":10,"b":2.5,"c":9},"min":2.5,"max":10,"mean":7.166666666666667,"sum":21.5,"count":4,"top":[["a",10],["c",9]]}',
  ]);
  t.is(broker.published[0]?.topic, "$agg/load");
  aggregate.stop();
  broker.pass("node/a/load", "11");
  broker.turn();
  t.is(broker.published.length, 2);
});

test("startAggregate() sends at its interval what was heard of since, retained if asked", (t) => {
  const broker = fakeBroker();
  const clock = standing();
  startAggregate(broker, { ...config, functions: ["last"], intervalMs: 10, retain: true, qos: 1 }, clock);
  broker.pass("node/a/load", "1");
  broker.turn();
  t.is(broker.published.length, 0);
  clock.pass(10);
  clock.pass(10);
  broker.pass("node/a/load", "1");
  clock.pass(10);
  t.deepEqual(texts(broker), ['{"seq":1,"t":1010,"n":1,"last":{"a":1}}', '{"seq":2,"t":1030,"n":1,"last":{"a":1}}']);
  t.like(broker.published[0], { retain: true, qos: 1 });
});

test("startAggregate() leaves out sources that went silent, and says so though nobody is left", (t) => {
  const broker = fakeBroker();
  const clock = standing();
  const aggregate = startAggregate(broker, { ...config, functions: ["last", "max"], staleMs: 100 }, clock);
  broker.pass("node/a/load", "1");
  broker.turn();
  clock.pass(60);
  broker.pass("node/b/load", "2");
  broker.turn();
  clock.pass(60);
  clock.pass(100);
  t.deepEqual(texts(broker), [
    '{"seq":1,"t":1000,"n":1,"last":{"a":1},"max":1}',
    '{"seq":2,"t":1060,"n":2,"last":{"a":1,"b":2},"max":2}',
    '{"seq":3,"t":1150,"n":1,"last":{"b":2},"max":2}',
    '{"seq":4,"t":1200,"n":0,"last":{},"max":null}',
  ]);
  t.is(aggregate.counters().stale, 2);
});

test("startAggregate() takes a field of JSON payloads and counts bad ones", (t) => {
  const broker = fakeBroker();
  const aggregate = startAggregate(broker, { ...config, functions: ["last"], field: "cpu.user", keyLevel: -2 }, standing());
  broker.pass("node/a/load", '{"x":[1,{"cpu":3}],"cpu":{"system":1,"user":0.25}}');
  for (const bad of ["", "7", "{", '{"cpu":{"user":"1"}}', "\0\xff"]) broker.pass("node/a/load", bad);
  broker.turn();
  t.deepEqual(texts(broker), ['{"seq":1,"t":1000,"n":1,"last":{"a":0.25}}']);
  t.like(aggregate.counters(), { updates: 1, bad: 5 });
});

test("startAggregate() hands any value on when only the last ones are asked for", (t) => {
  const broker = fakeBroker();
  startAggregate(broker, { ...config, functions: ["last"] }, standing());
  broker.pass("node/a/load", '{ "cpu": 1,\n "up": true }');
  broker.pass('node/"q/load', "not JSON");
  broker.pass("node/c/load", "5");
  broker.turn();
  t.deepEqual(JSON.parse(texts(broker)[0] ?? "").last, { a: { cpu: 1, up: true }, '"q': "not JSON", c: 5 });
});

test("startAggregate() begins with retained values, and refuses to take its own messages in", (t) => {
  const broker = fakeBroker({ "node/a/load": "4", "node/b/load": "no number", x: "1" });
  startAggregate(broker, { ...config, functions: ["sum"] }, standing());
  t.deepEqual(texts(broker), ['{"seq":1,"t":1000,"n":1,"sum":4}']);
  t.throws(() => startAggregate(broker, { ...config, filter: "$agg/#" }, standing()), { code: "ERR_AGGREGATE_LOOP" });
});

const json = (table: SourceTable): string => {
  const bytes = Buffer.alloc(table.bytes);
  return bytes.toString("utf8", 0, table.write(bytes, 0));
};

test("SourceTable gives the figures of a model that sorts, over updates and drops", (t) => {
  const step = fc.record({
    name: fc.integer({ min: 0, max: 80 }),
    value: fc.integer({ min: -50, max: 50 }),
    drop: fc.integer({ min: 0, max: 20 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const table = new SourceTable();
      const model = new Map<string, { value: number; at: number }>();
      for (const [at, { name, value, drop }] of steps.entries()) {
        // A long way to write some numbers, so that both ways of keeping them are met.
        const text = Buffer.from(value % 7 === 0 ? `${value}.${"0".repeat(30)}` : String(value));
        table.set(table.slot(`n${name}`), value, at, text, 0, text.length);
        model.set(`n${name}`, { value, at });
        if (drop > 0) continue;
        table.dropHeardBefore(at - 20);
        for (const [key, entry] of model) if (entry.at < at - 20) model.delete(key);
      }
      const values = [...model.values()].map((entry) => entry.value).toSorted((a, b) => b - a);
      t.is(table.size, model.size);
      t.is(
        table.sum(),
        values.reduce((sum, value) => sum + value, 0),
      );
      if (values.length === 0) return;
      t.is(table.max(), values[0]!);
      t.is(table.min(), values.at(-1)!);
      t.deepEqual(
        table.top(5).map(({ value }) => value),
        values.slice(0, 5),
      );
      t.deepEqual(JSON.parse(`{${json(table)}}`), Object.fromEntries([...model].map(([key, entry]) => [key, entry.value])));
    }),
    { seed: 1, numRuns: 300 },
  );
});
