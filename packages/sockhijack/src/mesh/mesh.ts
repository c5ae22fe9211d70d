/** The mesh as it is now: catalog, attached cgroups, replicas that listen; kept equal in the kernel's tables. Long because whatever changes one of these changes the tables. @module */
import { existsSync, globSync } from "node:fs";
import { join } from "node:path";
import { type Catalog, diffCatalog, formatChanges } from "@mitsu/catalog";
import type { Log } from "@mitsu/cli";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import { u32 } from "@mitsu/ebpf-ts";
import type { KernelWork } from "../devices/kernel-work.ts";
import type { Kernel } from "../kernel/kernel.ts";
import * as layout from "../kernel/layout.ts";
import { type Attachment, noState, type SavedState } from "./attachment.ts";
import { cgroupId, cgroupPids } from "./cgroups.ts";
import { type AdHocService, withServices } from "./effective-catalog.ts";
import { Ids } from "./ids.ts";
import { type Endpoint, endpointsOf, type Presence } from "./listening.ts";
import { MirroredMap } from "./mirrored-map.ts";
import { Namespaces } from "./namespaces.ts";
import { type Nic, Nics, nicEndpoint } from "./nics.ts";
import { PlacedFrontends } from "./placed-frontends.ts";
import { placedPolicies, placedServices } from "./placed-maps.ts";
import { PolicyRows } from "./policy-rows.ts";
import { Rules } from "./rules.ts";
import { serviceOfPid } from "./service-of-pid.ts";
import { frontendName, replicaName, tablesOf } from "./tables.ts";

/** What a mesh is made of. */
export interface MeshOptions {
  readonly kernel: Kernel;
  /** By which replicas, tracing and rules get into the kernel. */
  readonly work: KernelWork;
  readonly catalog: Catalog;
  /** What is denied beside the catalog's policies; nothing unless given. */
  readonly rules?: Rules;
  /** Mount point of cgroup v2. */
  readonly root: string;
  readonly saved: SavedState | undefined;
  readonly log: Log;
  /** SHA-256 of the BPF object, saved with the state. */
  readonly object: string;
  /** Called with every new state, to be saved. */
  readonly onChange: (state: SavedState) => void;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
}

/** Size of the kernel's tables of services and frontends, and of replicas (`MAX_SERVICES`, `MAX_REPLICAS`). */
const limits = { services: 4096, replicas: 16384 } as const;

/** Services, who belongs to them, and where they answer. */
export class Mesh {
  readonly namespaces: Namespaces = new Namespaces();
  readonly nics: Nics = new Nics();
  readonly ids: { readonly services: Ids; readonly replicas: Ids; readonly frontends: Ids };
  readonly #options: MeshOptions;
  readonly #attachments = new Map<bigint, Attachment>();
  /** Cgroup → whether nicd is told who opens connections to it. */
  readonly #telling = new Map<bigint, boolean>();
  /** Cgroup → whether its packets are watched for tracing. */
  readonly #traced = new Map<bigint, boolean>();
  readonly #adHoc = new Map<string, AdHocService>();
  #file: Catalog;
  #catalog: Catalog;
  #rules: Rules;
  #presences: readonly Presence[] = [];
  #endpoints: readonly Endpoint[] = [];
  #nic: Endpoint | undefined;
  #records: readonly layout.SockRecord[] = [];
  readonly #watchers = new Set<() => void>();
  readonly #mirrors;
  readonly #policyRows = new PolicyRows();
  #told = "";

