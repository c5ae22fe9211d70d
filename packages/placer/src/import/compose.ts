/** Reads Compose files: services, replicas, what they reserve and where they may run. [Compose specification, 05-services.md, deploy.md] @module */
import { basename, dirname } from "node:path";
import type { FieldPath } from "@mitsu/catalog/document";
import { show } from "@mitsu/catalog/document";
import { buildProblem, type ServiceParts } from "../problem/build-problem.ts";
import { type DocumentText, readDocument } from "../problem/document-text.ts";
import type { NodeMatch, NodeSpec, Quantities, Resource } from "../problem/problem.ts";
import { ProblemError } from "../problem/problem-error.ts";
import { refusal } from "../solve/node-match.ts";
import { interpolate, merge } from "./compose-merge.ts";
import { Cursor } from "./cursor.ts";
import { type Imported, ImportNotes } from "./import-notes.ts";
import type { ImportFile } from "./kubernetes.ts";

/** What an import of Compose files is told besides them. */
export interface ComposeOptions {
  readonly nodes: { readonly nodes: readonly NodeSpec[]; readonly resources: readonly Resource[] };
  /** Variables for `${NAME}`. */
  readonly vars: Readonly<Record<string, string | undefined>>;
  /** Name of the project where the files have none: the folder's, as Compose takes it. */
  readonly folder: string;
}

/** Weight of a placement preference: Compose gives it none. */
const preferenceWeight = 50;

/** Fields that say who may talk to whom. */
const linkFields = ["depends_on", "links", "external_links", "networks"] as const;

/**
 * Turns Compose files into a problem; later files are laid over earlier ones. Replicas are named as Compose names containers: `shop-web-1`.
 *
 * @throws {ProblemError} with every fault and its place.
 */
export function importCompose(files: readonly ImportFile[], options: ComposeOptions): Imported {
  const notes = new ImportNotes();
  const documents = files.map(({ file, text }) => readDocument(text, file));
  const faults = documents.flatMap((document) => document.faults);
  if (faults.length > 0) throw new ProblemError(faults);
  const values = documents.map((document) => filled(document, options.vars, notes));
  const whole = new Cursor(values.reduce(merge, undefined), overlaid(documents), [], notes);
  const project = projectName(whole.at("name").text() || options.folder);
  if (!whole.at("services").given) whole.fault("has no services; give a Compose file");
  if (whole.at("include").given) whole.at("include").warn("is not followed; name the file, too");
  const entries = whole
    .at("services")
    .entries()
    .filter(([name, service]) => isUsed(name, service));
  const linked = entries.flatMap(([, service]) => linkFields.map((field) => service.at(field))).find(({ given }) => given);
  linked?.warn(
    "depends_on, links and networks say who may talk, not how much: no traffic is read from them; measure it with placer profile",
  );
  const services = entries.map(([name, service]) => serviceParts(name, service, project, options.nodes.nodes));
  const kept = services.flatMap((service, index) => (service ? [{ service, origin: entries[index]![1] }] : []));
  const problem = buildProblem({
    name: project,
    ...options.nodes,
    services: kept.map(({ service }) => service),
  });
  return notes.finish(problem, { nodes: [], services: kept.map(({ origin }) => origin), whole });
}

/** Findings stand in the last file that has their path, as its values win. */
function overlaid(documents: readonly DocumentText[]): DocumentText {
  const has = (value: unknown, path: FieldPath): boolean =>
    path.length === 0 ||
    (typeof value === "object" &&
      value !== null &&
      Object.hasOwn(value, path[0]!) &&
      has((value as Record<string | number, unknown>)[path[0]!], path.slice(1)));
  return {
    value: undefined,
    faults: [],
    locate: (findings) =>
      findings.flatMap((finding) => {
        const { path } = finding;
        for (let length = path.length; length > 0; length--) {
          const holder = documents.findLast(({ value }) => has(value, path.slice(0, length)));
          if (holder) return holder.locate([finding]);
        }
        return documents[0]?.locate([finding]) ?? [];
      }),
  };
}

/** The document's value with variables filled in; keys and what begins with `x-` stay as they are. */
function filled(document: DocumentText, vars: ComposeOptions["vars"], notes: ImportNotes): unknown {
  const fill = (value: unknown, path: FieldPath): unknown => {
    if (typeof value === "string") {
      return interpolate(value, {
        values: vars,
        unset(name, must) {
          if (must !== undefined) notes.fault({ document, path }, `${name} is not set: ${must}`);
          else notes.warn({ document, path }, `${name} is not set; taken as empty`);
        },
      });
    }
    if (Array.isArray(value)) return value.map((item, index) => fill(item, [...path, index]));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(
      Object.entries(value)
        .filter(([key]) => !key.startsWith("x-"))
        .map(([key, inner]) => [key, fill(inner, [...path, key])]),
    );
  };
  return fill(document.value, []);
}

/** [compose-go, loader.NormalizeProjectName] */
function projectName(name: string): string {
  return (
    name
      .toLowerCase()
      .replaceAll(/[^-_a-z0-9]/g, "")
      .replace(/^[_-]+/, "") || "default"
  );
}

function isUsed(name: string, service: Cursor): boolean {
  const profiles = service.at("profiles").list();
  if (profiles.length > 0)
    service.warn(`${name} runs only in profiles (${profiles.map(({ value }) => String(value)).join(", ")}); left out`);
  if (service.at("extends").given) service.at("extends").warn("is not followed; only what stands here is read");
  return profiles.length === 0;
}

