/** A service, its port and a sticky key as they are given on a command line. @module */
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import type { SelectRequest } from "@mitsu/ipc";

/** Arguments that `explain` and `select` have in common. */
export interface ServiceArgs {
  readonly service: string;
  readonly port: number | undefined;
  readonly key: string | undefined;
}

/** Most bytes of a sticky key: the daemon refuses longer ones. */
const longestKey = 4096;

/**
 * What the daemon is asked.
 *
 * @throws {MitsuError} `ERR_USAGE` for what cannot be a service's name, a port or a key.
 */
export function serviceRequest({ service, port, key }: ServiceArgs): SelectRequest {
  checkService(service);
  if (port !== undefined && !(Number.isInteger(port) && port >= 1 && port <= 65535))
    throw wrong(`--port ${port} is no port`, "give a whole number from 1 to 65535, or leave it out where the service has one port");
  if (key !== undefined && key.length > longestKey)
    throw wrong(`--key has ${key.length} characters`, `${longestKey} are the most; give a digest of it, such as that of sha256sum`);
  if (key === "") throw wrong("--key is empty", "give what requests have in common, such as a user's name, or leave it out");
  return { service, ...(port === undefined ? {} : { port }), ...(key === undefined ? {} : { stickyKey: key }) };
}

/** Refuses what no service can be called. @throws {MitsuError} `ERR_USAGE` */
export function checkService(service: string): void {
  const [, name, port] = /^([^:]+):(\d+)$/.exec(service) ?? [];
  if (port !== undefined)
    throw wrong(`service ${JSON.stringify(service)} has a port in its name`, `give it by itself: ${name} --port ${port}`);
  if (service.length < 1 || service.length > 63)
    throw wrong(
      service === "" ? "the service's name is empty" : `a service's name of ${service.length} characters`,
      "names have 1 to 63 characters; replicad replicas lists them",
    );
}

function wrong(message: string, hint: string): MitsuError {
  return new MitsuError(message, { code: "ERR_USAGE", exit: exitStatus.usage, hint });
}
