/** The filters of a worker: read, checked and started aside, then taken all together. @module */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { Catalog, MeshFilter } from "@mitsu/catalog";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import { defaultLimits, type FilterModule, loadModule, SharedMemories, verify } from "@mitsu/proxy-wasm";
import type { FilterMachine, MachineEnv } from "./filter-machine.ts";
import { FilterSlot, type FilterVersion, type RollOut, versionKey } from "./filter-slot.ts";
import { loadAside } from "./load-aside.ts";
import type { PushedModules } from "./pushed-modules.ts";
import { WasmFilter } from "./wasm-filter.ts";

/** What the set needs beside what machines do. */
export interface FilterSetEnv extends Omit<MachineEnv, "shared"> {
  /** Folder that paths are relative to: the mesh file's. */
  readonly folder: string;
  /** Modules that were pushed; null where none can be. */
  readonly pushed: PushedModules | null;
  /** Processes that have the same filters. */
  readonly workers: number;
}

/** How often workers look whether another one has rolled a version back. */
const refusedPeriodMs = 500;

interface Prepared {
  readonly filter: WasmFilter;
  readonly version: FilterVersion;
  /** Null: what serves is this version. */
  readonly machine: FilterMachine | null;
  readonly isNew: boolean;
}

/** What {@link FilterSet.prepare} has made ready; to be given to {@link FilterSet.commit} or {@link FilterSet.drop}. */
export type PreparedFilters = readonly Prepared[];

/** See the module. */
export class FilterSet {
  readonly #env: FilterSetEnv & MachineEnv;
  #filters = new Map<string, WasmFilter>();
  /** Requests pass: nothing may hold them up. */
  #serves = false;

  constructor(env: FilterSetEnv) {
    this.#env = { ...env, shared: new SharedMemories(undefined, (task) => env.plane.reactor.defer(task)) };
  }

