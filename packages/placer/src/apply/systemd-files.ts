/** systemd's files for one node: a slice for each application, a drop-in for each replica, and none where a replica has left. @module */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import { type Allotment, allotCores } from "./allot-cores.ts";
import { type FileChange, kindOf } from "./file-set.ts";
import { type LoadedApplication, loadOfNode, type MemoryLimits } from "./node-load.ts";
import type { TargetFiles, TargetInput } from "./target.ts";
import { sliceName, unitName } from "./unit-name.ts";

/** Name of a drop-in; late enough to come after a package's own, early enough for a person's. */
export const dropIn = "50-mitsu-placer.conf";
/** Where units are besides `--directory`. [systemd.unit(5), "Unit File Load Path"] */
const unitPaths = [
  "/etc/systemd/system",
  "/run/systemd/system",
  "/usr/local/lib/systemd/system",
  "/usr/lib/systemd/system",
  "/lib/systemd/system",
];
/** Weights of siblings are shares of this. [cgroup-v2.rst, cpu.weight: 1 to 10000] */
const wholeWeight = 1000;

/** What systemd's part of a plan is, besides its files. */
export interface SystemdFiles extends TargetFiles {
  /** Units with a drop-in, in the order of their replicas. */
  readonly units: readonly string[];
  /** Those of them that no unit file is known of. */
  readonly missing: readonly string[];
  /** Unit of each replica of the problem. */
  readonly unitOf: (replica: string) => string;
}

/** The line that says whose a file is; files of other problems are left alone. */
const owner = (problem: string): string =>
  `# Made by placer for the problem ${JSON.stringify(problem)}: 'placer apply' replaces it, 'placer rollback' undoes it.`;

/**
 * Makes the files. CPUWeight is the share of the CPU reserved on the node, within the slice that of the application's: it acts only when cores are
 * short. CPUQuota is never written: a request is what a replica is promised, not the most it may have, and a quota would throttle it on idle cores.
 *
 * @throws {MitsuError} `ERR_USAGE` when two replicas have one unit, or the pattern makes no unit's name
 */
export function systemdFiles(input: TargetInput & { readonly node: string }): SystemdFiles {
  const { problem, assignment, node, directory, reserve, cpuset } = input;
  const unitOf = unitsOf(input);
  const applications = loadOfNode(problem, assignment, node, reserve);
  const spec = problem.nodes.find(({ name }) => name === node)!;
  const allotted = cpuset ? allotCores(problem, spec, applications) : { of: new Map<string, Allotment>(), notes: [] };
  const cpu = applications.reduce((sum, application) => sum + application.cpu, 0);
  const wanted = new Map<string, string>();
  for (const application of applications) {
    const slice = sliceName(application.name);
    const cores = allotted.of.get(application.name);
    wanted.set(slice, sliceText(problem.name, application, weight(application.cpu, cpu), cores));
    for (const replica of application.replicas) {
      const lines = [
        `Slice=${slice}`,
        ...weightLine(weight(replica.cpu, application.cpu)),
        ...memoryLines(replica.memory),
        ...numaLines(cores),
      ];
      wanted.set(`${unitOf(replica.name)}.d/${dropIn}`, file(problem.name, "Service", lines));
    }
  }
  const leftAlone = new Set(
    problem.services.flatMap(({ replicas }) => replicas.filter((name) => assignment[name] === undefined).map(unitOf)),
  );
  const all = new Set(problem.services.flatMap(({ replicas }) => replicas.map(unitOf)));
  const stale = ownFiles(directory, problem.name, all).filter(
    // The plan says nothing of those that it does not have.
    (path) => !wanted.has(path) && !leftAlone.has(path.slice(0, path.indexOf(".d/"))),
  );
  const units = applications.flatMap(({ replicas }) => replicas.map(({ name }) => unitOf(name)));
  const staying = applications
    .flatMap(({ replicas }) => replicas.filter(({ name }) => problem.assignment[name] === node).map(({ name }) => unitOf(name)))
    .filter(
      (unit) => kindOf({ path: join(directory, `${unit}.d/${dropIn}`), contents: wanted.get(`${unit}.d/${dropIn}`)! }) !== "unchanged",
    );
  const missing = units.filter((unit) => !unitExists(unit, [directory, ...unitPaths]));
  return {
    files: [
      ...[...wanted].map(([path, contents]): FileChange => ({ path: join(directory, path), contents })),
      ...stale.map((path): FileChange => ({ path: join(directory, path), contents: null })),
    ],
    units,
    missing,
    unitOf,
    commands: ["systemctl daemon-reload"],
    notes: [
      ...allotted.notes,
      ...missing.map((unit) => `${unit} does not exist on this node yet: its drop-in waits for it`),
      ...(staying.length === 0 ? [] : [`running here already, so in their slice only after a restart: ${staying.join(" ")}`]),
      ...(cpuset && spec.numa.length === 0
        ? [`cores of ${node} are taken to be numbered from 0: give numa cpus in the problem file if they are not`]
        : []),
    ],
  };
}

