/**
 * The simulation: discrete events, from a request's arrival at a client to its answer. One class, as every event touches the same state; what servers, clients and
 * broadcasts do is in their files. All draws depend on the request's, server's or period's number and the place only, so that every selector meets the same arrivals,
 * demands and changes of speed.
 *
 * @module
 */
import { createSelector, type Report, type Selector, type SelectorOptions } from "@mitsu/selector";
import { type Draws, EventHeap, samplerOf } from "@mitsu/simulation";
import { arrivalTimes } from "./arrivals.ts";
import { Broadcasts } from "./broadcasts.ts";
import { Client, type KnownServer } from "./client.ts";
import { jsq } from "./jsq.ts";
import type { Outcome } from "./outcome.ts";
import { Requests } from "./requests.ts";
import { place, SeededDraws } from "./seeded-draws.ts";
import { Servers } from "./servers.ts";
import { capacityPerMs, type Setting } from "./setting.ts";
import { Tally } from "./tally.ts";

/** Kinds of events; an event is 8 × what it is about + its kind. */
const kind = { arrival: 0, reach: 1, done: 2, answer: 3, speed: 4, probe: 5, probed: 6, outage: 7 } as const;

/**
 * Simulates one run.
 *
 * @example
 * ```ts
 * simulate({ ...usualSetting, selector: "p2c", durationMs: 10_000 }).responseMs?.p99;
 * ```
 * @throws {MitsuError} `ERR_SELECTOR_OPTION`, from the selector.
 */
export function simulate(setting: Setting): Outcome {
  return new Simulation(setting).run();
}

