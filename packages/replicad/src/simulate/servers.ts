/** The servers: a queue each, first come first served, workers, a speed that changes, and what they say of themselves. @module */
import type { EventHeap } from "@mitsu/simulation";
import { DrainTime } from "../signals/drain-time.ts";
import { LatencyNear } from "./latency-near.ts";
import type { Requests } from "./requests.ts";
import type { Setting } from "./setting.ts";
import { StateHistory } from "./state-history.ts";

/** All servers; times are milliseconds. */
export class Servers {
  readonly count: number;
  /** Waiting and being worked on. */
  readonly inFlight: Int32Array;
  readonly up: Uint8Array;
  readonly speed: Float64Array;
  /** What each server says a request takes: its drain time, 0 before the first request ended. */
  readonly serviceMs: Float64Array;
  readonly history: readonly StateHistory[];
  /** Of each server, when anything changed on its node, for which one message tells all. */
  readonly changes: readonly StateHistory[];
  readonly latencies: readonly LatencyNear[];
  readonly #drains: readonly DrainTime[];
  /** Time with something in flight until the last change, and requests ended. */
  readonly #busyMs: Float64Array;
  readonly #ended: Int32Array;
  readonly #changedMs: Float64Array;
  /** Latencies are told too: probes are answered by what was told. */
  readonly #tells: boolean;
  readonly #workers: number;
  readonly #requests: Requests;
  readonly #events: EventHeap;
  readonly #doneEvent: (slot: number) => number;
  /** Per worker: its request or −1, work left at `since`, and when it will be done. */
  readonly #request: Int32Array;
  readonly #leftMs: Float64Array;
  readonly #sinceMs: Float64Array;
  readonly #dueMs: Float64Array;
  readonly #first: Int32Array;
  readonly #last: Int32Array;

