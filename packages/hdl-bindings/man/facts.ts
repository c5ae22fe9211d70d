/** Facts for hdl-bindings(1): the tools that it runs. @module */
import { tagged } from "../../../scripts/man/mdoc.ts";
import { debianPackages } from "../src/verilator/tool.ts";

/** Each tool with the Debian packages that have it. */
export function tools(): string {
  return tagged(
    Object.entries(debianPackages).map(([tool, packages]) => [`Xr ${tool} 1`, `Debian: ${packages}.`]),
    "nextpnr-ice40(1) ",
    true,
  );
}
