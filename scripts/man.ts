/** Makes the manual pages of packages/<daemon>/man out of their hand-written parts (`*.in`) and of what the sources say. @module */
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Program } from "../packages/cli/src/command.ts";
import { tools } from "../packages/hdl-bindings/man/facts.ts";
import * as hdlBindingsNotes from "../packages/hdl-bindings/man/notes.ts";
import { hdlBindings } from "../packages/hdl-bindings/src/cli.ts";
import * as meshfiltersFacts from "../packages/meshfilters/man/facts.ts";
import * as meshfiltersNotes from "../packages/meshfilters/man/notes.ts";
import { meshfilters } from "../packages/meshfilters/src/cli.ts";
import * as mqttnicFacts from "../packages/mqttnic/man/facts.ts";
import * as mqttnicNotes from "../packages/mqttnic/man/notes.ts";
import { mqttnic } from "../packages/mqttnic/src/cli.ts";
import * as nicdFacts from "../packages/nicd/man/facts.ts";
import * as nicdNotes from "../packages/nicd/man/notes.ts";
import { nicd } from "../packages/nicd/src/cli.ts";
import * as placerFacts from "../packages/placer/man/facts.ts";
import * as placerNotes from "../packages/placer/man/notes.ts";
import { placer } from "../packages/placer/src/cli.ts";
import * as replicadFacts from "../packages/replicad/man/facts.ts";
import * as replicadNotes from "../packages/replicad/man/notes.ts";
import { replicad } from "../packages/replicad/src/cli.ts";
import { counters, reasonList } from "../packages/sockhijack/man/facts.ts";
import * as sockhijackNotes from "../packages/sockhijack/man/notes.ts";
import { sockhijack } from "../packages/sockhijack/src/cli.ts";
import { placesOf } from "../packages/sockhijack/src/places.ts";
import { type CommandNotes, commandList, examples, globalOptions, synopsis } from "./man/commands.ts";
import { fields, mapPaths, selectorFields } from "./man/fields.ts";
import { guarded, literal } from "./man/mdoc.ts";
import { metricList } from "./man/metric-list.ts";
import { capabilities, exitStatuses } from "./man/shared-facts.ts";

const packages = resolve(import.meta.dirname, "../packages");

/** One page: where it stands, and what should stand there. */
export interface Page {
  readonly path: string;
  readonly text: string;
}

/**
 * Puts values in the places of `@name@`.
 *
 * @throws {Error} for a place without a value, and for a value without a place: a fact must not get lost.
 */
export function fillIn(template: string, values: Readonly<Record<string, string>>): string {
  const unused = new Set(Object.keys(values));
  const text = template.replaceAll(/@([\w.-]+)@/g, (_, name: string) => {
    if (values[name] === undefined) throw new Error(`there is no value for @${name}@`);
    unused.delete(name);
    return values[name];
  });
  if (unused.size > 0) throw new Error(`there is no place for ${[...unused].map((name) => `@${name}@`).join(", ")}`);
  return text;
}

/** Every manual page, made anew. */
export function manPages(): Page[] {
  return [sockhijackPage(), nicdPage(), mqttnicPage(), placerPage(), replicadPage(), hdlBindingsPage(), meshfiltersPage(), meshPage()];
}

function page(path: string, values: Readonly<Record<string, string>>): Page {
  const whole = join(packages, path);
  return { path: whole, text: fillIn(readFileSync(`${whole}.in`, "utf8"), values) };
}

/** What every program's page has. */
function programValues(program: Program, notes: CommandNotes): Record<string, string> {
  return {
    summary: program.summary,
    synopsis: synopsis(program),
    commands: commandList(program, notes),
    globals: globalOptions(program),
    exit: exitStatuses(),
    examples: examples(program.examples).replace(".Pp\n", ""),
  };
}

/** What every daemon's page has. */
function daemonValues(program: Program, notes: CommandNotes, unit: string): Record<string, string> {
  return {
    ...programValues(program, notes),
    config: String(program.options.config?.default),
    socket: String(program.options.socket?.default),
    capabilities: capabilities(unit),
  };
}

function sockhijackPage(): Page {
  const values = daemonValues(sockhijack, sockhijackNotes, "sockhijack/systemd/sockhijack.service");
  const { dnsPort, ...places } = placesOf(values.socket!);
  return page("sockhijack/man/sockhijack.8", {
    ...values,
    ...places,
    dnsPort: String(dnsPort),
    counters: counters(),
    reasons: reasonList(),
  });
}

function nicdPage(): Page {
  const { certificates, authority } = nicd.commands.find(({ name }) => name === "cert issue")!.options;
  return page("nicd/man/nicd.8", {
    ...daemonValues(nicd, nicdNotes, "nicd/systemd/nicd.service"),
    certificates: String(certificates?.default),
    authority: String(authority?.default),
    flags: nicdFacts.flags(),
    refusals: nicdFacts.refusals(),
    metrics: metricList("nicd", nicdFacts.registerMetrics),
  });
}

function mqttnicPage(): Page {
  return page("mqttnic/man/mqttnic.8", {
    ...daemonValues(mqttnic, mqttnicNotes, "mqttnic/systemd/mqttnic.service"),
    followed: mqttnicFacts.followed(),
    needless: mqttnicFacts.needlessList(),
    refused: mqttnicFacts.refusedList(),
    metrics: metricList("mqttnic", mqttnicFacts.registerMetrics),
  });
}

function placerPage(): Page {
  const { capabilities: _none, ...values } = daemonValues(placer, placerNotes, "placer/systemd/placer.service");
  const { state } = placer.commands.find(({ name }) => name === "daemon")!.options;
  return page("placer/man/placer.8", {
    ...values,
    state: String(state?.default),
    metrics: metricList("placer", placerFacts.registerMetrics),
  });
}

function replicadPage(): Page {
  const { state } = replicad.commands.find(({ name }) => name === "daemon")!.options;
  return page("replicad/man/replicad.8", {
    ...daemonValues(replicad, replicadNotes, "replicad/systemd/replicad.service"),
    state: String(state?.default),
    metrics: metricList("replicad", replicadFacts.registerMetrics),
  });
}

function hdlBindingsPage(): Page {
  return page("hdl-bindings/man/hdl-bindings.1", { ...programValues(hdlBindings, hdlBindingsNotes), tools: tools() });
}

function meshfiltersPage(): Page {
  return page("meshfilters/man/meshfilters.1", {
    ...programValues(meshfilters, meshfiltersNotes),
    compilers: meshfiltersFacts.compilers(),
  });
}

function meshPage(): Page {
  const example = readFileSync(join(packages, "sockhijack/man/mesh.yaml.example"), "utf8").trimEnd();
  return page("sockhijack/man/mesh.yaml.5", {
    config: String(sockhijack.options.config?.default),
    ...Object.fromEntries(mapPaths.map((path) => [path ? `fields.${path}` : "fields", fields(path)])),
    selectors: selectorFields(),
    example: example
      .split("\n")
      .map((line) => guarded(literal(line)))
      .join("\n"),
  });
}

if (import.meta.main) {
  const write = process.argv[2] === "--write";
  for (const { path, text } of manPages()) {
    if (write) writeFileSync(path, text);
    else process.stdout.write(text);
  }
}
