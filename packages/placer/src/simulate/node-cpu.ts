/** The cores of one node, shared by whatever runs there, without time slices: exact at any load. @module */
import { EventHeap } from "@mitsu/simulation";

/** How cores are given out: `sharing` gives all the same (processor sharing), `fifo` runs each to its end in the order it came. */
export type Scheduler = "sharing" | "fifo";

/**
 * Cores and what runs on them. A thread gets at most one core, so with `active` threads each runs at min(1, cores / active).
 * Virtual time goes at that rate: work that begins at v ends at v + work, whoever comes and goes meanwhile.
 *
 * Source: the virtual time of fair queueing, Demers, Keshav and Shenker, 1989.
 */
export class NodeCpu {
  /** Core seconds used since the last {@link resetBusy}. */
  busy = 0;
  readonly #cores: number;
  readonly #speed: number;
  readonly #slots: number;
  readonly #running = new EventHeap();
  #waiting: { readonly job: number; readonly work: number }[] = [];
  #firstWaiting = 0;
  #virtual = 0;
  #now = 0;

  /** @param speed Work per second of a core; 1 is what service times were measured on. */
  constructor(cores: number, speed: number, scheduler: Scheduler) {
    this.#cores = cores;
    this.#speed = speed;
    this.#slots = scheduler === "fifo" ? Math.max(1, Math.floor(cores)) : Number.POSITIVE_INFINITY;
  }

  /** Gives it a job of so many seconds of work. */
  add(job: number, work: number, now: number): void {
    this.#advance(now);
    if (this.#running.size < this.#slots) this.#running.push(this.#virtual + work, job);
    else this.#waiting.push({ job, work });
  }

  /** Whether a core is idle. */
  get idle(): boolean {
    return this.#running.size < this.#cores;
  }

  /** When the next job is done; Infinity when none runs. */
  get nextAt(): number {
    if (this.#running.size === 0) return Number.POSITIVE_INFINITY;
    return this.#now + Math.max(0, this.#running.firstTime - this.#virtual) / this.#rate();
  }

  /** Takes out the job that is done at `now`, which {@link nextAt} said. */
  take(now: number): number {
    this.#advance(now);
    const job = this.#running.pop();
    if (this.#firstWaiting < this.#waiting.length) {
      const next = this.#waiting[this.#firstWaiting++]!;
      this.#running.push(this.#virtual + next.work, next.job);
      if (this.#firstWaiting > 1024 && this.#firstWaiting * 2 > this.#waiting.length) {
        this.#waiting = this.#waiting.slice(this.#firstWaiting);
        this.#firstWaiting = 0;
      }
    } else if (this.#running.size === 0) this.#virtual = 0; // keeps its digits on long runs
    return job;
  }

  /** Counts {@link busy} from now on. */
  resetBusy(now: number): void {
    this.#advance(now);
    this.busy = 0;
  }

  #rate(): number {
    return this.#speed * Math.min(1, this.#cores / this.#running.size);
  }

  #advance(now: number): void {
    const passed = now - this.#now;
    this.#now = now;
    const active = this.#running.size;
    if (active === 0 || passed <= 0) return;
    this.#virtual += passed * this.#rate();
    this.busy += passed * Math.min(active, this.#cores);
  }
}
