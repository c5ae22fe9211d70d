/** All links to one peer, most of the time one: streams are given to it, and another takes its place when it must. @module */
import { BackOff } from "./back-off.ts";
import { ClientLink, type ClientLinkOptions } from "./client-link.ts";
import { linkError, linkErrorCode } from "./link-error.ts";
import type { LinkStatus } from "./link-status.ts";
import type { OutgoingStream } from "./outgoing-stream.ts";

/** What a peer's links are made with; the identity is asked for at each attempt. */
export interface LinkPeerOptions extends Omit<ClientLinkOptions, "identity"> {
  readonly identity: () => ClientLinkOptions["identity"];
  readonly random: () => number;
}

/** The links to one peer. */
export class LinkPeer {
  readonly #options: LinkPeerOptions;
  readonly #backOff: BackOff;
  /** Takes streams. */
  #current: ClientLink | null = null;
  /** Is being made. */
  #next: ClientLink | null = null;
  /** Take no more, and close when their streams have ended. */
  readonly #draining = new Set<ClientLink>();
  readonly #queue = new Set<OutgoingStream>();
  #retryAtMs = 0;
  #lastError: Error | null = null;
  #gone = { bytesIn: 0, bytesOut: 0 };
  #cancelRetry: () => void = () => {};
  #cancelIdle: () => void = () => {};
  #closed = false;

  constructor(options: LinkPeerOptions) {
    this.#options = options;
    const { firstBackOffMs, maxBackOffMs } = options.limits;
    this.#backOff = new BackOff(firstBackOffMs, maxBackOffMs, options.random);
  }