class Simulation {
  readonly #setting: Setting;
  readonly #draws: SeededDraws;
  /** Of its own: a selector draws while others may. */
  readonly #selecting: SeededDraws;
  readonly #events = new EventHeap();
  readonly #requests = new Requests();
  readonly #servers: Servers;
  readonly #broadcasts: Broadcasts;
  readonly #clients: readonly Client[];
  readonly #tally: Tally;
  readonly #byTable: boolean;
  readonly #ratePerMs: number;
  readonly #nextArrival: () => number;
  readonly #demand: (draws: Draws) => number;
  readonly #network: (draws: Draws) => number;
  readonly #context: { nowMs: number; readonly random: () => number; readonly clients: number; readonly stickyKey: null };
  readonly #underWay: Int32Array;
  readonly #switches: Int32Array;
  /** Probes under way: client × servers + server, and what the answer says. */
  readonly #probes = {
    about: [] as number[],
    inFlight: [] as number[],
    latencyMs: [] as number[],
    serviceMs: [] as number[],
    free: [] as number[],
  };
  #nowMs = 0;
  #arrivals = 0;
  #inSystem = 0;
  #over = false;

  constructor(setting: Setting) {
    this.#setting = setting;
    this.#draws = new SeededDraws(setting.seed);
    this.#selecting = new SeededDraws(setting.seed);
    this.#servers = new Servers(setting, this.#requests, this.#events, (slot) => slot * 8 + kind.done);
    this.#broadcasts = new Broadcasts(setting, this.#servers, this.#draws);
    this.#underWay = new Int32Array(setting.servers);
    this.#switches = new Int32Array(setting.servers);
    this.#clients = Array.from(
      { length: setting.clients },
      (_, number) => new Client(this.#selectorOf(setting.selector, setting.options), number, setting),
    );
    this.#tally = new Tally(setting);
    this.#byTable = setting.probe.answers === "table";
    this.#ratePerMs = setting.load * capacityPerMs(setting);
    this.#nextArrival = arrivalTimes(setting.arrivals, this.#ratePerMs, new SeededDraws(setting.seed));
    this.#demand = samplerOf(setting.service);
    this.#network = samplerOf(setting.network);
    this.#context = { nowMs: 0, random: () => this.#selecting.uniform(), clients: setting.clients, stickyKey: null };
  }

  run(): Outcome {
    this.#begin();
    const events = this.#events;
    // After the last arrival it goes on until everything is answered, so that long waits are counted as well.
    while (events.size > 0 && (!this.#over || this.#inSystem > 0)) {
      this.#nowMs = events.firstTime;
      const event = events.pop();
      this.#tally.events++;
      this.#handle(event & 7, event >> 3);
    }
    return this.#tally.outcome(this.#ratePerMs);
  }

  #begin(): void {
    const { speed, outages } = this.#setting;
    this.#events.push(this.#nextArrival(), kind.arrival);
    for (let server = 0; server < this.#setting.servers; server++) {
      if (speed.kind === "fixed" && server < speed.servers) this.#servers.setSpeed(server, speed.slow, 0);
      if (speed.kind !== "varying") continue;
      // In the long run's state from the first moment.
      const slow = this.#draws.at(server, place.phase).uniform() * (speed.fastForMs + speed.slowForMs) < speed.slowForMs;
      this.#switches[server] = slow ? 1 : 0;
      this.#setSpeed(server);
    }
    for (const [at, { fromMs, toMs, drainMs }] of outages.entries()) {
      if (drainMs > 0) this.#events.push(Math.max(0, fromMs - drainMs), (at * 3 + 0) * 8 + kind.outage);
      this.#events.push(fromMs, (at * 3 + 1) * 8 + kind.outage);
      if (toMs < Number.POSITIVE_INFINITY) this.#events.push(toMs, (at * 3 + 2) * 8 + kind.outage);
    }
  }

  #handle(what: number, about: number): void {
    switch (what) {
      case kind.arrival:
        this.#arrive();
        return;
      case kind.reach:
        this.#reach(about);
        return;
      case kind.done: {
        const request = this.#servers.done(about, this.#nowMs);
        if (request >= 0) this.#answerComes(request, this.#nowMs);
        return;
      }
      case kind.answer:
        this.#answer(about);
        return;
      case kind.speed:
        this.#switches[about]!++;
        this.#setSpeed(about);
        return;
      case kind.probe:
        this.#probeReaches(about);
        return;
      case kind.probed:
        this.#probeAnswered(about);
        return;
      case kind.outage:
        this.#outage(about);
        return;
    }
  }

  #arrive(): void {
    const next = this.#nextArrival();
    if (next < this.#setting.durationMs) this.#events.push(next, kind.arrival);
    else this.#over = true;
    const requests = this.#requests;
    const request = requests.take();
    const number = this.#arrivals++;
    requests.number[request] = number;
    requests.client[request] = Math.floor(this.#draws.at(number, place.client).uniform() * this.#setting.clients);
    requests.demandMs[request] = this.#demand(this.#draws.at(number, place.demand));
    requests.arrivedMs[request] = this.#nowMs;
    requests.failed[request] = 0;
    this.#inSystem++;
    this.#tally.arrived(this.#nowMs);
    this.#send(request, -1);
  }

  #send(request: number, unlike: number): void {
    const requests = this.#requests;
    const nowMs = this.#nowMs;
    const failed = requests.failed[request]!;
    const key = requests.number[request]! + failed * 0x1000193;
    const client = this.#clients[requests.client[request]!]!;
    this.#context.nowMs = nowMs;
    this.#selecting.at(key, place.select);
    client.hear(this.#broadcasts, nowMs);
    const selected = client.select(this.#context, unlike);
    const { server } = selected;
    client.sent(selected, nowMs);
    requests.server[request] = server;
    requests.sentMs[request] = nowMs;
    this.#underWay[server]!++;
    this.#tally.sent(server, nowMs);
    for (const probed of client.probes(this.#context)) this.#probe(requests.client[request]!, probed);
    const delay = selected.here ? 0 : this.#network(this.#draws.at(key, place.out));
    if (delay > 0) this.#events.push(nowMs + delay, request * 8 + kind.reach);
    else this.#reach(request);
  }

  #reach(request: number): void {
    const server = this.#requests.server[request]!;
    this.#underWay[server]!--;
    if (this.#servers.up[server] === 1) this.#servers.reach(server, request, this.#nowMs);
    else this.#lose(request, true);
  }

  /** The request's server is down, or went down with it. */
  #lose(request: number, reached: boolean): void {
    const { outages, timeoutMs } = this.#setting;
    const requests = this.#requests;
    const server = requests.server[request]!;
    const outage = outages.find((one) => one.server === server && one.fromMs <= this.#nowMs && this.#nowMs < one.toMs);
    const silent = outage?.how === "silent";
    requests.saysInFlight[request] = reached && !silent ? -1 : -2;
    if (reached && !silent) this.#broadcasts.refused(server, this.#nowMs);
    if (silent) this.#events.push(Math.max(this.#nowMs, requests.sentMs[request]! + timeoutMs), request * 8 + kind.answer);
    else this.#answerComes(request, this.#nowMs);
  }

  #answerComes(request: number, fromMs: number): void {
    const key = this.#requests.number[request]! + this.#requests.failed[request]! * 0x1000193;
    const { here } = this.#clients[this.#requests.client[request]!]!.known[this.#requests.server[request]!]!;
    const delay = here ? 0 : this.#network(this.#draws.at(key, place.back));
    if (delay > 0) this.#events.push(fromMs + delay, request * 8 + kind.answer);
    else this.#answer(request);
  }

  #answer(request: number): void {
    const requests = this.#requests;
    const nowMs = this.#nowMs;
    const client = this.#clients[requests.client[request]!]!;
    const server = requests.server[request]!;
    const inFlight = requests.saysInFlight[request]!;
    const ok = inFlight >= 0;
    const outcome = ok ? "ok" : inFlight === -1 ? "refused" : "failed";
    const known = client.known[server]!;
    client.answered(known, nowMs, requests.sentMs[request]!, this.#reportWith(request, known), !this.#byTable, outcome);
    if (!ok) {
      this.#tally.failedTry(server, this.#servers.up[server] === 1, nowMs);
      if (requests.failed[request]!++ < this.#setting.retries) {
        this.#tally.retries++;
        this.#send(request, server);
        return;
      }
    }
    this.#inSystem--;
    this.#tally.over(requests.arrivedMs[request]!, nowMs, ok);
    requests.giveBack(request);
  }

  /** What a client has of a server's state with its answer; null for nothing. */
  #reportWith(request: number, { server, here }: KnownServer): Report | null {
    const inFlight = this.#requests.saysInFlight[request]!;
    if (!this.#setting.piggyback || inFlight < 0) return null;
    if (this.#byTable) return this.#broadcasts.table(server, here, this.#nowMs);
    return { inFlight, latencyMs: 0, serviceMs: this.#requests.saysServiceMs[request]!, workers: 0 };
  }

  /** Sets the speed that an even or odd number of switches leaves, and plans the next switch. */
  #setSpeed(server: number): void {
    const { speed } = this.#setting;
    if (speed.kind !== "varying") return;
    const number = this.#switches[server]!;
    const slow = (number & 1) === 1;
    this.#servers.setSpeed(server, slow ? speed.slow : 1, this.#nowMs);
    const lasts = (slow ? speed.slowForMs : speed.fastForMs) * this.#draws.at(server * 0x10001 + number, place.speed).exponential();
    this.#events.push(this.#nowMs + lasts, server * 8 + kind.speed);
  }

  #probe(client: number, { server, here }: KnownServer): void {
    if (this.#byTable) {
      const { selector, known } = this.#clients[client]!;
      const report = this.#broadcasts.table(server, here, this.#nowMs);
      if (report !== null) selector.probed?.(known[server]!, this.#nowMs, report);
      this.#tally.probes++;
      return;
    }
    const probes = this.#probes;
    const at = probes.free.pop() ?? probes.about.length;
    probes.about[at] = client * this.#setting.servers + server;
    this.#tally.probes++;
    this.#events.push(this.#nowMs + (here ? 0 : this.#setting.probe.delayMs), at * 8 + kind.probe);
  }

  #probeReaches(at: number): void {
    const probes = this.#probes;
    const server = probes.about[at]! % this.#setting.servers;
    if (this.#servers.up[server] === 0) {
      // No answer: a probe's failure tells a selector nothing that the pool's age does not.
      probes.free.push(at);
      return;
    }
    const inFlight = this.#servers.inFlight[server]!;
    probes.inFlight[at] = inFlight;
    probes.latencyMs[at] = this.#servers.latencies[server]!.median(inFlight);
    probes.serviceMs[at] = this.#servers.serviceMs[server]!;
    this.#servers.interrupt(server, this.#setting.probe.costMs, this.#nowMs);
    const { here } = this.#clients[Math.floor(probes.about[at]! / this.#setting.servers)]!.known[server]!;
    this.#events.push(this.#nowMs + (here ? 0 : this.#setting.probe.delayMs), at * 8 + kind.probed);
  }

  #probeAnswered(at: number): void {
    const probes = this.#probes;
    const client = this.#clients[Math.floor(probes.about[at]! / this.#setting.servers)]!;
    const server = client.known[probes.about[at]! % this.#setting.servers]!;
    const report = { inFlight: probes.inFlight[at]!, latencyMs: probes.latencyMs[at]!, serviceMs: probes.serviceMs[at]!, workers: 0 };
    client.selector.probed?.(server, this.#nowMs, report);
    probes.free.push(at);
  }

  #outage(about: number): void {
    const { server, drainMs, how } = this.#setting.outages[Math.floor(about / 3)]!;
    const step = about % 3;
    if (step === 0) for (const client of this.#clients) client.drain(server, true, this.#nowMs);
    if (step === 1) {
      if (how === "silent") this.#broadcasts.gone(server, this.#nowMs);
      this.#servers.crash(server, this.#nowMs, (request) => this.#lose(request, false));
    }
    if (step === 2) {
      this.#servers.restart(server, how === "silent");
      this.#broadcasts.up(server, this.#nowMs);
      this.#tally.recovered(server);
      if (drainMs > 0) for (const client of this.#clients) client.drain(server, false, this.#nowMs);
    }
  }

  #selectorOf(name: Setting["selector"], options: SelectorOptions | undefined): Selector {
    if (name !== "jsq") return createSelector(name, options);
    return jsq((candidate) => {
      const { server } = candidate as KnownServer;
      return this.#servers.inFlight[server]! + this.#underWay[server]!;
    });
  }
}
