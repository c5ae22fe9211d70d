/** Reads a mosquitto.conf(5): the common directives; unknown ones are refused with line and reason, and what does not matter is warned of. @module */
import { readdirSync, readFileSync } from "node:fs";
import { hostname, networkInterfaces } from "node:os";
import { join, resolve } from "node:path";
import { didYouMean, type LogLevel } from "@mitsu/cli";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import type { BrokerConfig } from "./broker-config.ts";
import { bridgeDirectives } from "./conf-bridge.ts";
import { buildConfig, logLevelOf, type Machine } from "./conf-build.ts";
import { type Draft, emptyDraft } from "./conf-draft.ts";
import { type Directive, globalDirectives } from "./conf-global.ts";
import { listenerDirectives } from "./conf-listener.ts";
import { needlessDirectives, refusedDirectives } from "./conf-refused.ts";
import { ConfFault, type ConfPlace, ConfValue, shown } from "./conf-value.ts";

/** Settings of {@link parseMosquittoConf}. */
export interface ConfOptions {
  /** Name that messages begin with. */
  readonly file: string;
  /** Ports of `-p`. */
  readonly ports?: readonly number[];
  readonly machine?: Partial<Machine>;
  readonly readFile?: (path: string) => Uint8Array;
  /** Names in a folder, for `include_dir`. */
  readonly listFolder?: (path: string) => readonly string[];
}

/** What a mosquitto.conf comes to. */
export interface MosquittoConf {
  readonly config: BrokerConfig;
  /** One a line: `mosquitto.conf:3: autosave_interval has no effect: …`. */
  readonly warnings: readonly string[];
  /** Files read besides, by `include_dir`. */
  readonly included: readonly string[];
  /** By `log_type` and `log_dest none`. */
  readonly logLevel: LogLevel | undefined;
  readonly pidFile: string | undefined;
}

const directives: ReadonlyMap<string, Directive> = new Map(
  Object.entries({ ...globalDirectives, ...listenerDirectives, ...bridgeDirectives }),
);
/** May be said several times in one place. */
const repeated = new Set(["listener", "connection", "topic", "address", "addresses", "log_type", "log_dest", "include_dir"]);
const optionPrefixes = /^(?:auth_opt|plugin_opt)_/;

/**
 * Reads the text of a mosquitto.conf.
 *
 * @throws {MitsuError} `ERR_MQTT_CONFIG` with every fault, its file and line; never anything else.
 * @example
 * ```ts
 * parseMosquittoConf("listener 1883\nallow_anonymous true\n", { file: "mosquitto.conf" }).config.listeners[0].anonymous; // "yes"
 * ```
 */
export function parseMosquittoConf(text: string, options: ConfOptions): MosquittoConf {
  const { file, ports = [], readFile = readFileSync, listFolder = (path) => readdirSync(path) } = options;
  const machine = { ...thisMachine(), ...options.machine };
  const draft = emptyDraft(file);
  const faults: string[] = [];
  const warnings: string[] = [];
  const included: string[] = [];
  const said = (list: string[]) => (place: ConfPlace, directive: string, message: string) => {
    list.push(`${place.file}:${place.line}: ${directive} ${message}`);
  };
  const findings = { fault: said(faults), warn: said(warnings) };
  const seen = new Map<unknown, Map<string, ConfPlace>>();

  const apply = (value: ConfValue, nested: boolean): void => {
    const { directive, place } = value;
    draft.warn = (message) => findings.warn(place, directive, message);
    if (directive === "include_dir") {
      if (nested) throw new ConfFault("stands in a file that is included itself; mosquitto reads it in the main file only");
      for (const path of filesOf(value, machine, listFolder)) {
        included.push(path);
        read(textOf(path, readFile), path, true);
      }
      return;
    }
    const why = refusedDirectives.get(optionPrefixes.test(directive) ? "plugin" : directive);
    if (why !== undefined) throw new ConfFault(`is not supported: ${why}`.replace("is not supported: is not", "is not"));
    const needless = needlessDirectives.get(directive);
    if (needless !== undefined) {
      draft.warn(needless);
      return;
    }
    const known = directives.get(directive);
    if (!known) throw new ConfFault(unknown(directive));
    noteTwice(seen, draft, value);
    known(value, draft);
  };

  const read = (content: string, name: string, nested: boolean): void => {
    for (const [index, line] of content.split("\n").entries()) {
      const place = { file: name, line: index + 1 };
      const words = /^[ \t]*([^ \t\r]+)[ \t]*(.*?)[ \t\r]*$/s.exec(line);
      if (!words || line.startsWith("#") || words[1]!.startsWith("#")) continue;
      const directive = words[1]!;
      const named = /^[\w.-]{1,60}$/.test(directive) ? directive : shown(directive);
      try {
        // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
        if (/[\0-\x08\x0a-\x1f\x7f]/.test(line.trimEnd())) throw new ConfFault("has a control character in its line");
        apply(new ConfValue(place, directive, words[2]!), nested);
      } catch (error) {
        if (!(error instanceof ConfFault)) throw error;
        findings.fault(place, named, error.message);
      }
    }
  };

  read(text.replace(/^\uFEFF/, ""), file, false);
  const config = buildConfig(draft, ports, machine, findings);
  if (ports.length > 0 && (draft.defaultListener.used || draft.listeners.length > 0)) {
    warnings.push(`${file}: has a listener, so -p is ignored, as mosquitto does it`);
  }
  if (draft.persistence && draft.persistenceFile === "mosquitto.db") {
    warnings.push(`${file}: persistence_file mosquitto.db is left alone, its format is mosquitto's; ours is mqttnic.db beside it`);
  }
  if (faults.length > 0) throw wrong(faults);
  return { config, warnings, included, logLevel: logLevelOf(draft), pidFile: draft.pidFile && resolve(machine.folder, draft.pidFile) };
}