  /** Starts the stream now, or when there is a link with room; fails it when that is hopeless. */
  open(stream: OutgoingStream): void {
    stream.onGivenBack = () => this.#restart(stream);
    if (this.#current?.hasRoom && this.#queue.size === 0) this.#start(this.#current, stream);
    else this.#wait(stream);
  }

  /** Makes a new link with the newest identity; when it is up it takes the place of the present one, whose streams go on to their end. */
  renew(): void {
    if (this.#current !== null && this.#next === null) this.#dial();
  }

  /** No link to be seen, nothing waits. */
  get isIdle(): boolean {
    return this.#current === null && this.#next === null && this.#draining.size === 0 && this.#queue.size === 0;
  }

  status(): LinkStatus {
    const { peer, clock } = this.#options;
    const links = [...this.#draining, ...(this.#current ? [this.#current] : [])];
    const sum = (of: (link: ClientLink) => number) => links.reduce((total, link) => total + of(link), 0);
    return {
      ...peer,
      direction: "out",
      state: this.#current
        ? "up"
        : this.#next
          ? "connecting"
          : this.#draining.size > 0
            ? "draining"
            : this.#retryAtMs > clock.now()
              ? "backing-off"
              : "idle",
      security: this.#options.identity() === null ? "plain-text" : "mtls",
      streams: sum((link) => link.streams),
      queued: this.#queue.size,
      draining: this.#draining.size,
      bytesIn: this.#gone.bytesIn + sum((link) => link.counts.bytesIn),
      bytesOut: this.#gone.bytesOut + sum((link) => link.counts.bytesOut),
      rttMs: this.#current?.rttMs ?? null,
      certificateNotAfterMs: this.#current?.peerNotAfterMs ?? null,
      lastError: this.#lastError?.message ?? null,
    };
  }

  /** Takes no more streams. @param graceful - Lets those there are end; else they are lost. */
  close(graceful: boolean): void {
    this.#closed = true;
    this.#cancelRetry();
    this.#cancelIdle();
    this.#failQueue(linkError(linkErrorCode.closed, `no link to ${this.#options.peer.node}: nicd is stopping`, "try another node"));
    for (const link of [this.#current, this.#next, ...this.#draining]) {
      if (graceful) link?.retire();
      else link?.destroy();
    }
  }

  #wait(stream: OutgoingStream): void {
    const { peer, limits, clock } = this.#options;
    const leftMs = this.#retryAtMs - clock.now();
    const hasLink = this.#current !== null || this.#next !== null;
    if (this.#closed) stream.fail(linkError(linkErrorCode.closed, `no link to ${peer.node}: nicd is stopping`, "try another node"));
    else if (this.#queue.size >= limits.queue) {
      const hint = "the program there takes too long, or the peer allows too few streams";
      stream.fail(linkError(linkErrorCode.full, `no room on the link to ${peer.node}: ${this.#queue.size} streams wait`, hint));
    } else if (!hasLink && leftMs > 0) {
      // A proxy has other replicas to try, so it is told at once.
      const why = `${this.#lastError?.message ?? "the last attempt failed"}; next attempt in ${Math.ceil(leftMs)} ms at the earliest`;
      stream.fail(linkError(linkErrorCode.connect, why, "see that nicd runs on that node", this.#lastError));
    } else {
      stream.onOver = () => void this.#queue.delete(stream);
      this.#queue.add(stream);
      if (!hasLink) this.#dial();
    }
  }

  #restart(stream: OutgoingStream): void {
    // Its place on the link that gave it back is free.
    stream.onOver?.();
    stream.onOver = null;
    if (this.#current?.hasRoom) this.#start(this.#current, stream);
    else this.#wait(stream);
  }

  #start(link: ClientLink, stream: OutgoingStream): void {
    this.#cancelIdle();
    try {
      link.start(stream);
    } catch (error) {
      // The session has just closed, and `onDown` or `onRoom` is on its way.
      stream.fail(
        linkError(linkErrorCode.connect, `no link to ${this.#options.peer.node}: ${(error as Error).message}`, "try again", error),
      );
      return;
    }
    if (link.isWorn) this.renew();
  }

  #dial(): void {
    this.#cancelRetry();
    const link: ClientLink = new ClientLink(
      { ...this.#options, identity: this.#options.identity() },
      { onUp: () => this.#up(link), onRoom: () => this.#room(link), onDown: (error) => this.#down(link, error) },
    );
    this.#next = link;
  }

  #up(link: ClientLink): void {
    this.#backOff.reset();
    this.#retryAtMs = 0;
    this.#next = null;
    const old = this.#current;
    this.#current = link;
    if (old !== null) this.#drain(old);
    this.#watchExpiry(link);
    this.#pump();
    // The identity has changed once more while it was made.
    if (link.version !== (this.#options.identity()?.version ?? 0)) this.renew();
  }

  #drain(link: ClientLink): void {
    this.#draining.add(link);
    link.retire();
  }

  #room(link: ClientLink): void {
    if (link !== this.#current) return;
    if (!link.takes && !link.isWorn) {
      // The peer said GOAWAY.
      this.#current = null;
      this.#draining.add(link);
      if (this.#queue.size > 0 && this.#next === null) this.#dial();
      return;
    }
    this.#pump();
  }

  #pump(): void {
    const link = this.#current;
    for (const stream of this.#queue) {
      if (!link?.hasRoom) break;
      this.#queue.delete(stream);
      this.#start(link, stream);
    }
    if (link?.streams === 0 && this.#queue.size === 0) this.#rest(link);
  }

  #rest(link: ClientLink): void {
    this.#cancelIdle();
    this.#cancelIdle = this.#options.clock.after(this.#options.limits.idleMs, () => {
      if (link !== this.#current || link.streams > 0) return;
      this.#current = null;
      this.#drain(link);
    });
  }

  /** A link outlives no certificate of its peer: the new one shows the new certificate. */
  #watchExpiry(link: ClientLink): void {
    if (link.peerNotAfterMs === null) return;
    const { clock } = this.#options;
    const leftMs = Math.max(1000, link.peerNotAfterMs - clock.date());
    // setTimeout's longest time; a link that lives for 24 days is looked at again then.
    const cancel = clock.after(Math.min(leftMs, 2 ** 31 - 1), () => link === this.#current && this.renew());
    link.session.once("close", cancel);
  }

  #down(link: ClientLink, error: Error | null): void {
    this.#gone.bytesIn += link.counts.bytesIn;
    this.#gone.bytesOut += link.counts.bytesOut;
    if (error !== null) this.#lastError = error;
    this.#draining.delete(link);
    if (link === this.#next) {
      this.#next = null;
      this.#failed(error);
    } else if (link === this.#current) {
      this.#current = null;
      if (this.#queue.size > 0 && this.#next === null && !this.#closed) this.#dial();
    }
  }

  #failed(error: Error | null): void {
    const delayMs = this.#backOff.next();
    this.#retryAtMs = this.#options.clock.now() + delayMs;
    if (this.#current !== null) {
      // The old link still carries; the new one is tried again.
      this.#cancelRetry = this.#options.clock.after(delayMs, () => this.renew());
    } else this.#failQueue(error ?? linkError(linkErrorCode.closed, `no link to ${this.#options.peer.node}: it was closed`, "try again"));
  }

  #failQueue(error: Error): void {
    const waiting = [...this.#queue];
    this.#queue.clear();
    for (const stream of waiting) stream.fail(error);
  }
}
