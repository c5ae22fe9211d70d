/**
 * Writes a mesh and ten thousand rules for the kernel, none of which denies what the bench asks, but each of which is a row of the kernel's table: it
 * names a service and a port of this mesh. (Rules of services or ports that a mesh does not have wait outside of the kernel, and cost nothing.)
 *
 *     node bench/lib/filters-kernel-rules.ts FOLDER
 *
 * FOLDER gets mesh.yaml, none.policies.yaml and rules.policies.yaml; the number of rows is printed.
 *
 * @module
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildRules } from "../../packages/meshfilters/src/rules/build-rules.ts";

const clients = 100;
/** The first is the server's. */
const ports = Array.from({ length: 100 }, (_, at) => 8200 + at);

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new RangeError("usage: filters-kernel-rules.ts FOLDER");
mkdirSync(folder, { recursive: true });
const others = Array.from({ length: clients }, (_, at) => `other-${at}`);
const services = [`web: { ports: [${ports.join(", ")}] }`, "load: {}", ...others.map((name) => `${name}: {}`)];
writeFileSync(join(folder, "mesh.yaml"), `version: 1\nservices:\n${services.map((line) => `  ${line}\n`).join("")}`);
writeFileSync(join(folder, "none.policies.yaml"), "version: 1\n");
const rules = others.flatMap((from) =>
  ports.map((port) => `  - { name: ${from}-${port}, match: { from: ${from}, port: ${port} }, do: deny }\n`),
);
const source = join(folder, "rules.yaml");
writeFileSync(source, `version: 1\nrules:\n${rules.join("")}`);
await buildRules(source, { output: join(folder, "rules"), backEnds: ["kernel"] });
process.stdout.write(`${rules.length}\n`);