  constructor(options: MeshOptions) {
    const { kernel, work, catalog, saved = noState } = options;
    this.#options = options;
    this.#file = catalog;
    this.#rules = options.rules ?? Rules.none;
    this.ids = {
      services: new Ids(limits.services, saved.services),
      replicas: new Ids(limits.replicas, saved.replicas),
      frontends: new Ids(limits.services, saved.frontends),
    };
    const mirror = { readFirst: kernel.takenOver };
    const { maps } = kernel;
    this.#mirrors = {
      addresses: new MirroredMap(maps.addresses, layout.addressKey, layout.addressValue, mirror),
      backends: new PlacedFrontends(maps, work.balance),
      policies: new MirroredMap(placedPolicies(maps, work.rules), layout.policyKey, layout.policyValue, mirror),
      services: new MirroredMap(placedServices(maps, work.tracing), u32, layout.service, {
        ...mirror,
        empty: { redirect: 0, deny_errno: 0, attached: 0, trace: 0, sampling: 0, nic: 0 },
      }),
      replicas: new MirroredMap(maps.replicas, u32, layout.replica, {
        ...mirror,
        empty: {
          ip: new Uint8Array(16),
          local: new Uint8Array(16),
          ip6: new Uint8Array(16),
          local6: new Uint8Array(16),
          netns: 0n,
          port: 0,
          pad: 0,
          service: 0,
        },
      }),
      names: new MirroredMap(maps.names, u32, layout.serviceName, { ...mirror, empty: { text: "" } }),
      weights: catalogWeights(kernel, saved.replicas),
    };
    for (const service of saved.adHoc) this.#adHoc.set(service.name, service);
    for (const a of saved.attachments) if (existsSync(a.folder) && cgroupId(a.folder) === a.cgroup) this.#attachments.set(a.cgroup, a);
    this.#catalog = withServices(catalog, [...this.#adHoc.values()]);
    for (const nic of saved.nics) if (existsSync(`/proc/${nic.pid}`)) this.nics.hold(nic, options.now());
    for (const id of kernel.attached()) if (!this.#attachments.has(id)) kernel.detach(id); // its cgroup went while no daemon ran
    for (const a of this.#attachments.values()) kernel.attach(a.folder, a.cgroup);
    this.#prepareTracing();
  }

  /** The catalog with the services of `run` and `attach` in it. */
  get catalog(): Catalog {
    return this.#catalog;
  }
  get attachments(): readonly Attachment[] {
    return [...this.#attachments.values()];
  }
  get endpoints(): readonly Endpoint[] {
    return this.#endpoints;
  }

  /** Where nicd is reached; undefined while none is registered. */
  get nic(): Endpoint | undefined {
    return this.#nic;
  }

  /** Registers nicd and turns to it at once all connections that are to pass one. @returns what ends that. */
  register(nic: Nic): () => void {
    const { log } = this.#options;
    this.nics.add(nic);
    this.refresh();
    log.info("nicd is here", { ...nic, service: this.#nic?.service ?? "" });
    return () => {
      if (!this.nics.remove(nic)) return;
      this.refresh();
      log.info("nicd is gone", { pid: nic.pid, next: this.nics.current?.pid ?? null });
    };
  }

  /** Calls back after each refresh. @returns what ends that. */
  watch(changed: () => void): () => void {
    this.#watchers.add(changed);
    return () => this.#watchers.delete(changed);
  }

  /** Name of a rule as the kernel's tables number it: the catalog's policies, then the rules beside them. */
  ruleName(number: number): string {
    const { policies } = this.#catalog;
    return (policies[number - 1] ?? this.#rules.policies[number - 1 - policies.length])?.name ?? `policies[${number - 1}]`;
  }

  /** Takes other rules in; they hold from the next refresh on. */
  setRules(rules: Rules): void {
    this.#rules = rules;
  }

  /** Takes a new file in; services that only `run` or `attach` know stay. */
  reload(catalog: Catalog): void {
    const next = withServices(catalog, [...this.#adHoc.values()]);
    const changes = diffCatalog(this.#catalog, next);
    this.#file = catalog;
    this.#catalog = next;
    if (changes.length > 0) this.#options.log.info("catalog changed", { changes: formatChanges(changes) });
    this.#prepareTracing();
    this.attachDeclared();
  }

  /** Makes sure that a service exists, with these ports beside those it has. */
  ensureService(wanted: AdHocService): void {
    const known = this.#adHoc.get(wanted.name);
    const inFile = this.#file.services.some(({ name }) => name === wanted.name);
    if (inFile) return;
    const ports = [...new Set([...(known?.ports ?? []), ...wanted.ports])];
    const next = { name: wanted.name, ports, redirect: wanted.redirect ?? known?.redirect, tracing: wanted.tracing ?? known?.tracing };
    const catalog = withServices(this.#file, [...this.#adHoc.values()].filter(({ name }) => name !== wanted.name).concat(next));
    this.#adHoc.set(wanted.name, next);
    this.#catalog = catalog;
    this.#prepareTracing();
  }

  /** Hooks a cgroup into a service. */
  attach(folder: string, service: string, how: { readonly made: boolean; readonly declared?: boolean }): Attachment {
    const cgroup = cgroupId(folder);
    const known = this.#attachments.get(cgroup);
    if (known && known.service !== service) {
      throw new MitsuError(`${folder} belongs to the service ${known.service} already`, {
        code: "ERR_CGROUP_TAKEN",
        exit: exitStatus.data,
        hint: `detach it first: sockhijack detach ${folder}`,
      });
    }
    if (known) return known;
    const id = this.ids.services.of(service);
    if (id === 0) {
      throw new MitsuError(`cannot attach ${folder}: the table of services is full (${limits.services})`, {
        code: "ERR_BPF_MAP_FULL",
        exit: exitStatus.temporary,
        hint: "detach services that are no longer used",
      });
    }
    const { kernel } = this.#options;
    kernel.maps.names.set(id, { text: service });
    kernel.maps.cgroups.set(cgroup, id);
    try {
      if (this.#isViaNic) kernel.tellNic(folder, cgroup);
      kernel.attach(folder, cgroup);
    } catch (error) {
      kernel.maps.cgroups.delete(cgroup);
      throw error;
    }
    const attachment = { service, folder, cgroup, made: how.made, declared: how.declared ?? false };
    this.#attachments.set(cgroup, attachment);
    return attachment;
  }

  /** Takes the hooks off a cgroup; the caller has seen to its live sockets. */
  detach(cgroup: bigint): void {
    const { kernel } = this.#options;
    kernel.detach(cgroup);
    kernel.maps.cgroups.delete(cgroup);
    this.#traced.delete(cgroup);
    this.#telling.delete(cgroup);
    const gone = this.#attachments.get(cgroup);
    this.#attachments.delete(cgroup);
    if (gone) this.forgetUnused(gone.service);
  }

  /** Takes a service away that is in no file and has no cgroup. */
  forgetUnused(name: string): void {
    if (this.attachments.some(({ service }) => service === name)) return;
    this.#adHoc.delete(name);
    this.#catalog = withServices(this.#file, [...this.#adHoc.values()]);
  }

  /** Attaches the cgroups that the catalog names, as they appear. @returns how many are new. */
  attachDeclared(): number {
    const { root, log } = this.#options;
    let added = 0;
    for (const { name, cgroup } of this.#catalog.services) {
      if (cgroup === null) continue;
      const pattern = cgroup.includes("/") ? cgroup : `**/${cgroup}`;
      for (const folder of globSync(pattern, { cwd: root }).map((path) => join(root, path))) {
        if (!existsSync(join(folder, "cgroup.procs")) || this.#attachments.has(cgroupId(folder))) continue;
        try {
          this.attach(folder, name, { made: false, declared: true });
          added++;
        } catch (error) {
          log.warn("cannot attach a cgroup that the catalog names", { service: name, folder, error });
        }
      }
    }
    return added;
  }

  /** Attachments whose cgroup is gone. */
  vanished(): readonly Attachment[] {
    return this.attachments.filter(({ folder }) => !existsSync(folder));
  }

  /** Finds out in which namespaces the services live. */
  locate(): void {
    const own = this.namespaces.ofPid(process.pid);
    const seen = new Map<string, Presence>();
    for (const { service, folder } of this.#attachments.values()) {
      for (const pid of cgroupPids(folder)) {
        const namespace = this.namespaces.ofPid(pid);
        if (namespace) seen.set(`${service} ${namespace.cookie}`, { service, namespace });
      }
    }
    this.#presences = [...seen.values()];
    const declared = this.#catalog.services.flatMap(({ replicas }) =>
      replicas.map(({ netns }) => netns && this.namespaces.ofPath(netns)?.cookie),
    );
    const keep = new Set(
      [own?.cookie, this.#nic?.netns, ...declared, ...this.#presences.map(({ namespace }) => namespace.cookie)].filter(
        (c) => typeof c === "bigint",
      ),
    );
    this.namespaces.retain(keep);
  }

  /** Namespaces in which some attached program lives. */
  get inhabited(): readonly bigint[] {
    return [...new Set(this.#presences.map(({ namespace }) => namespace.cookie))];
  }

  #locateNic(): void {
    const nic = this.nics.current;
    this.#nic = nic && nicEndpoint(nic, serviceOfPid(this.#options.root, nic.pid, this.attachments), this.namespaces.ofPid(nic.pid));
  }

  /**
   * Brings the kernel's tables up to what the catalog and the last scan say.
   *
   * @param records Of the last scan; those of the one before unless given.
   */
  refresh(records: readonly layout.SockRecord[] = this.#records): void {
    this.#records = records;
    const { kernel, onChange } = this.#options;
    const { ids } = this;
    this.#endpoints = endpointsOf(this.#catalog, this.#presences, records, (id) => ids.services.name(id), this.namespaces);
    this.#locateNic();
    ids.replicas.retain(new Set([...this.#endpoints, ...(this.#nic ? [this.#nic] : [])].map(replicaName)));
    const attached = new Set(this.attachments.map(({ service }) => service));
    const tables = tablesOf(this.#catalog, this.#endpoints, attached, ids, this.#nic, this.#rules, this.#policyRows);
    if (this.#isViaNic) this.#tellAttached();
    // Leaves before what points to them: a connect that runs now must never meet an entry whose target is not there yet.
    this.#mirrors.services.sync(tables.services);
    this.#mirrors.replicas.sync(tables.replicas);
    this.#mirrors.weights(tables.weights, (id) => ids.replicas.name(id));
    this.#mirrors.backends.sync(tables);
    this.#mirrors.policies.sync(tables.policies);
    kernel.setControl("default_action", this.#catalog.defaults.policy === "deny" ? 1 : 0);
    this.#mirrors.addresses.sync(tables.addresses);
    const names = new Set(this.#catalog.services.map(({ name }) => name).concat(this.attachments.map(({ service }) => service)));
    this.#freeServices(names);
    this.#mirrors.names.sync(Object.entries(ids.services.toJSON()).map(([text, id]) => [id, { text }] as const));
    this.#traceAttached();
    this.#tellAttached();
    ids.frontends.retain(new Set(this.#catalog.services.flatMap(({ name, ports }) => ports.map((port) => frontendName(name, port)))));
    // Compared as a whole: an attachment or a number given out since the last time must survive this process too.
    const state = this.state();
    const text = JSON.stringify(state, (_key, value) => (typeof value === "bigint" ? String(value) : value));
    if (text !== this.#told) onChange(state);
    this.#told = text;
    for (const changed of this.#watchers) changed();
  }

  get #isViaNic(): boolean {
    return this.#catalog.services.some(({ traffic }) => traffic.viaNic);
  }

  /** nicd is told before the first connection goes to it, until none does any more. */
  #tellAttached(): void {
    const { kernel } = this.#options;
    const via = this.#isViaNic;
    for (const { cgroup, folder } of this.#attachments.values()) {
      if (this.#telling.get(cgroup) === via) continue;
      if (via) kernel.tellNic(folder, cgroup);
      else kernel.untellNic(cgroup);
      this.#telling.set(cgroup, via);
    }
  }

  get #isTraced(): boolean {
    return this.#catalog.services.some(({ tracing }) => tracing.propagation !== "off");
  }

  /** Loading takes half a second of a processor once, which is not the looks' to pay for: the engine would look rarer for ten. */
  #prepareTracing(): void {
    if (this.#isTraced) this.#options.kernel.loadTracing();
  }

  /** While a service is traced, the packets of all are watched: a trace leads through those that are not. */
  #traceAttached(): void {
    const { kernel } = this.#options;
    const traced = this.#isTraced;
    for (const { cgroup, folder } of this.#attachments.values()) {
      if (this.#traced.get(cgroup) === traced) continue;
      if (traced) kernel.trace(folder, cgroup);
      else kernel.untrace(cgroup);
      this.#traced.set(cgroup, traced);
    }
    kernel.followThreads(traced);
  }

  /** The traffic matrix names services that have ended too, so their numbers are freed, with their cells, only when numbers run short. */
  #freeServices(used: ReadonlySet<string>): void {
    const { services } = this.ids;
    if (services.size < limits.services * 0.75) return;
    const { matrix } = this.#options.kernel.maps;
    for (const [edge] of matrix.entries()) {
      if (!used.has(services.name(edge.to)) || (edge.from !== 0 && !used.has(services.name(edge.from)))) matrix.delete(edge);
    }
    services.retain(used);
  }

  /** What the next daemon must know. */
  state(): SavedState {
    return {
      attachments: this.attachments,
      adHoc: [...this.#adHoc.values()],
      services: this.ids.services.toJSON(),
      replicas: this.ids.replicas.toJSON(),
      frontends: this.ids.frontends.toJSON(),
      nics: this.nics.all,
      object: this.#options.object,
    };
  }
}

/**
 * Writes the catalog's weights when they are new or change; in between they belong to whoever else writes the map `scores`. A number that
 * another replica had before begins anew: nothing of that one's load and score is left.
 *
 * @param saved Numbers of replicas as an earlier daemon gave them.
 */
function catalogWeights(
  { maps, takenOver }: Kernel,
  saved: Readonly<Record<string, number>>,
): (wanted: readonly (readonly [number, number])[], nameOf: (id: number) => string) => void {
  let names = new Map(takenOver ? Object.entries(saved).map(([name, id]) => [id, name]) : []);
  let weights = new Map<number, number>();
  return (wanted, nameOf) => {
    for (const [id, weight] of wanted) {
      const known = names.get(id) === nameOf(id) ? maps.scores.get(id) : undefined;
      if (!known) {
        maps.scores.set(id, { weight, score: 0, each: 0, until: 0 });
        maps.loads.set(id, { active: 0n, total: 0n });
      } else if (weights.has(id) ? weights.get(id) !== weight : known.weight === 0) maps.scores.set(id, { ...known, weight });
    }
    weights = new Map(wanted);
    names = new Map(wanted.map(([id]) => [id, nameOf(id)]));
  };
}
