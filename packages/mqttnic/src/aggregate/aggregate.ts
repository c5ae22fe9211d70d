/** Aggregates: the state of many topics as one message at `$agg/<name>`. @module */
import { MitsuError } from "@mitsu/cli/error";
import { covers } from "../bridge/topic-filter.ts";
import type { Broker } from "../broker/broker.ts";
import type { AggregateConfig } from "../config/broker-config.ts";
import type { Clock } from "./clock.ts";
import { fieldOf, fieldPath, numberOf, token } from "./number-bytes.ts";
import { SourceTable } from "./source-table.ts";

/** What an aggregate has done. */
export interface AggregateCounters {
  readonly sources: number;
  /** Taken. */
  readonly updates: number;
  /** Left out: no number where one was expected, a topic with too few levels, or too many sources. */
  readonly bad: number;
  /** Sources left out because they were not heard of. */
  readonly stale: number;
  /** Sent. */
  readonly messages: number;
}

/** An aggregate at work. */
export interface RunningAggregate {
  readonly name: string;
  counters(): AggregateCounters;
  stop(): void;
}

/**
 * Starts an aggregate. Its messages are JSON, in this order and without white space; of `last` to `top` those that the configuration names:
 *
 * `{"seq":7,"t":1790000000000,"n":3,"last":{"a":1,"b":2.5,"c":9},"min":1,"max":9,"mean":4.166666666666667,"sum":12.5,"count":42,"top":[["c",9],["b",2.5]]}`
 *
 * `seq` counts this aggregate's messages from 1, `t` is milliseconds since 1970, `n` the number of sources, `count` the updates since the start. With
 * `last` as the only function and no `field`, payloads that are no numbers are values too: JSON as it is, else as a string; then `last` may hold any JSON.
 *
 * @throws {MitsuError} `ERR_AGGREGATE_LOOP` when its filter takes its own messages in.
 * @example
 * ```ts
 * const config = { name: "load", filter: "node/+/load", functions: ["last", "max"], keyLevel: 1, intervalMs: 0, … };
 * const aggregate = startAggregate(broker, config, systemClock);
 * // node/a/load 0.5 → $agg/load {"seq":1,"t":1790000000000,"n":1,"last":{"a":0.5},"max":0.5}
 * ```
 */
export function startAggregate(broker: Broker, config: AggregateConfig, clock: Clock): RunningAggregate {
  const topic = `$agg/${config.name}`;
  if (covers(config.filter, topic))
    throw new MitsuError(`aggregate ${config.name} takes in what it sends: its filter ${config.filter} names ${topic}`, {
      code: "ERR_AGGREGATE_LOOP",
      hint: "aggregate other topics",
    });
  const path = config.field === undefined ? undefined : fieldPath(config.field);
  const anyValue = path === undefined && config.functions.every((name) => name === "last");
  const table = new SourceTable();
  /** Source of a topic; a topic is cut into levels once. */
  const nameOf = new Map<string, string | undefined>();
  let [updates, bad, stale, messages] = [0, 0, 0, 0];
  let changed = false;

  const sourceOf = (of: string): string | undefined => {
    if (nameOf.has(of)) return nameOf.get(of);
    const name = of.split("/").at(config.keyLevel);
    // Topics that were heard of long ago need not be known for ever.
    if (nameOf.size >= 2 * 65_536) nameOf.clear();
    nameOf.set(of, name);
    return name;
  };

  const take = (of: string, buffer: Buffer, start: number, end: number): void => {
    const value = path === undefined ? numberOf(buffer, start, end) : fieldOf(buffer, start, end, path);
    let text: Buffer | undefined;
    if (!Number.isFinite(value)) {
      if (!anyValue) {
        bad++;
        return;
      }
      text = Buffer.from(jsonOf(buffer.toString("utf8", start, end)));
    }
    const name = sourceOf(of);
    const slot = name === undefined ? -1 : table.slot(name);
    if (slot < 0) {
      bad++;
      return;
    }
    if (text === undefined) table.set(slot, value, clock.now(), buffer, token.start, token.end);
    else table.set(slot, Number.NaN, clock.now(), text, 0, text.length);
    updates++;
    changed = true;
  };

  const send = (): void => {
    const nowMs = clock.now();
    if (config.staleMs > 0) {
      const dropped = table.dropHeardBefore(nowMs - config.staleMs);
      stale += dropped;
      if (dropped > 0) changed = true;
    }
    if (!changed) return;
    changed = false;
    messages++;
    const payload = messageOf(table, config, { seq: messages, nowMs, updates });
    broker.publish({ topic, payload, qos: config.qos, retain: config.retain });
  };

  // Values from before the start, unless they may be old.
  if (config.staleMs === 0)
    for (const kept of broker.retainedMessages(config.filter))
      if (kept.payload.length === kept.bytes) {
        const { buffer, byteOffset, length } = kept.payload;
        take(kept.topic, Buffer.from(buffer, byteOffset, length), 0, length);
      }

  const endings = [broker.watch(config.filter, (message) => take(message.topic, message.buffer, message.payloadStart, message.payloadEnd))];
  if (config.intervalMs > 0) endings.push(clock.every(config.intervalMs, send));
  else {
    endings.push(
      broker.onTurn(() => {
        if (changed) send();
      }),
    );
    // Nobody may be left whose message would find out that others are gone.
    if (config.staleMs > 0) endings.push(clock.every(Math.max(config.staleMs / 2, 1), send));
    if (changed) send();
  }
  return {
    name: config.name,
    counters: () => ({ sources: table.size, updates, bad, stale, messages }),
    stop() {
      for (const end of endings) end();
    },
  };
}

function jsonOf(text: string): string {
  try {
    // As written, but without line ends between tokens: stays on one line.
    return JSON.stringify(JSON.parse(text));
  } catch {
    return JSON.stringify(text);
  }
}

function messageOf(
  table: SourceTable,
  { functions, topCount }: AggregateConfig,
  { seq, nowMs, updates }: { readonly seq: number; readonly nowMs: number; readonly updates: number },
): Buffer {
  const n = table.size;
  const has = (name: AggregateConfig["functions"][number]): boolean => functions.includes(name);
  const head = `{"seq":${seq},"t":${nowMs},"n":${n}${has("last") ? ',"last":{' : ""}`;
  let tail = has("last") ? "}" : "";
  // Figures over nothing are null: JSON has no infinity.
  if (has("min")) tail += `,"min":${n === 0 ? null : table.min()}`;
  if (has("max")) tail += `,"max":${n === 0 ? null : table.max()}`;
  if (has("mean")) tail += `,"mean":${n === 0 ? null : table.sum() / n}`;
  if (has("sum")) tail += `,"sum":${table.sum()}`;
  if (has("count")) tail += `,"count":${updates}`;
  if (has("top")) tail += `,"top":${JSON.stringify(table.top(topCount).map(({ name, value }) => [name, value]))}`;
  tail += "}";
  const bytes = Buffer.allocUnsafe(head.length + Buffer.byteLength(tail) + (has("last") ? table.bytes : 0));
  let at = bytes.write(head, "latin1");
  if (has("last")) at = table.write(bytes, at);
  at += bytes.write(tail, at);
  return bytes.subarray(0, at);
}
