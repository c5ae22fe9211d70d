/** `mqttnic bench`: an open-loop load on any broker. Each message has a time at which it is due, and its latency counts from then, whenever it leaves. @module */
import { type Context, type Env, formatDuration, formatRate, onSignals, print, progress } from "@mitsu/cli";
import { exitStatus } from "@mitsu/cli/error";
import type { MqttClient } from "mqtt";
import type { BenchArgs } from "./bench-args.ts";
import { brokerTarget, qosOf, usage } from "./broker-args.ts";
import { connectBroker, worded } from "./broker-connection.ts";
import { LatencyHistogram } from "./latency-histogram.ts";

/** Number of the message, number of the run, time it was due. */
const headerBytes = 16;
const connectsAtATime = 32;
/** The run ends when nothing has come for so long. */
const quietMs = 2000;
/** Bits that tell duplicates take no more. */
const mostMarksBytes = 512 * 1024 * 1024;

/** What came out. */
export interface BenchResult {
  readonly publishers: number;
  readonly subscribers: number;
  readonly qos: number;
  readonly payloadBytes: number;
  readonly seconds: number;
  readonly published: number;
  readonly publishedPerSecond: number;
  readonly expected: number;
  readonly delivered: number;
  readonly lost: number;
  readonly duplicates: number;
  readonly deliveredPerSecond: number;
  readonly latencyMs: {
    readonly mean: number;
    readonly p50: number;
    readonly p90: number;
    readonly p99: number;
    readonly p999: number;
    readonly max: number;
  };
}

/** `mqttnic bench`; exit status 1 when a message of QoS 1 or 2 was lost. */
export async function run(args: BenchArgs, context: Context): Promise<number> {
  const { env } = context;
  check(args);
  using signals = onSignals(env);
  const bench = new Bench(args, env, signals.signal);
  try {
    await bench.open();
    const line = progress(env);
    await bench.load((text) => line.update(text));
    line.done();
  } finally {
    await bench.close();
  }
  const result = bench.result();
  print(context, result, resultText);
  return result.lost > 0 && args.qos > 0 ? exitStatus.failure : exitStatus.ok;
}

