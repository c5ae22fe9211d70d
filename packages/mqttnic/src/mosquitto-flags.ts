/** The command lines of mosquitto, mosquitto_pub and mosquitto_sub as ours: `mqttnic -c mosquitto.conf -p 1883 -v`, `mqttnic sub -h broker -t '#'`. @module */
import { exitStatus, MitsuError } from "@mitsu/cli/error";

/** mosquitto's flags that take a value. */
const brokerFlags: Readonly<Record<string, string>> = {
  "-c": "config-file",
  "--config-file": "config-file",
  "-p": "port",
  "--port": "port",
};
const brokerSwitches = new Set(["-v", "--verbose", "-d", "--daemon"]);

/** Short flags of mosquitto_pub and mosquitto_sub that take a value. A value may begin with a dash: it is joined to its flag. */
const clientFlags: Readonly<Record<string, string>> = {
  "-h": "host",
  "-p": "port",
  "-L": "url",
  "-t": "topic",
  "-m": "message",
  "-f": "file",
  "-q": "qos",
  "-i": "client-id",
  "-k": "keep-alive",
  "-u": "username",
  "-P": "password",
  "-x": "session-expiry",
  "-C": "count",
  "-W": "timeout",
  "-F": "format",
  "-T": "filter-out",
};
const clientSwitches: Readonly<Record<string, string>> = { "-R": "--retained=never", "--retained-only": "--retained=only" };
const versions: Readonly<Record<string, string>> = {
  mqttv5: "5",
  "5": "5",
  mqttv311: "3.1.1",
  "311": "3.1.1",
  mqttv31: "3.1",
  "31": "3.1",
};

/** mosquitto's names of PUBLISH properties (`-D publish content-type text/plain`). */
const properties: Readonly<Record<string, string>> = {
  "content-type": "content-type",
  "response-topic": "response-topic",
  "correlation-data": "correlation",
  "message-expiry-interval": "expiry",
  "user-property": "user-property",
};

/**
 * Turns mosquitto's flags into ours; other command lines stay as they are.
 *
 * @throws {MitsuError} `ERR_USAGE` for `-d`, and for properties that are not known.
 * @example
 * ```ts
 * fromMosquitto(["-c", "m.conf", "-v"]); // ["daemon", "--config-file=m.conf", "--log-level=debug"]
 * ```
 */
export function fromMosquitto(argv: readonly string[]): readonly string[] {
  const [first, ...rest] = argv;
  if (first === undefined) return argv;
  if (first in brokerFlags || brokerSwitches.has(first)) return ["daemon", ...broker(argv)];
  if (first === "daemon") return [first, ...broker(rest)];
  return first === "pub" || first === "sub" || first === "bench" ? [first, ...client(rest)] : argv;
}

function broker(argv: readonly string[]): string[] {
  const ours: string[] = [];
  for (let at = 0; at < argv.length; at++) {
    const flag = argv[at]!;
    const name = Object.hasOwn(brokerFlags, flag) ? brokerFlags[flag] : undefined;
    if (flag === "-d" || flag === "--daemon") {
      throw usage("mqttnic does not put itself into the background", "leave -d out; systemd runs it: systemctl start mqttnic");
    }
    if (flag === "-v" || flag === "--verbose") ours.push("--log-level=debug");
    else if (name !== undefined && at + 1 < argv.length) ours.push(`--${name}=${argv[++at]}`);
    else ours.push(flag);
  }
  return ours;
}

function client(argv: readonly string[]): string[] {
  const ours: string[] = [];
  for (let at = 0; at < argv.length; at++) {
    const flag = argv[at]!;
    const value = argv[at + 1];
    const name = Object.hasOwn(clientFlags, flag) ? clientFlags[flag] : undefined;
    if (Object.hasOwn(clientSwitches, flag)) ours.push(clientSwitches[flag]!);
    else if (value === undefined) ours.push(flag);
    else if (name !== undefined) {
      ours.push(`--${name}=${value}`);
      at++;
    } else if (flag === "-V") {
      ours.push(`--protocol=${versions[value] ?? value}`);
      at++;
    } else if (flag === "-D" || flag === "--property") {
      const taken = property(argv.slice(at + 1));
      ours.push(taken.flag);
      at += taken.words;
    } else ours.push(flag);
  }
  return ours;
}

/** `publish <name> <value>`, and `publish user-property <name> <value>`. */
function property(words: readonly string[]): { readonly flag: string; readonly words: number } {
  const [packet = "", name = "", value = "", second = ""] = words;
  const ours = packet.toLowerCase() === "publish" && Object.hasOwn(properties, name) ? properties[name] : undefined;
  if (ours === undefined) {
    throw usage(`cannot use the property ${packet} ${name}`.trimEnd(), `of PUBLISH there are ${Object.keys(properties).join(", ")}`);
  }
  return ours === "user-property" ? { flag: `--${ours}=${value}=${second}`, words: 4 } : { flag: `--${ours}=${value}`, words: 3 };
}

function usage(message: string, hint: string): MitsuError {
  return new MitsuError(message, { code: "ERR_USAGE", exit: exitStatus.usage, hint });
}
