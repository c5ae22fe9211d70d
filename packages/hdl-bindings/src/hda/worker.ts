/** One process of {@link searchByProcesses}: an element, with a Unix socket to each other one. @module */
import { createConnection, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { setImmediate, setTimeout } from "node:timers";
import { setTimeout as delay } from "node:timers/promises";
import { Element } from "./element.ts";
import { type Message, messageOf, wordOf } from "./message.ts";
import { domainOf, type WorkerReport, type WorkerTask } from "./process.ts";
import { TimeShares } from "./time-shares.ts";

const messageBytes = 16;
/** Expansions between two looks at the sockets. */
const slice = 32;
const tokenRestMs = 1;

/** An element's process. */
class Worker {
  readonly #task: WorkerTask;
  readonly #element: Element;
  readonly #peers: (Socket | undefined)[];
  /** Made by the last piece of work and not yet sent. */
  readonly #made: Message[] = [];
  #shares = new TimeShares(() => performance.now());
  #messages = 0;
  /** Blocking: a message is under way. */
  #waits = false;
  #scheduled = false;
  #begun = false;
  #reported = false;
  #rests = false;
  #rested = false;

  constructor(task: WorkerTask) {
    this.#task = task;
    this.#peers = new Array(task.elements);
    this.#element = new Element(domainOf(task.spec), task.number, task.elements, (message) => this.#made.push(message));
  }

  /** Listens, and connects to the elements with lower numbers; those with higher ones come by themselves. */
  async connect(): Promise<void> {
    const { folder, number, elements } = this.#task;
    const all = new Promise<void>((resolve) => {
      const known = (): void => {
        if (this.#peers.filter(Boolean).length === elements - 1) resolve();
      };
      createServer((socket) => {
        socket.once("readable", () => {
          const first = socket.read(1) as Buffer | null;
          if (!first) return; // it ended before it said who it is
          this.#join(first[0]!, socket);
          known();
        });
      }).listen(join(folder, String(number)));
      for (let peer = 0; peer < number; peer++)
        void dial(join(folder, String(peer))).then((socket) => {
          socket.write(Uint8Array.of(number));
          this.#join(peer, socket);
          known();
        });
      known();
    });
    await all;
    report({ ready: true });
  }

  begin(): void {
    this.#begun = true;
    this.#shares = new TimeShares(() => performance.now());
    this.#element.begin();
    this.#turn();
  }

  #join(peer: number, socket: Socket): void {
    this.#peers[peer] = socket;
    let rest: Buffer = Buffer.alloc(0);
    // A peer that is gone is the parent's matter, which then ends all; telling it from here too would hide who was first.
    socket.on("error", () => {});
    socket.on("data", (chunk) => {
      this.#shares.become("busy");
      const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      let at = 0;
      while (at < bytes.length) {
        // One byte of 0xff acknowledges; a message begins with 0.
        if (bytes[at] === 0xff) {
          at++;
          this.#waits = false;
          continue;
        }
        if (at + 1 + messageBytes > bytes.length) break;
        this.#take(socket, bytes, at + 1);
        at += 1 + messageBytes;
      }
      rest = bytes.subarray(at);
      this.#pause();
      this.#wake();
    });
  }

  #take(socket: Socket, bytes: Buffer, at: number): void {
    if (this.#task.blocking) socket.write(Uint8Array.of(0xff));
    this.#element.receive(messageOf(this.#task.number, bytes.readUInt32LE(at), bytes.readUInt32LE(at + 4), bytes.readUInt32LE(at + 8)));
  }

  /** Goes on after all that stands in the sockets was read. */
  #wake(): void {
    if (this.#scheduled || !this.#begun) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#turn();
    });
  }

  #turn(): void {
    if (this.#waits) return;
    this.#shares.become("busy");
    for (let nth = 0; nth < slice && this.#element.hasWork; nth++) {
      this.#element.expand();
      if (this.#task.blocking && this.#made.length > 0) break;
    }
    if (this.#element.holdsToken && !this.#element.hasWork && this.#made.length === 0) this.#passToken();
    this.#shares.become("stalled");
    this.#flush();
    this.#pause();
    const done = this.#element.ended && this.#made.length === 0 && !this.#waits;
    if (done) this.#report();
    else if (this.#element.hasWork || this.#made.length > 0 || (this.#element.holdsToken && !this.#rests)) this.#wake();
  }

  /** Between two pieces of work. */
  #pause(): void {
    this.#shares.become(this.#waits || this.#made.length > 0 || this.#element.hasWork ? "stalled" : "idle");
  }

  /** Element 0 lets the token rest between its rounds: else the idle ones would take the processor from those at work. */
  #passToken(): void {
    if (this.#task.number !== 0 || this.#rested) {
      this.#rested = false;
      this.#element.passToken();
    } else if (!this.#rests) {
      this.#rests = true;
      setTimeout(() => {
        this.#rests = false;
        this.#rested = true;
        this.#wake();
      }, tokenRestMs);
    }
  }

  #flush(): void {
    if (this.#task.blocking) {
      const message = this.#made.shift();
      if (!message) return;
      this.#waits = true;
      this.#messages++;
      this.#peers[message.to]!.write(bytesOf([message], this.#task.number));
      return;
    }
    const byPeer = Map.groupBy(this.#made.splice(0), (message) => message.to);
    for (const [to, messages] of byPeer) {
      this.#messages += messages.length;
      this.#peers[to]!.write(bytesOf(messages, this.#task.number));
    }
  }

  #report(): void {
    if (this.#reported) return;
    this.#reported = true;
    const { incumbent, expansions } = this.#element.owner;
    const { milliseconds } = this.#shares;
    report({ ready: false, cost: Number.isFinite(incumbent) ? incumbent : null, expansions, messages: this.#messages, milliseconds });
  }
}

function bytesOf(messages: readonly Message[], from: number): Buffer {
  const bytes = Buffer.alloc(messages.length * (1 + messageBytes));
  for (const [nth, message] of messages.entries())
    for (let word = 0; word < 4; word++) bytes.writeUInt32LE(wordOf(message, word, from), nth * (1 + messageBytes) + 1 + word * 4);
  return bytes;
}

/** The other process may not listen yet. */
async function dial(path: string): Promise<Socket> {
  for (;;) {
    const socket = createConnection(path);
    const connected = await new Promise<boolean>((resolve) => {
      socket.once("connect", () => resolve(true));
      socket.once("error", () => resolve(false));
    });
    if (connected) return socket;
    await delay(5);
  }
}

function report(what: WorkerReport): void {
  process.send!(what);
}

if (import.meta.main) {
  let worker: Worker | undefined;
  process.on("disconnect", () => process.exit(1));
  process.on("message", (message: WorkerTask | "begin") => {
    if (message === "begin") return worker!.begin();
    worker = new Worker(message);
    void worker.connect();
  });
}
