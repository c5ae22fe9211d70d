/** Runs a rules module in @mitsu/proxy-wasm, and says what became of a request as the reference does. @module */
import {
  defaultLimits,
  FieldList,
  type LocalResponse,
  loadModule,
  type MetricHandle,
  mapType,
  type Plugin,
  type PluginHost,
  SharedMemories,
  type StreamHost,
  startPlugin,
} from "@mitsu/proxy-wasm";
import type { RuleRequest } from "../../src/rules/request.ts";

/** What became of a request, without the rule's name. */
export interface RunVerdict {
  readonly status: number | null;
  readonly headers: readonly (readonly [string, string])[];
}

/** A module at work. */
export class WasmRunner {
  nowNs = 0n;
  readonly counts: Map<string, number> = new Map();
  readonly traps: string[] = [];
  rerouted = 0;
  readonly #plugin: Plugin;

  private constructor(start: (host: PluginHost) => Plugin) {
    this.#plugin = start({
      log: () => {},
      logLevel: "info",
      nowNs: () => this.nowNs,
      httpCall: () => null,
      grpcCall: () => null,
      shared: new SharedMemories().of(""),
      metric: (type, name): MetricHandle => {
        this.counts.set(name, this.counts.get(name) ?? 0);
        return {
          type,
          increment: (by) => void this.counts.set(name, this.counts.get(name)! + by),
          record: () => {},
          value: () => this.counts.get(name)!,
        };
      },
      setTick: () => {},
      property: () => undefined,
      // `proxy_call_foreign_function`'s only one here.
      foreign: (name) => {
        if (name !== "clear_route_cache") return undefined;
        return () => {
          this.rerouted++;
          return new Uint8Array();
        };
      },
      onTrap: ({ detail }) => void this.traps.push(detail),
    } as PluginHost);
  }

  static async of(bytes: Uint8Array<ArrayBuffer>): Promise<WasmRunner> {
    const module = await loadModule(bytes, defaultLimits);
    const nothing = new Uint8Array();
    const options = {
      name: "rules",
      rootId: "",
      vmId: "",
      configuration: nothing,
      vmConfiguration: nothing,
      limits: defaultLimits,
      capabilities: "all",
    } as const;
    return new WasmRunner((host) => startPlugin(module, options, host));
  }

  judge({ headers, service, spiffe, address, port }: RuleRequest): RunVerdict {
    const fields = new FieldList([...headers]);
    let answer: LocalResponse | null = null;
    const number = new Uint8Array(8);
    new DataView(number.buffer).setBigUint64(0, BigInt(port), true);
    const properties: Record<string, Uint8Array | undefined> = {
      "source.service": service === "" ? undefined : Buffer.from(service),
      "connection.uri_san_peer_certificate": spiffe === "" ? undefined : Buffer.from(spiffe),
      "source.address": address === "" ? undefined : Buffer.from(address.includes(":") ? `[${address}]:5000` : `${address}:5000`),
      "destination.port": number,
    };
    const stream: StreamHost = {
      fields: (map) => (map === mapType.requestHeaders ? fields : null),
      buffer: () => null,
      property: (path) => properties[path.join(".")],
      setProperty: () => false,
      respond: (response) => {
        answer = response;
        return true;
      },
      resume: () => {},
      close: () => {},
      clearRoute: () => void this.rerouted++,
    };
    const context = this.#plugin.openHttp(stream);
    context.requestHeaders(true);
    context.end();
    return { status: (answer as LocalResponse | null)?.status ?? null, headers: fields.pairs() };
  }

  /** Fuel that requests have taken. */
  get fuel(): number {
    return this.#plugin.counters.fuel;
  }

  get memoryBytes(): number {
    return this.#plugin.memoryBytes;
  }
}
