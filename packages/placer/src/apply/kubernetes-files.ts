/** Patches for kubectl: replicas of one workload share one pod template, so a patch says on which nodes they may be, and how evenly. [Kubernetes, Assigning Pods to Nodes; Pod Topology Spread Constraints] @module */
import { join } from "node:path";
import { stringify } from "yaml";
import type { ServiceSpec } from "../problem/problem.ts";
import { fileNames } from "./file-name.ts";
import type { FileChange } from "./file-set.ts";
import { shellQuoted } from "./shell-quoted.ts";
import type { TargetFiles, TargetInput } from "./target.ts";

const hostname = "kubernetes.io/hostname";

/** Makes a patch for each service, and a kustomization of all. */
export function kubernetesFiles({ problem, assignment, node: only, directory }: TargetInput): TargetFiles {
  const nameOf = fileNames();
  const files: FileChange[] = [];
  const notes: string[] = [];
  const commands: string[] = [];
  const patches: { path: string; target: { kind: string; name: string } }[] = [];
  for (const service of problem.services) {
    const counts = new Map<string, number>();
    for (const replica of service.replicas) {
      const node = assignment[replica];
      if (node !== undefined) counts.set(node, (counts.get(node) ?? 0) + 1);
    }
    if (counts.size === 0 || (only !== null && !counts.has(only))) continue;
    const skew = Math.max(...counts.values()) - Math.min(...counts.values());
    if (skew > 0) {
      const wanted = [...counts].map(([node, count]) => `${count} on ${node}`).join(", ");
      notes.push(
        `${service.name}: ${wanted} cannot be said exactly: one pod template may only say that the nodes' counts differ by at most ${skew}`,
      );
    }
    if (Object.keys(service.labels).length === 0 && counts.size > 1) {
      notes.push(`${service.name}: its pods are taken to have the label app=${service.name}, as the problem has no labels of it`);
    }
    const name = service.name.split("/").at(-1)!;
    const file = `${nameOf(service.name)}.patch.yaml`;
    const head = `# Made by placer for the problem ${JSON.stringify(problem.name)}. Of a StatefulSet, change the kind.\n`;
    files.push({ path: join(directory, file), contents: head + stringify(patchOf(service, name, counts, skew), { lineWidth: 0 }) });
    patches.push({ path: file, target: { kind: "Deployment", name } });
    const namespace = service.name.includes("/") ? `-n ${shellQuoted(service.name.slice(0, service.name.lastIndexOf("/")))} ` : "";
    commands.push(`kubectl ${namespace}patch deployment ${shellQuoted(name)} --patch-file ${shellQuoted(join(directory, file))}`);
  }
  if (files.length > 0) {
    files.push({
      path: join(directory, "kustomization.yaml"),
      contents: `# Made by placer: add your own resources, or name this folder in your kustomization's components.\n${stringify({ apiVersion: "kustomize.config.k8s.io/v1alpha1", kind: "Component", patches }, { lineWidth: 0 })}`,
    });
  }
  notes.push(
    "a patch replaces the node selector terms that a workload's required node affinity has; preferences and pod affinity stay",
    "Kubernetes picks which replica goes where and rolls the pods itself, in its own order: the moves shown are those of an exact placement",
    "nodes are named by their label kubernetes.io/hostname, taken to be the problem's node names",
  );
  return { files, notes, commands };
}

function patchOf(service: ServiceSpec, name: string, counts: ReadonlyMap<string, number>, skew: number): unknown {
  const labels = Object.keys(service.labels).length > 0 ? service.labels : { app: name };
  const terms = [{ matchExpressions: [{ key: hostname, operator: "In", values: [...counts.keys()].sort() }] }];
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name },
    spec: {
      replicas: [...counts.values()].reduce((sum, count) => sum + count, 0),
      template: {
        spec: {
          affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms } } },
          ...(counts.size > 1
            ? {
                topologySpreadConstraints: [
                  {
                    maxSkew: Math.max(1, skew),
                    topologyKey: hostname,
                    whenUnsatisfiable: "DoNotSchedule",
                    labelSelector: { matchLabels: labels },
                    // Only the nodes of the affinity count, each of them.
                    nodeAffinityPolicy: "Honor",
                    minDomains: counts.size,
                  },
                ],
              }
            : {}),
        },
      },
    },
  };
}
