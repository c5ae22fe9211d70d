/** HTTP and gRPC calls of a plugin that are on their way, by the numbers that the guest knows them by. @module */
import type { GrpcHandle, HttpCallHandle } from "./plugin-host.ts";

/** The low two bits of a number say what it is of, as in Envoy. */
export const callKind = { http: 0, grpcCall: 1, grpcStream: 2 } as const;

/** One of {@link callKind}. */
export type CallKind = (typeof callKind)[keyof typeof callKind];

/** What kind of call a number is of; `undefined` for none, 0 among them. */
export function kindOf(id: number): CallKind | undefined {
  const kind = id & 3;
  return id === 0 || kind === 3 ? undefined : (kind as CallKind);
}

/** See the module. */
export class Calls {
  readonly http: Map<number, HttpCallHandle | null> = new Map();
  readonly grpc: Map<number, GrpcHandle | null> = new Map();
  #count = 0;

  /** How many. */
  get size(): number {
    return this.http.size + this.grpc.size;
  }

  /** A number that no call on its way has. */
  next(kind: CallKind): number {
    let id: number;
    do {
      this.#count = (this.#count % 0x3fff_ffff) + 1;
      id = ((this.#count << 2) | kind) >>> 0;
    } while (this.http.has(id) || this.grpc.has(id));
    return id;
  }

  /** Gives all of them up; nobody is told. */
  cancelAll(): void {
    const http = [...this.http.values()];
    const grpc = [...this.grpc.values()];
    this.http.clear();
    this.grpc.clear();
    for (const handle of http) handle?.cancel();
    for (const handle of grpc) handle?.cancel();
  }
}
