#!/usr/bin/env node
/**
 * What filters-conformance.sh found, as a table: checks in which nicd or Envoy differ.
 *
 *     node bench/report/filters-conformance.ts FOLDER --envoy 1.40.0 [--write conformance.md] [--json] [--strict]
 *
 * @module
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { conformanceTable, differsAlone, type HostVerdicts, withTable } from "./filters-differences.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    envoy: { type: "string", default: "" },
    write: { type: "string" },
    json: { type: "boolean", default: false },
    strict: { type: "boolean", default: false },
  },
});
const folder = positionals[0] ?? ".";
const hosts: HostVerdicts[] = ["nicd", "envoy"].flatMap((host) => {
  const file = join(folder, `${host}.json`);
  if (!existsSync(file)) return [];
  const name = host === "envoy" ? `Envoy ${values.envoy}`.trim() : host;
  return [{ host, name, verdicts: (JSON.parse(readFileSync(file, "utf8")) as Pick<HostVerdicts, "verdicts">).verdicts }];
});
if (hosts.length === 0) throw new RangeError(`there are no verdicts in ${folder}`);
if (values.json) process.stdout.write(`${JSON.stringify(hosts, null, 1)}\n`);
else process.stdout.write(conformanceTable(hosts));
if (values.write !== undefined) {
  if (hosts.length < 2) throw new RangeError("--write wants the verdicts of both hosts");
  const page = withTable(readFileSync(values.write, "utf8"), conformanceTable(hosts));
  if (page === undefined) throw new RangeError(`${values.write} has no markers for the table`);
  writeFileSync(values.write, page);
}
if (values.strict && differsAlone(hosts).length > 0) process.exitCode = 1;