/** All faults as one error. */
function wrong(faults: readonly string[]): MitsuError {
  const most = 20;
  const lines = faults.length > most ? [...faults.slice(0, most), `… and ${faults.length - most} more`] : faults;
  return new MitsuError(lines.join("\n"), {
    code: "ERR_MQTT_CONFIG",
    hint: "correct the lines named above; mqttnic(8) lists the directives that are followed",
    exit: exitStatus.config,
  });
}

function thisMachine(): Machine {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return { hostName: hostname(), folder: process.cwd(), ipv6: addresses.some(({ family }) => family === "IPv6") };
}

function unknown(directive: string): string {
  const near = didYouMean(directive, [...directives.keys(), "include_dir", ...needlessDirectives.keys()]);
  return near === undefined ? "is no directive of mosquitto.conf(5)" : `is no directive; did you mean ${near}?`;
}

/** mosquitto refuses some repetitions and takes the last of others; here the last counts, and it is said. */
function noteTwice(seen: Map<unknown, Map<string, ConfPlace>>, draft: Draft, { directive, place }: ConfValue): void {
  if (repeated.has(directive)) return;
  const scope =
    directive in bridgeDirectives ? draft.bridge : directive in listenerDirectives || draft.perListener ? draft.listener : draft;
  const inScope = seen.get(scope) ?? new Map<string, ConfPlace>();
  seen.set(scope, inScope);
  const before = inScope.get(directive);
  if (before)
    draft.warn(`was said in line ${before.line}${before.file === place.file ? "" : ` of ${before.file}`} already; this one counts`);
  inScope.set(directive, place);
}

/** The `.conf` files of a folder in the order of their bytes' names, upper case of a letter before its lower case. */
function filesOf(value: ConfValue, { folder }: Machine, listFolder: (path: string) => readonly string[]): string[] {
  const path = resolve(folder, value.text("a folder"));
  let names: readonly string[];
  try {
    names = listFolder(path);
  } catch (error) {
    throw new ConfFault(`cannot read the folder ${path}: ${(error as NodeJS.ErrnoException).code ?? String(error)}`);
  }
  const order = (one: string, other: string): number => compare(one.toLowerCase(), other.toLowerCase()) || compare(one, other);
  return names
    .filter((name) => name.endsWith(".conf") && name.length > ".conf".length)
    .sort(order)
    .map((name) => join(path, name));
}

const compare = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0);

function textOf(path: string, readFile: (path: string) => Uint8Array): string {
  try {
    return decodeConf(readFile(path));
  } catch (error) {
    const why = error instanceof TypeError ? "it is not UTF-8" : ((error as NodeJS.ErrnoException).code ?? String(error));
    throw new ConfFault(`cannot read ${path}: ${why}`);
  }
}

/** The text of a file. @throws {TypeError} when it is not UTF-8. */
export function decodeConf(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
}
