/** A replica as it is named on a command line. @module */
import { formatIp, parseIp } from "@mitsu/catalog";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import { replicaKey } from "../bus/replica-key.ts";

/**
 * Its key, in the one way that everything else writes it.
 *
 * @throws {MitsuError} `ERR_USAGE` for what is no address and port.
 * @example
 * ```ts
 * replicaArgument("[FD00:0::1]:80"); // "[fd00::1]:80"
 * ```
 */
export function replicaArgument(text: string): string {
  const [, six, four, port] = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(.*))?$/.exec(text) ?? [];
  const address = parseIp(six ?? four ?? "");
  // Brackets are for colons: those of a mapped IPv4 address (RFC 4291 §2.5.5.2) too.
  if (!address || (six ?? four ?? "").includes(":") !== (six !== undefined)) throw wrong(text, whyNoAddress(text, six, four));
  if (port === undefined || port === "") throw wrong(text, "its port is missing");
  if (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65535) throw wrong(text, `${port} is no port (1 to 65535)`);
  return replicaKey(formatIp(address), Number(port));
}

function whyNoAddress(text: string, six: string | undefined, four: string | undefined): string {
  if (six === undefined && parseIp(text)) return "its port is missing, or brackets around the address";
  if (six === undefined && text.split(":").length > 2) return "an IPv6 address stands in brackets";
  const given = six ?? four ?? text;
  if (six !== undefined && parseIp(six)) return "brackets are for IPv6 addresses";
  return given === "" ? "its address is missing" : `${given} is no IP address`;
}

function wrong(text: string, why: string): MitsuError {
  return new MitsuError(`replica ${JSON.stringify(text)}: ${why}`, {
    code: "ERR_USAGE",
    exit: exitStatus.usage,
    hint: "give address:port, such as 10.0.0.7:8080 or [fd00::7]:8080; see replicad replicas",
  });
}
