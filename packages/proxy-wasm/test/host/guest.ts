/** A guest without code: memory, an allocator, and host functions that a test calls in the guest's place. @module */
import { type CallbackData, noData } from "../../src/host/callback-data.ts";
import { Calls } from "../../src/host/calls.ts";
import { bufferFunctions } from "../../src/host/functions/buffers.ts";
import { contextFunctions } from "../../src/host/functions/contexts.ts";
import { foreignCallFunctions } from "../../src/host/functions/foreign.ts";
import { grpcCallFunctions } from "../../src/host/functions/grpc-call.ts";
import { headerFunctions } from "../../src/host/functions/headers.ts";
import { httpCallFunctions } from "../../src/host/functions/http-call.ts";
import { loggingFunctions } from "../../src/host/functions/logging.ts";
import { metricFunctions } from "../../src/host/functions/metrics.ts";
import { propertyFunctions } from "../../src/host/functions/properties.ts";
import { sharedFunctions } from "../../src/host/functions/shared.ts";
import { streamFunctions } from "../../src/host/functions/streams.ts";
import { wasiFunctions } from "../../src/host/functions/wasi.ts";
import { GuestContext } from "../../src/host/guest-context.ts";
import { Vm } from "../../src/host/vm.ts";
import { webAssembly } from "../../src/host/web-assembly.ts";
import { type AbiVersion, defaultLimits, encodePairs, type Limits, type Pair, status } from "../../src/mod.ts";
import { FakeHost } from "./fake-host.ts";
import { FakeStream } from "./fake-stream.ts";

type Function = (...parameters: (number | bigint)[]) => number;

interface GuestOptions {
  readonly abi?: AbiVersion;
  readonly capabilities?: readonly string[] | "all";
  readonly limits?: Partial<Limits>;
  readonly host?: FakeHost;
}

/** Pages of 64 KiB. */
const pages = 4;
/** Where out words begin, before what is allocated. */
const wordsAt = 16;
const heapAt = 4096;

export class Guest {
  readonly host: FakeHost;
  readonly stream: FakeStream = FakeStream.get();
  readonly vm: Vm;
  /** Host functions of `env` and of WASI by name. */
  readonly functions: Readonly<Record<string, Function>>;
  readonly calls: Calls = new Calls();
  /** Callbacks of calls and queues, with their parameters. */
  readonly delivered: string[] = [];
  /** What each had at hand. */
  readonly data: CallbackData[] = [];
  /** The size of each allocation. */
  readonly allocations: number[] = [];
  readonly #memory = new webAssembly.Memory({ initial: pages });
  #heap = heapAt;
  /** Set to make the allocator fail. */
  full = false;

  constructor({ abi = "0.2.1", capabilities = "all", limits, host = new FakeHost() }: GuestOptions = {}) {
    this.host = host;
    const options = {
      name: "test",
      rootId: "root",
      vmId: "",
      configuration: Buffer.from("hello"),
      vmConfiguration: Buffer.from("vm-config"),
      limits: { ...defaultLimits, ...limits },
      capabilities,
    };
    const vm = new Vm(abi, options, host);
    this.vm = vm;
    vm.attach(this.#memory, (size) => this.allocate(size), null);
    const told =
      (name: string) =>
      (...parameters: number[]): void => {
        this.delivered.push(`${name} ${parameters.join(" ")}`);
        this.data.push(vm.data);
      };
    this.functions = {
      ...loggingFunctions(vm),
      ...headerFunctions(vm),
      ...bufferFunctions(vm),
      ...propertyFunctions(vm),
      ...streamFunctions(vm),
      ...contextFunctions(vm),
      ...sharedFunctions(vm, (queue) => this.delivered.push(`queue ${queue}`)),
      ...metricFunctions(vm),
      ...foreignCallFunctions(vm),
      ...httpCallFunctions(vm, this.calls, () => told("http")),
      ...grpcCallFunctions(vm, this.calls, () => ({
        initialMetadata: told("initial"),
        message: told("message"),
        trailingMetadata: told("trailing"),
        close: told("close"),
      })),
      ...wasiFunctions(vm, () => 5n),
    } as unknown as Readonly<Record<string, Function>>;
    this.inStream();
  }

  /** Host functions act on the stream from here on. */
  inStream(): GuestContext {
    const context = new GuestContext(this.vm.contexts.nextId(), this.stream);
    this.vm.contexts.add(context);
    this.vm.effective = context;
    return context;
  }

  /** Host functions act on the root from here on, with data at hand. */
  inRoot(data: CallbackData = noData): void {
    this.vm.effective = this.vm.root;
    this.vm.data = data;
  }

  allocate(size: number): number {
    this.allocations.push(size);
    const at = this.#heap;
    if (this.full || at + size > this.bytes.length) return 0;
    this.#heap += size;
    return at;
  }

  /** Frees all. */
  reset(): void {
    this.#heap = heapAt;
  }

  get bytes(): Uint8Array {
    return new Uint8Array(this.#memory.buffer);
  }

  get #view(): DataView {
    return new DataView(this.#memory.buffer);
  }

  /** Puts bytes into memory. @returns Pointer and length, as parameters. */
  put(what: string | Uint8Array | readonly Pair[]): [at: number, length: number] {
    const bytes = typeof what === "string" ? Buffer.from(what) : what instanceof Uint8Array ? what : encodePairs(what);
    const at = this.#heap;
    this.bytes.set(bytes, at);
    this.#heap += bytes.length;
    return [at, bytes.length];
  }

  /** A word, to be written by the host; 7 until then. */
  word(index = 0): number {
    const at = wordsAt + 8 * index;
    this.#view.setBigUint64(at, 7n, true);
    return at;
  }

  u32(at: number): number {
    return this.#view.getUint32(at, true);
  }

  u64(at: number): bigint {
    return this.#view.getBigUint64(at, true);
  }

  setU32(at: number, value: number): void {
    this.#view.setUint32(at, value, true);
  }

  /** Calls a host function. */
  call(name: string, ...parameters: (number | bigint)[]): number {
    return this.functions[name]!(...parameters);
  }

  /** Calls a host function that gives bytes: pointer and length are its last parameters. @returns The text (Latin-1), or the status if that is not `ok`. */
  read(name: string, ...parameters: (number | bigint)[]): string | number {
    const [pointerAt, lengthAt] = [this.word(0), this.word(1)];
    const answer = this.call(name, ...parameters, pointerAt, lengthAt);
    if (answer !== status.ok) {
      if (this.u32(pointerAt) !== 7 || this.u32(lengthAt) !== 7) throw new Error(`${name} wrote its out words and answered ${answer}`);
      return answer;
    }
    return Buffer.from(this.bytes).toString("latin1", this.u32(pointerAt), this.u32(pointerAt) + this.u32(lengthAt));
  }

  /** As {@link read}, of bytes. */
  readBytes(name: string, ...parameters: (number | bigint)[]): Buffer {
    const text = this.read(name, ...parameters);
    if (typeof text === "number") throw new Error(`${name} answered ${text}`);
    return Buffer.from(text, "latin1");
  }

  /** Runs what was put off to the callback's end, as after a callback that does nothing. */
  finishCallback(): void {
    this.vm.invoke(this.vm.effective, "test", () => 0);
  }
}