  /** @param doneEvent The number of the event that a worker's request is done. */
  constructor(
    { servers, workers, nodes, feedback, probe }: Pick<Setting, "servers" | "workers" | "nodes" | "feedback" | "probe">,
    requests: Requests,
    events: EventHeap,
    doneEvent: (slot: number) => number,
  ) {
    this.count = servers;
    this.inFlight = new Int32Array(servers);
    this.up = new Uint8Array(servers).fill(1);
    this.speed = new Float64Array(servers).fill(1);
    this.serviceMs = new Float64Array(servers);
    // Never heard, so nothing has to be kept.
    const horizonMs = Number.isFinite(feedback.intervalMs) ? feedback.delayMs + feedback.intervalMs + feedback.quietMs : 0;
    this.history = Array.from({ length: servers }, () => new StateHistory(horizonMs, feedback.lostAtMs));
    const ofNode = Array.from({ length: nodes }, () => new StateHistory(horizonMs, feedback.lostAtMs));
    this.changes = nodes === 0 ? this.history : this.history.map((_, server) => ofNode[server % nodes]!);
    this.latencies = Array.from({ length: servers }, () => new LatencyNear());
    this.#drains = Array.from({ length: servers }, () => new DrainTime());
    for (const drain of this.#drains) drain.take(0, 0, 0);
    this.#busyMs = new Float64Array(servers);
    this.#ended = new Int32Array(servers);
    this.#changedMs = new Float64Array(servers);
    this.#tells = probe.answers === "table";
    this.#workers = workers;
    this.#requests = requests;
    this.#events = events;
    this.#doneEvent = doneEvent;
    this.#request = new Int32Array(servers * workers).fill(-1);
    this.#leftMs = new Float64Array(servers * workers);
    this.#sinceMs = new Float64Array(servers * workers);
    this.#dueMs = new Float64Array(servers * workers);
    this.#first = new Int32Array(servers).fill(-1);
    this.#last = new Int32Array(servers).fill(-1);
  }

  /** A request reaches a server that is up. */
  reach(server: number, request: number, nowMs: number): void {
    const requests = this.#requests;
    requests.reachedMs[request] = nowMs;
    this.#changes(server, 1, nowMs);
    requests.inFlightThen[request] = this.inFlight[server]!;
    for (let slot = server * this.#workers; slot < (server + 1) * this.#workers; slot++) {
      if (this.#request[slot]! < 0) {
        this.#begin(server, slot, request, nowMs);
        return;
      }
    }
    requests.next[request] = -1;
    if (this.#first[server]! < 0) this.#first[server] = request;
    else requests.next[this.#last[server]!] = request;
    this.#last[server] = request;
  }

  /** A worker's event came up: its request, which says now what the answer says, or −1 when the speed changed since the event was made. */
  done(slot: number, nowMs: number): number {
    const request = this.#request[slot]!;
    if (request < 0 || this.#dueMs[slot] !== nowMs) return -1;
    const server = (slot / this.#workers) | 0;
    const requests = this.#requests;
    // A node sees how many are in flight when it looks, which is soon after one ended; the server knows how many there were when it came.
    const inFlight = this.#tells ? this.inFlight[server]! - 1 : requests.inFlightThen[request]!;
    this.latencies[server]!.add(inFlight, nowMs - requests.reachedMs[request]!);
    this.#ended[server]!++;
    this.#changes(server, -1, nowMs);
    requests.saysInFlight[request] = this.inFlight[server]!;
    requests.saysServiceMs[request] = this.serviceMs[server]!;
    const waiting = this.#first[server]!;
    if (waiting < 0) this.#request[slot] = -1;
    else {
      this.#first[server] = requests.next[waiting]!;
      this.#begin(server, slot, waiting, nowMs);
    }
    return request;
  }

  setSpeed(server: number, speed: number, nowMs: number): void {
    const before = this.speed[server]!;
    this.speed[server] = speed;
    for (let slot = server * this.#workers; slot < (server + 1) * this.#workers; slot++) {
      if (this.#request[slot]! < 0) continue;
      this.#leftMs[slot]! -= (nowMs - this.#sinceMs[slot]!) * before;
      this.#plan(server, slot, nowMs);
    }
  }

  /** Work besides requests, such as a probe's answer: it delays what the server works on. */
  interrupt(server: number, costMs: number, nowMs: number): void {
    if (costMs === 0) return;
    const speed = this.speed[server]!;
    for (let slot = server * this.#workers; slot < (server + 1) * this.#workers; slot++) {
      if (this.#request[slot]! < 0) continue;
      this.#leftMs[slot]! += costMs - (nowMs - this.#sinceMs[slot]!) * speed;
      this.#plan(server, slot, nowMs);
      return;
    }
  }

  /** The server goes down; `lost` gets each request that it had. */
  crash(server: number, nowMs: number, lost: (request: number) => void): void {
    this.up[server] = 0;
    this.#changes(server, -this.inFlight[server]!, nowMs);
    const gone: number[] = [];
    for (let slot = server * this.#workers; slot < (server + 1) * this.#workers; slot++) {
      if (this.#request[slot]! >= 0) gone.push(this.#request[slot]!);
      this.#request[slot] = -1;
    }
    for (let request = this.#first[server]!; request >= 0; request = this.#requests.next[request]!) gone.push(request);
    this.#first[server] = -1;
    for (const request of gone) lost(request);
  }

  /** The server is up again. Its node remembers it, unless that began anew too: `forgotten`. */
  restart(server: number, forgotten: boolean): void {
    this.up[server] = 1;
    if (!forgotten) return;
    this.serviceMs[server] = 0;
    this.#drains[server]!.forget();
  }

  #begin(server: number, slot: number, request: number, nowMs: number): void {
    this.#request[slot] = request;
    this.#leftMs[slot] = this.#requests.demandMs[request]!;
    this.#plan(server, slot, nowMs);
  }

  #plan(server: number, slot: number, nowMs: number): void {
    this.#sinceMs[slot] = nowMs;
    const due = nowMs + Math.max(0, this.#leftMs[slot]!) / this.speed[server]!;
    this.#dueMs[slot] = due;
    this.#events.push(due, this.#doneEvent(slot));
  }

  /** Requests came or went. */
  #changes(server: number, requests: number, nowMs: number): void {
    if (this.inFlight[server]! > 0) this.#busyMs[server]! += nowMs - this.#changedMs[server]!;
    this.#changedMs[server] = nowMs;
    this.inFlight[server]! += requests;
    const drain = this.#drains[server]!;
    drain.take(this.#busyMs[server]!, this.#ended[server]!, nowMs);
    this.serviceMs[server] = drain.ms;
    const latencyMs = this.#tells ? this.latencies[server]!.median(this.inFlight[server]!) : 0;
    this.history[server]!.push(nowMs, this.inFlight[server]!, this.serviceMs[server]!, latencyMs);
    if (this.changes !== this.history) this.changes[server]!.push(nowMs, 0, 0, 0);
  }
}
