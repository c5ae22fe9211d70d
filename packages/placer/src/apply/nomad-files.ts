/** Nomad jobs, as JSON, of what placer knows: a group for each service on each node, tied to it, with its count and resources. [Nomad, JSON job specification] @module */
import { join } from "node:path";
import { type Allotment, allotCores } from "./allot-cores.ts";
import { fileNames } from "./file-name.ts";
import type { FileChange } from "./file-set.ts";
import { type LoadedReplica, loadOfNode } from "./node-load.ts";
import { shellQuoted } from "./shell-quoted.ts";
import type { TargetFiles, TargetInput } from "./target.ts";

/** Nomad counts MHz, the problem cores. */
const mhzOfCore = 1000;
const mebibyte = 1024 * 1024;

/** A service on a node, of one application. */
interface Group {
  readonly node: string;
  readonly replicas: readonly LoadedReplica[];
}

/** Makes a job file for each application. What a task runs is not known here, so the groups have to be merged into the job there is. */
export function nomadFiles(input: TargetInput): TargetFiles {
  const { problem, assignment, node: only, directory, reserve, cpuset } = input;
  const cores = problem.resources.find(({ name }) => name === "cpu")?.unit === "cores";
  const jobs = new Map<string, Group[]>();
  const notes: string[] = [];
  for (const node of problem.nodes) {
    if (only !== null && node.name !== only) continue;
    const applications = loadOfNode(problem, assignment, node.name, reserve);
    // Nomad picks the cores itself; only that they fit is looked at here.
    const allotted = cpuset ? allotCores(problem, node, applications) : { of: new Map<string, Allotment>(), notes: [] };
    notes.push(...allotted.notes);
    for (const { name, replicas } of applications)
      for (const service of new Set(replicas.map((one) => one.service))) {
        const groups = jobs.get(name) ?? [];
        jobs.set(name, groups);
        groups.push({ node: node.name, replicas: replicas.filter((one) => one.service === service) });
      }
  }
  const nameOf = fileNames();
  const files: FileChange[] = [];
  for (const [application, groups] of jobs) {
    const job = {
      Job: {
        ID: application,
        Name: application,
        Type: "service",
        TaskGroups: groups.map(({ node, replicas }) => {
          const { service, cpu, memory } = replicas[0]!;
          const whole = cpuset && cores && Number.isInteger(cpu) && cpu >= 1;
          return {
            Name: `${service.name}-${node}`,
            Count: replicas.length,
            // biome-ignore lint/suspicious/noTemplateCurlyInString: Nomad's own interpolation
            Constraints: [{ LTarget: "${node.unique.name}", RTarget: node, Operand: "=" }],
            Tasks: [
              {
                Name: service.name,
                Resources: {
                  ...(whole ? { Cores: cpu } : cores && cpu > 0 ? { CPU: Math.max(1, Math.round(cpu * mhzOfCore)) } : {}),
                  ...(memory.request === null ? {} : { MemoryMB: Math.ceil(memory.request / mebibyte) }),
                  ...(memory.max === null ? {} : { MemoryMaxMB: Math.ceil(memory.max / mebibyte) }),
                },
              },
            ],
          };
        }),
      },
    };
    files.push({ path: join(directory, `${nameOf(application)}.nomad.json`), contents: `${JSON.stringify(job, null, 2)}\n` });
  }
  notes.push(
    "merge these groups into your jobs: Driver, Config, Networks, Services and Datacenters of a task are not known to placer, and a job without them does not run",
    `CPU is in MHz, at ${mhzOfCore} MHz for a core: multiply it by your cores' clock in GHz${cpuset ? "; services that reserve whole cores have Cores instead" : ""}`,
    "MemoryMaxMB acts only where memory oversubscription is enabled; a group is an own count, so 'nomad job scale' needs its name",
  );
  return { files, notes, commands: files.map(({ path }) => `nomad job plan -json ${shellQuoted(path)}`) };
}