function unitsOf({ problem, unit }: TargetInput): (replica: string) => string {
  const units = new Map<string, string>();
  const replicas = new Map<string, string>();
  for (const service of problem.services)
    for (const [index, replica] of service.replicas.entries()) {
      const name = unitName(unit, { replica, service: service.name, index });
      const other = replicas.get(name);
      if (other !== undefined) {
        throw new MitsuError(`--unit ${unit}: ${other} and ${replica} would both be ${name}`, {
          code: "ERR_USAGE",
          hint: "put {replica}, or {service} and {index}, into the pattern",
          exit: exitStatus.usage,
        });
      }
      replicas.set(name, replica);
      units.set(replica, name);
    }
  return (replica) => units.get(replica)!;
}

/** A share as a weight of at least 1; null where nothing was reserved, so that nothing is known. */
function weight(part: number, whole: number): number | null {
  return part > 0 && whole > 0 ? Math.max(1, Math.round((part / whole) * wholeWeight)) : null;
}

const weightLine = (value: number | null): string[] => (value === null ? [] : [`CPUWeight=${value}`]);

function memoryLines({ high, max }: MemoryLimits): string[] {
  return [...(high === null ? [] : [`MemoryHigh=${high}`]), ...(max === null ? [] : [`MemoryMax=${max}`])];
}

/** Memory from where the cores are; `preferred` goes elsewhere rather than fail when that is full. [systemd.exec(5), NUMAPolicy] */
function numaLines(cores: Allotment | undefined): string[] {
  if (cores === undefined || cores.numa.length === 0) return [];
  return [
    `NUMAPolicy=${cores.numa.length === 1 ? "preferred" : "interleave"}`,
    `NUMAMask=${[...cores.numa].sort((a, b) => a - b).join(",")}`,
  ];
}

function sliceText(problem: string, application: LoadedApplication, cpuWeight: number | null, cores: Allotment | undefined): string {
  const lines = [
    ...weightLine(cpuWeight),
    ...memoryLines(application.memory),
    ...(cores === undefined ? [] : [`AllowedCPUs=${cores.cpus}`]),
  ];
  // Percent signs are specifiers, and a line's end would end the value. [systemd.unit(5)]
  const name = application.name
    .replaceAll(/\p{Cc}/gu, " ")
    .replaceAll("%", "%%")
    .replaceAll("\\", "\\\\");
  return file(problem, "Slice", lines, `[Unit]\nDescription=Application ${name}, placed by placer\n\n`);
}

function file(problem: string, section: string, lines: readonly string[], before = ""): string {
  return `${owner(problem)}\n${before}[${section}]\n${lines.map((line) => `${line}\n`).join("")}`;
}

/** Files in the directory that this problem's earlier plans made, and drop-ins of its units; relative paths. */
function ownFiles(directory: string, problem: string, units: ReadonlySet<string>): string[] {
  if (!existsSync(directory)) return [];
  const found: string[] = [];
  for (const name of readdirSync(directory).sort()) {
    const path = name.endsWith(".service.d") ? join(name, dropIn) : /^mitsu-.+\.slice$/.test(name) ? name : null;
    if (path === null || !existsSync(join(directory, path))) continue;
    const ours = units.has(name.slice(0, -2)) || readFileSync(join(directory, path), "utf8").startsWith(`${owner(problem)}\n`);
    if (ours) found.push(path);
  }
  return found;
}

function unitExists(unit: string, directories: readonly string[]): boolean {
  const template = unit.replace(/@[^.]*\.service$|@.*\.service$/, "@.service");
  return directories.some((directory) => existsSync(join(directory, unit)) || existsSync(join(directory, template)));
}
