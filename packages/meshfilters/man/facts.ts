/** Facts for meshfilters(1): the compilers that it runs. @module */
import { tagged } from "../../../scripts/man/mdoc.ts";
import { debianPackages } from "../src/compile/tool.ts";

/** Each compiler with the Debian packages that have it. */
export function compilers(): string {
  return tagged(
    Object.entries(debianPackages).map(([tool, packages]) => [`Xr ${tool} 1`, `Debian: ${packages.replace(" libc++", "\nlibc++")}.`]),
    "clang++-14(1) ",
    true,
  );
}
