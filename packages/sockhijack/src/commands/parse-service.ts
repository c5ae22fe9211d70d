/** What `--service` says. @module */
import { exitStatus, MitsuError } from "@mitsu/cli/error";

/** `web`, `web:8080`, `web:80:8080`, `web:8080,9090`, `dns:53/udp` → the service and its ports. */
export function parseService(text: string): { readonly name: string; readonly ports: string[] } {
  const colon = text.indexOf(":");
  const name = colon < 0 ? text : text.slice(0, colon);
  const ports = colon < 0 ? [] : text.slice(colon + 1).split(",");
  const isPort = (n: string): boolean => Number(n) >= 1 && Number(n) <= 65535;
  const isMapping = (p: string): boolean => /^\d+(:\d+)?(\/(tcp|udp))?$/.test(p) && p.replace(/\/.*/, "").split(":").every(isPort);
  if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(name) || !ports.every(isMapping)) {
    throw new MitsuError(`--service ${text}: expected NAME, NAME:PORT or NAME:PORT:TARGET`, {
      code: "ERR_SERVICE_NAME",
      exit: exitStatus.usage,
      hint: "for example web:8080, or web:80:8080,53/udp; names are lower-case letters, digits and hyphens",
    });
  }
  return { name, ports };
}

/** What `--tracing` and `--sampling` say; undefined when the service is left as it is. */
export function tracingOf({
  tracing,
  sampling,
}: {
  readonly tracing: "off" | "side-band" | "header" | undefined;
  readonly sampling: number;
}): { readonly propagation: "off" | "side-band" | "header"; readonly sampling: number } | undefined {
  if (!(sampling >= 0 && sampling <= 1)) {
    throw new MitsuError(`--sampling ${sampling} is not a share`, {
      code: "ERR_USAGE",
      exit: exitStatus.usage,
      hint: "use a number from 0 (none) to 1 (all): --sampling 0.1",
    });
  }
  return tracing === undefined ? undefined : { propagation: tracing, sampling };
}