  /** In order of name. */
  get all(): readonly WasmFilter[] {
    return [...this.#filters.values()];
  }

  get(name: string): WasmFilter | undefined {
    return this.#filters.get(name);
  }

  /** Those of a list of names; all of them are there, as the catalog has checked. */
  of(names: readonly string[]): WasmFilter[] {
    return names.flatMap((name) => this.#filters.get(name) ?? []);
  }

  /**
   * Reads, checks and starts what is new or changed; nothing is used yet.
   *
   * @throws {MitsuError} `ERR_FILTER_*` naming the filter; what was started is stopped again.
   */
  async prepare(catalog: Catalog): Promise<PreparedFilters> {
    const prepared: Prepared[] = [];
    try {
      for (const spec of catalog.filters) prepared.push(await this.#prepareOne(spec));
    } catch (error) {
      this.drop(prepared);
      throw error;
    }
    return prepared;
  }

  /** Takes what was prepared: new filters at once, changed ones as canaries. Filters that are no longer named end with their last stream. */
  commit(prepared: PreparedFilters): void {
    const next = new Map<string, WasmFilter>();
    for (const { filter, version, machine, isNew } of prepared) {
      next.set(filter.name, filter);
      if (machine !== null) {
        if (isNew) filter.slot.take(machine, version);
        else void this.#tryOut(filter.slot, machine, version);
      } else filter.slot.adopt(version.spec);
    }
    for (const [name, filter] of this.#filters) if (!next.has(name)) filter.slot.close();
    this.#filters = next;
    this.#serves = true;
  }

  drop(prepared: PreparedFilters): void {
    for (const { machine } of prepared) machine?.retire();
  }

  /**
   * Tries a pushed module out.
   *
   * @returns How that ends; the module is at work already, as a canary.
   * @throws {MitsuError} `ERR_FILTER_*` when it is not good, or there is no filter of that name.
   */
  async push(name: string, bytes: Uint8Array): Promise<{ readonly version: FilterVersion; readonly ended: Promise<RollOut> }> {
    const filter = this.#filters.get(name);
    if (filter === undefined)
      throw new MitsuError(`no filter ${JSON.stringify(name)} in the mesh file`, {
        code: "ERR_FILTER_UNKNOWN",
        hint: this.#filters.size === 0 ? "it has none: add it under filters" : `it has ${[...this.#filters.keys()].join(", ")}`,
      });
    const { slot } = filter;
    const version = await this.#load(slot.version.spec, bytes, "push");
    if (versionKey(version) === versionKey(slot.version) && slot.canary === null)
      return {
        version,
        ended: Promise.resolve({
          outcome: "taken",
          reason: "it is the one that serves",
          sha256: version.module.info.sha256,
          atMs: Date.now(),
        }),
      };
    const machine = this.#start(slot, version);
    const { pushed } = this.#env;
    await pushed?.keep(name, bytes, await this.#fileOf(slot.version.spec));
    await pushed?.allow(name);
    const ended = this.#tryOut(slot, machine, version).then(async (how) => {
      if (how.outcome === "rolled back") await pushed?.forget(name);
      return how;
    });
    return { version, ended };
  }

  /** As the slot does, and in step with the other workers, each of which sees a part of the exchanges only. */
  async #tryOut(slot: FilterSlot, machine: FilterMachine, version: FilterVersion): Promise<RollOut> {
    const { pushed, workers, log } = this.#env;
    const key = versionKey(version);
    const look = (folder: PushedModules): void => void folder.refused(slot.name).then((refused) => refused === key && slot.rollBack(key));
    const watch = workers > 1 && pushed !== null ? setInterval(look, refusedPeriodMs, pushed).unref() : undefined;
    const how = await slot.tryOut(machine, version);
    clearInterval(watch);
    if (how.outcome === "rolled back" && watch !== undefined)
      await pushed
        ?.refuse(slot.name, key)
        .catch((error: unknown) => log.warn("the other workers cannot be told", { filter: slot.name, error }));
    return how;
  }

  close(): void {
    for (const filter of this.#filters.values()) filter.slot.close();
  }

  async #prepareOne(spec: MeshFilter): Promise<Prepared> {
    const { bytes, origin } = await this.#bytesOf(spec);
    const version = await this.#load(spec, bytes, origin);
    const known = this.#filters.get(spec.name);
    if (known === undefined) {
      const slot = new FilterSlot(version, this.#env);
      return { filter: new WasmFilter(slot), version, machine: this.#start(slot, version), isNew: true };
    }
    const { slot } = known;
    const same = versionKey(version) === versionKey(slot.version) || slot.refuses(version) || slot.isTrying(version);
    return { filter: known, version, machine: same ? null : this.#start(slot, version), isNew: false };
  }

  async #bytesOf(spec: MeshFilter): Promise<{ readonly bytes: Uint8Array; readonly origin: FilterVersion["origin"] }> {
    const path = resolve(this.#env.folder, spec.module);
    let cause: unknown;
    const file = await readFile(path).catch((error: unknown) => {
      cause = error;
      return null;
    });
    const pushed = await this.#env.pushed?.newerThan(spec.name, file);
    if (pushed) return { bytes: pushed, origin: "push" };
    if (file !== null) return { bytes: file, origin: "file" };
    const { code, message } = cause as NodeJS.ErrnoException;
    throw new MitsuError(`filter ${spec.name}: cannot read ${path}: ${code === "ENOENT" ? "no such file" : message}`, {
      code: "ERR_FILTER_MISSING",
      hint: "build it there, or name another module in the mesh file",
      exit: exitStatus.config,
      cause,
    });
  }

  /** What the mesh file names, as it is now; null when it is not there. */
  #fileOf({ module }: MeshFilter): Promise<Uint8Array | null> {
    return readFile(resolve(this.#env.folder, module)).catch(() => null);
  }

  /** @throws {MitsuError} as {@link named} makes it. */
  #start(slot: FilterSlot, version: FilterVersion): FilterMachine {
    try {
      return slot.prepare(version);
    } catch (error) {
      throw named(error, version.spec, version.origin);
    }
  }

  /** @throws {MitsuError} as {@link named} makes it. */
  async #load(spec: MeshFilter, bytes: Uint8Array, origin: FilterVersion["origin"]): Promise<FilterVersion> {
    try {
      if (spec.key !== null) verify(bytes, [await this.#keyOf(spec.key)]);
      return { spec, module: await this.#moduleOf(spec, bytes), origin };
    } catch (error) {
      throw named(error, spec, origin);
    }
  }

  /** Compiled once for all configurations; while requests are served, in a thread of its own. */
  async #moduleOf(spec: MeshFilter, bytes: Uint8Array): Promise<FilterModule> {
    const limits = { ...defaultLimits, ...spec.limits };
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    for (const { slot } of this.#filters.values())
      if (slot.version.module.info.sha256 === sha256 && slot.version.spec.limits.memoryBytes === limits.memoryBytes)
        return slot.version.module;
    if (!this.#serves) return await loadModule(bytes, limits);
    const { name, rootId, vmId, capabilities } = spec;
    const start = { name, rootId, vmId, capabilities, configuration: Buffer.from(spec.configuration), vmConfiguration: new Uint8Array(0) };
    return await loadAside({ bytes, limits, start });
  }

  async #keyOf(key: string): Promise<string> {
    const path = resolve(this.#env.folder, key);
    try {
      return await readFile(path, "utf8");
    } catch (cause) {
      throw new MitsuError(`cannot read the key ${path}: ${(cause as Error).message}`, {
        code: "ERR_FILTER_SIGNATURE",
        hint: "meshfilters keygen makes a pair; nicd needs the public half",
        exit: exitStatus.config,
        cause,
      });
    }
  }
}

/** An error of one module, with the filter's name and where the module came from in front. */
function named(error: unknown, { name, module }: MeshFilter, origin: FilterVersion["origin"]): unknown {
  if (!(error instanceof MitsuError)) return error;
  return new MitsuError(`filter ${name}: ${origin === "push" ? "the pushed module" : module}: ${error.message}`, {
    code: error.code,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    exit: exitStatus.config,
    cause: error,
  });
}
