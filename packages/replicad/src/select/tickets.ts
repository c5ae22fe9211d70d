/** Selections that were made for other programs and wait for their outcome. @module */
import type { SelectOutcome } from "@mitsu/ipc";
import type { Choice, PortSelection } from "./port-selection.ts";

/** One of them. */
interface Ticket {
  readonly selection: PortSelection;
  readonly choice: Choice;
  readonly sentAtMs: number;
}

/** What nobody answers in this time is taken for over. */
const forgetMs = 60_000;
/** Most that wait; beyond them the oldest is forgotten. */
const most = 65_536;

/** Bounded, and in the order of their making: the oldest is found without a search. */
export class Tickets {
  made = 0;
  /** Never answered. */
  forgotten = 0;
  /** Answers to tickets that there are not. */
  unknown = 0;
  readonly #waiting = new Map<number, Ticket>();

  get waiting(): number {
    return this.#waiting.size;
  }

  /** A request goes to the chosen replica. @returns Its number. */
  begin(selection: PortSelection, choice: Choice, nowMs: number): number {
    this.expire(nowMs);
    if (this.#waiting.size >= most) this.#forget(this.#waiting.entries().next().value![0], nowMs);
    const ticket = ++this.made;
    this.#waiting.set(ticket, { selection, choice, sentAtMs: selection.begin(choice, nowMs) });
    return ticket;
  }

  /** It has ended. @returns Whether there was such a ticket. */
  end(number: number, nowMs: number, latencyMs: number, outcome: SelectOutcome): boolean {
    const ticket = this.#waiting.get(number);
    if (ticket === undefined) {
      this.unknown++;
      return false;
    }
    this.#waiting.delete(number);
    const { selection, choice, sentAtMs } = ticket;
    selection.end(choice, nowMs, sentAtMs, latencyMs, outcome);
    return true;
  }

  /** Forgets those that are too old. */
  expire(nowMs: number): void {
    for (const [number, { sentAtMs }] of this.#waiting) {
      if (nowMs - sentAtMs < forgetMs) return;
      this.#forget(number, nowMs);
    }
  }

  /** Says nothing of how the replica is: it may have answered, and nobody told. */
  #forget(number: number, nowMs: number): void {
    const { selection, choice, sentAtMs } = this.#waiting.get(number)!;
    this.#waiting.delete(number);
    this.forgotten++;
    selection.end(choice, nowMs, sentAtMs, 0, "cancelled");
  }
}