function serviceParts(name: string, service: Cursor, project: string, nodes: readonly NodeSpec[]): ServiceParts | undefined {
  const deploy = service.at("deploy");
  const placement = deploy.at("placement");
  const most = placement.at("max_replicas_per_node").count(0, 0);
  if (most > 1) placement.at("max_replicas_per_node").warn("more than one on a node at most is not taken over; spread keeps them even");
  const image = service.at("image").text();
  const parts: ServiceParts = {
    name,
    application: project,
    requests: requests(service),
    labels: labels(service.at("labels")),
    nodeSelector: selector(placement.at("constraints")),
    spread: placement.at("preferences").list().flatMap(preference),
    antiAffinity: most === 1 ? [{ service: name, within: "node", weight: null }] : [],
    images: image === "" ? [] : [{ name: image, bytes: 0 }],
  };
  const mode = deploy.at("mode").text("replicated");
  if (mode === "global") {
    const [asked] = buildProblem({ nodes: [], services: [parts] }).services;
    const pinned = Object.fromEntries(
      nodes.filter((node) => refusal(asked!, node) === null).map((node) => [`${project}-${name}-${node.name}`, node.name]),
    );
    if (Object.keys(pinned).length === 0) service.warn(`${name} fits on no node; left out`);
    return Object.keys(pinned).length === 0 ? undefined : { ...parts, replicas: Object.keys(pinned), pinned };
  }
  if (mode !== "replicated") deploy.at("mode").warn(`${show(mode)} is taken as replicated`);
  const scale = service.at("scale");
  const count = deploy.at("replicas").given ? deploy.at("replicas").count(0, 1) : scale.count(0, 1);
  if (count === 0) {
    service.warn(`${name} has 0 replicas; left out`);
    return undefined;
  }
  const own = service.at("container_name").text();
  if (own !== "" && count > 1) service.at("container_name").fault(`one name cannot be that of ${count} replicas; leave it out`);
  return { ...parts, replicas: own === "" ? Array.from({ length: count }, (_, index) => `${project}-${name}-${index + 1}`) : [own] };
}

/** What is reserved; where nothing is, the limit, as nothing else is known. */
function requests(service: Cursor): Quantities {
  const resources = service.at("deploy", "resources");
  const first = (...places: Cursor[]) => places.find(({ given }) => given);
  const cpus = first(resources.at("reservations", "cpus"), resources.at("limits", "cpus"), service.at("cpus"));
  const memory = first(
    resources.at("reservations", "memory"),
    service.at("mem_reservation"),
    resources.at("limits", "memory"),
    service.at("mem_limit"),
  );
  if (resources.at("reservations", "devices").given)
    resources.at("reservations", "devices").warn("is not taken over: devices are not placed");
  return { ...(cpus ? { cpu: cores(cpus) } : {}), ...(memory ? { memory: bytes(memory) } : {}) };
}

function cores(figure: Cursor): number {
  const { value } = figure;
  const count = typeof value === "string" && /^\d*\.?\d+$/.test(value) ? Number(value) : value;
  if (typeof count === "number" && Number.isFinite(count) && count >= 0) return count;
  figure.fault(`${show(value)} is no number of CPUs; write it as "0.50"`);
  return 0;
}

const byteUnits: Readonly<Record<string, number>> = { "": 0, b: 0, k: 10, m: 20, g: 30, t: 40 };

/** Sizes of Compose count in 1024s: `50M`, `1gb`. [Compose specification, 11-extension.md, "byte values"; docker/go-units, RAMInBytes] */
function bytes(figure: Cursor): number {
  const { value } = figure;
  const text = typeof value === "number" ? String(value) : typeof value === "string" ? value.trim() : "";
  const [, digits, unit = ""] = /^(\d+(?:\.\d+)?) ?([bkmgtBKMGT]?)(?:[iI]?[bB])?$/.exec(text) ?? [];
  if (digits !== undefined) return Math.floor(Number(digits) * 2 ** byteUnits[unit.toLowerCase()]!);
  figure.fault(`${show(value)} is no size; write it as 50M`);
  return 0;
}

/** Labels as a map, or a list of `name=value`. */
function labels(entry: Cursor): Record<string, string> {
  if (!Array.isArray(entry.value)) return entry.texts();
  const pairs = entry.list().map((one) => one.text());
  return Object.fromEntries(
    pairs.map((pair) => (pair.includes("=") ? [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)] : [pair, ""])),
  );
}

/** Swarm's constraints, all of which must hold. */
function selector(constraints: Cursor): NodeMatch[][] {
  const match = constraints.list().flatMap((constraint): NodeMatch[] => {
    const [, key = "", operator, value = ""] = /^\s*([\w.\-/]+)\s*(==|!=)\s*(.*?)\s*$/.exec(constraint.text()) ?? [];
    if (operator === undefined) {
      constraint.fault(`${show(constraint.value)} is no constraint; write node.labels.disk==ssd`);
      return [];
    }
    const label = key === "node.hostname" ? "node" : key.startsWith("node.labels.") ? key.slice("node.labels.".length) : undefined;
    if (label === undefined) {
      constraint.warn(`only node.labels and node.hostname are known here; left out: ${key}`);
      return [];
    }
    return [{ key: label, operator: operator === "==" ? "In" : "NotIn", values: [value] }];
  });
  return match.length === 0 ? [] : [match];
}

function preference(entry: Cursor): NonNullable<ServiceParts["spread"]> {
  const by = entry.at("spread").text();
  const label = by.startsWith("node.labels.") ? by.slice("node.labels.".length) : undefined;
  if (label === undefined) entry.warn(`only spread over node.labels is known here; left out: ${by}`);
  return label === undefined ? [] : [{ over: label, maxSkew: 1, weight: preferenceWeight }];
}

/** The folder whose name a project takes: that of its first file, or the one we are in for stdin. */
export function projectFolder(firstFile: string, cwd: string): string {
  return basename(firstFile === "-" ? cwd : dirname(firstFile));
}
