/** An override file for `docker compose` for each node. [Compose specification: services, deploy] @module */
import { join } from "node:path";
import { stringify } from "yaml";
import { type Allotment, allotCores } from "./allot-cores.ts";
import { fileNames } from "./file-name.ts";
import type { FileChange } from "./file-set.ts";
import { loadOfNode } from "./node-load.ts";
import { shellQuoted } from "./shell-quoted.ts";
import type { TargetFiles, TargetInput } from "./target.ts";

const fileName = "compose.placer.yaml";
/** `cpu_shares` of one core; Docker's default is that of a whole container. [docker run(1), --cpu-shares] */
const sharesOfCore = 1024;

/**
 * Makes the files. `cpu_shares` act only when cores are short; `cpus` is never written: it is a ceiling, and a request is a floor.
 * Services of the problem that have no replica on a node are scaled to 0 there.
 */
export function composeFiles(input: TargetInput): TargetFiles {
  const { problem, assignment, node: only, directory, reserve, cpuset } = input;
  const cores = problem.resources.find(({ name }) => name === "cpu")?.unit === "cores";
  const notes: string[] = [];
  const commands: string[] = [];
  const files: FileChange[] = [];
  const nameOf = fileNames();
  for (const node of problem.nodes) {
    if (only !== null && node.name !== only) continue;
    const applications = loadOfNode(problem, assignment, node.name, reserve);
    const allotted = cpuset ? allotCores(problem, node, applications) : { of: new Map<string, Allotment>(), notes: [] };
    notes.push(...allotted.notes);
    const services = Object.fromEntries(
      problem.services.map((service) => {
        const replicas = applications.flatMap((application) => application.replicas.filter((one) => one.service === service));
        const [first] = replicas;
        if (first === undefined) return [service.name, { deploy: { replicas: 0 } }];
        const cpus = allotted.of.get(service.application || problem.name || "services")?.cpus;
        return [
          service.name,
          {
            deploy: { replicas: replicas.length },
            ...(cores && first.cpu > 0 ? { cpu_shares: Math.min(262_144, Math.max(2, Math.round(first.cpu * sharesOfCore))) } : {}),
            ...(cpus === undefined ? {} : { cpuset: cpus }),
            ...(first.memory.request === null ? {} : { mem_reservation: `${first.memory.request}b` }),
            ...(first.memory.max === null ? {} : { mem_limit: `${first.memory.max}b` }),
          },
        ];
      }),
    );
    const path = only === null ? join(directory, nameOf(node.name), fileName) : join(directory, fileName);
    const head = `# Made by placer for node ${JSON.stringify(node.name)} and the problem ${JSON.stringify(problem.name)}; put it behind your own files.\n`;
    files.push({ path, contents: head + stringify({ services }, { lineWidth: 0 }) });
    commands.push(`docker compose -f compose.yaml -f ${shellQuoted(path)} up -d # on ${node.name.replaceAll(/\p{Cc}/gu, " ")}`);
  }
  notes.push(
    "Compose numbers replicas itself: which of a service's replicas stays is its choice, only how many is ours; a service with container_name cannot have more than one",
  );
  return { files, notes, commands };
}
