/** Policies: from entries of the file to the catalog's form, with references to what there is not. @module */
import type { Policy } from "./catalog.ts";
import type { PolicyEntry } from "./entries.ts";
import type { MeshEntries } from "./mesh-entries.ts";
import { portMapping } from "./ports.ts";
import type { Finding } from "./problem.ts";
import { formatPath } from "./problem.ts";
import { unknownName } from "./unknown-name.ts";

/** Fills the policies' defaults in and appends what is wrong with them to `findings`. */
export function normalisePolicies(mesh: MeshEntries, findings: Finding[]): Policy[] {
  const indexByName = new Map<string, number>();
  return [...mesh.policies].map(([index, entry]) => {
    const path = ["policies", index];
    if (entry.name !== undefined) {
      const first = indexByName.get(entry.name);
      if (first === undefined) indexByName.set(entry.name, index);
      else
        findings.push({
          path: [...path, "name"],
          at: "value",
          message: `${JSON.stringify(entry.name)} is already the name of policies[${first}]; give each its own`,
        });
    }
    findings.push(...unknownServices(mesh, index, entry), ...unservedPorts(mesh, index, entry));
    return {
      name: entry.name ?? formatPath(path),
      from: [entry.from].flat(),
      to: [entry.to].flat(),
      ports: entry.ports ?? [],
      action: entry.action,
    };
  });
}

function unknownServices(mesh: MeshEntries, index: number, entry: PolicyEntry): Finding[] {
  return (["from", "to"] as const).flatMap((side) =>
    [entry[side]].flat().flatMap((name, place): Finding[] => {
      if (name === "*" || mesh.serviceNames.has(name)) return [];
      const path = ["policies", index, side];
      return [
        {
          path: Array.isArray(entry[side]) ? [...path, place] : path,
          at: "value",
          message: unknownName("service", name, mesh.serviceNames),
        },
      ];
    }),
  );
}

/** A port that none of the named servers has would never match: a slip, as long as all of them say what ports they have. */
function unservedPorts(mesh: MeshEntries, index: number, entry: PolicyEntry): Finding[] {
  const servers = [entry.to].flat().map((name) => mesh.services.get(name)?.ports ?? []);
  if (servers.some((ports) => ports.length === 0)) return [];
  const served = new Set(servers.flat().map((port) => portMapping(port).port));
  return (entry.ports ?? []).flatMap((port, place): Finding[] => {
    const message = `no service in \`to\` has port ${port}; there are ${[...served].join(", ")}`;
    return served.has(port) ? [] : [{ path: ["policies", index, "ports", place], at: "value", message }];
  });
}
