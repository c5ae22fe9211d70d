/** Where a listener is, as flags say it and as names and messages have it. @module */
import { isIP } from "node:net";
import { exitStatus, MitsuError } from "@mitsu/cli/error";

/** An address and port, or the path of a Unix socket. */
export type ListenAt =
  | { readonly address: string; readonly port: number; readonly path?: undefined }
  | { readonly address?: undefined; readonly port: 0; readonly path: string };

/** `0.0.0.0:1883`, `[::]:1883`. */
export function listenerName(address: string, port: number): string {
  return `${address.includes(":") ? `[${address}]` : address}:${port}`;
}

/**
 * Reads `address:port`, `[address]:port` or a path that begins with `/`.
 *
 * @param flag For the error.
 * @throws {MitsuError} `ERR_USAGE`
 * @example
 * ```ts
 * parseListenAt("--listen", "0.0.0.0:1883"); // { address: "0.0.0.0", port: 1883 }
 * ```
 */
export function parseListenAt(flag: string, text: string): ListenAt {
  if (text.startsWith("/")) return { path: text, port: 0 };
  const [, six, four, digits] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text) ?? [];
  const address = six ?? four;
  const port = Number(digits);
  if (address === undefined || isIP(address) !== (six === undefined ? 4 : 6) || port > 65_535) {
    throw new MitsuError(`${flag} '${text}' is neither address:port nor a path`, {
      code: "ERR_USAGE",
      exit: exitStatus.usage,
      hint: `such as ${flag} 0.0.0.0:1883, ${flag} [::]:1883 or ${flag} /run/mitsu/mqtt.sock`,
    });
  }
  return { address, port };
}