function check(args: BenchArgs): void {
  const within = (flag: string, value: number, least: number, most: number, whole: boolean): void => {
    if (value >= least && value <= most && (!whole || Number.isInteger(value))) return;
    throw usage(`--${flag} ${value}: a ${whole ? "whole " : ""}number from ${least} to ${most} is needed`, "see mqttnic bench --help");
  };
  within("publishers", args.publishers, 1, 10_000, true);
  within("subscribers", args.subscribers, 0, 10_000, true);
  within("rate", args.rate, 0.1, 1_000_000, false);
  within("size", args.size, headerBytes, 16 * 1024 * 1024, true);
  within("seconds", args.seconds, 0.1, 86_400, false);
  within("warm-up", args.warmUp, 0, 3600, false);
  qosOf(args.qos);
  brokerTarget(args);
  if (args.topic !== undefined && /[+#]/.test(args.topic)) throw usage(`'${args.topic}' has wildcards, a topic has none`, "name one topic");
  const total = Math.ceil(args.rate * (args.seconds + args.warmUp));
  if (total > 0xffff_ffff || (total / 8) * args.subscribers > mostMarksBytes)
    throw usage("that are too many messages to tell apart", "lower --rate, --seconds or --subscribers");
}

/** One run. */
class Bench {
  readonly #args: BenchArgs;
  readonly #env: Env;
  readonly #signal: AbortSignal;
  readonly #run = crypto.getRandomValues(new Uint32Array(1))[0]!;
  readonly #topic: string;
  readonly #latencies = new LatencyHistogram();
  readonly #publishers: MqttClient[] = [];
  readonly #subscribers: MqttClient[] = [];
  readonly #warmUpMessages: number;
  readonly #total: number;
  #startNs = 0n;
  #published = 0;
  #delivered = 0;
  #duplicates = 0;
  #lastMs = 0;
  #sendingS = 0;
  #failed: Error | undefined;

  constructor(args: BenchArgs, env: Env, signal: AbortSignal) {
    this.#args = args;
    this.#env = env;
    this.#signal = signal;
    this.#topic = args.topic ?? `bench/${this.#run.toString(16)}`;
    this.#warmUpMessages = Math.round(args.rate * args.warmUp);
    this.#total = this.#warmUpMessages + Math.max(1, Math.round(args.rate * args.seconds));
  }

  async open(): Promise<void> {
    const { publishers, subscribers } = this.#args;
    await atATime(subscribers, (number) => this.#subscribe(number));
    await atATime(publishers, async (number) => {
      this.#publishers.push(await this.#connect(`p${number}`));
    });
  }

  async #subscribe(number: number): Promise<void> {
    const client = await this.#connect(`s${number}`);
    this.#subscribers.push(client);
    const marks = new Uint8Array(Math.ceil(this.#total / 8));
    client.on("message", (_topic, payload) => this.#take(marks, payload));
    await client.subscribeAsync(this.#topic, { qos: qosOf(this.#args.qos) }).catch((error: Error) => {
      throw worded(error, brokerTarget(this.#args));
    });
  }

  async #connect(suffix: string): Promise<MqttClient> {
    const idPrefix = "mqttnic_bench_";
    const client = await connectBroker(this.#args, this.#env, {
      idPrefix,
      clean: true,
      reconnectMs: 0,
      idSuffix: `_${suffix}`,
      signal: this.#signal,
    });
    const target = brokerTarget(this.#args);
    client.on("error", (error) => {
      this.#failed ??= worded(error, target);
    });
    client.on("close", () => {
      this.#failed ??= worded(new Error("a connection was lost"), target);
    });
    return client;
  }

  #take(marks: Uint8Array, payload: Buffer): void {
    if (payload.length < headerBytes || payload.readUInt32LE(4) !== this.#run) return;
    const nowNs = Number(this.#env.nowNs() - this.#startNs);
    const number = payload.readUInt32LE(0);
    this.#lastMs = performance.now();
    if (number < this.#warmUpMessages) return;
    const bit = 1 << (number & 7);
    if (marks[number >> 3]! & bit) this.#duplicates++;
    else {
      marks[number >> 3]! |= bit;
      this.#delivered++;
      this.#latencies.add(nowNs - payload.readDoubleLE(8));
    }
  }

  /** Sends all messages at their times, and waits for what is on its way. */
  async load(tell: (text: string) => void): Promise<void> {
    const { rate, size } = this.#args;
    const qos = qosOf(this.#args.qos);
    const intervalNs = 1e9 / rate;
    this.#startNs = this.#env.nowNs();
    let toldMs = performance.now();
    for (let number = 0; number < this.#total && !this.#over(); ) {
      const nowNs = Number(this.#env.nowNs() - this.#startNs);
      // All that is due by now: a late turn makes a burst, and its messages are as late as they are.
      for (; number < this.#total && number * intervalNs <= nowNs; number++) {
        const payload = Buffer.alloc(size);
        payload.writeUInt32LE(number, 0);
        payload.writeUInt32LE(this.#run, 4);
        payload.writeDoubleLE(number * intervalNs, 8);
        this.#publishers[number % this.#publishers.length]!.publish(this.#topic, payload, { qos }, (error) => {
          if (error && !this.#signal.aborted) this.#failed ??= worded(error, brokerTarget(this.#args));
        });
        if (number >= this.#warmUpMessages) this.#published++;
      }
      const aheadMs = (number * intervalNs - nowNs) / 1e6;
      // Timers are a millisecond coarse, so the last two are waited for awake.
      await new Promise<void>((resolve) => (aheadMs > 3 ? setTimeout(resolve, Math.min(aheadMs - 2, 100)) : setImmediate(resolve)));
      if (performance.now() - toldMs > 200) {
        toldMs = performance.now();
        tell(`${this.#published} published, ${this.#delivered} delivered`);
      }
    }
    this.#sendingS = Math.max(Number(this.#env.nowNs() - this.#startNs) / 1e9 - this.#args.warmUp, 1e-9);
    this.#lastMs = performance.now();
    while (this.#delivered < this.#expected && performance.now() - this.#lastMs < quietMs && !this.#over()) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    if (this.#failed && !this.#signal.aborted) throw this.#failed;
  }

  #over(): boolean {
    return this.#signal.aborted || this.#failed !== undefined;
  }

  get #expected(): number {
    return this.#published * this.#subscribers.length;
  }

  async close(): Promise<void> {
    const all = [...this.#publishers, ...this.#subscribers];
    for (const client of all) client.removeAllListeners("close");
    await Promise.all(all.map((client) => client.endAsync(this.#over()).catch(() => {})));
  }

  result(): BenchResult {
    const { publishers, subscribers, qos, size } = this.#args;
    const ms = (ns: number): number => Math.round(ns / 1e3) / 1e3;
    const latencies = this.#latencies;
    return {
      publishers,
      subscribers,
      qos,
      payloadBytes: size,
      seconds: Math.round(this.#sendingS * 1000) / 1000,
      published: this.#published,
      publishedPerSecond: Math.round(this.#published / this.#sendingS),
      expected: this.#expected,
      delivered: this.#delivered,
      lost: this.#expected - this.#delivered,
      duplicates: this.#duplicates,
      deliveredPerSecond: Math.round(this.#delivered / this.#sendingS),
      latencyMs: {
        mean: ms(latencies.meanNs),
        p50: ms(latencies.quantileNs(0.5)),
        p90: ms(latencies.quantileNs(0.9)),
        p99: ms(latencies.quantileNs(0.99)),
        p999: ms(latencies.quantileNs(0.999)),
        max: ms(latencies.maxNs),
      },
    };
  }
}

/** Calls with 0 to `count` - 1, some at a time: brokers bound how many connect at once. */
async function atATime(count: number, call: (number: number) => Promise<void>): Promise<void> {
  for (let from = 0; from < count; from += connectsAtATime) {
    await Promise.all(Array.from({ length: Math.min(connectsAtATime, count - from) }, (_, index) => call(from + index)));
  }
}

function resultText(result: BenchResult): string {
  const { latencyMs, publishers, subscribers } = result;
  const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`;
  const text = (ms: number): string => formatDuration(ms * 1e6);
  return [
    `${counted(publishers, "publisher")}, ${counted(subscribers, "subscriber")}, QoS ${result.qos}, ${result.payloadBytes} B, ${result.seconds.toFixed(1)} s`,
    `published   ${result.published} (${formatRate(result.publishedPerSecond, "msg")})`,
    `delivered   ${result.delivered} of ${result.expected} (${formatRate(result.deliveredPerSecond, "msg")}), ${result.lost} lost, ${counted(result.duplicates, "duplicate")}`,
    ...(result.delivered === 0
      ? []
      : [
          `latency     p50 ${text(latencyMs.p50)}, p90 ${text(latencyMs.p90)}, p99 ${text(latencyMs.p99)}, p99.9 ${text(latencyMs.p999)}, max ${text(latencyMs.max)}`,
        ]),
    "",
  ].join("\n");
}
