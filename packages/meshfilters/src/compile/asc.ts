/** npm's `assemblyscript`, without its own types: those redeclare `console`, `Map` and others for the whole program. @module */

/** Takes what the compiler prints. */
interface Sink {
  write(part: string | Uint8Array): boolean;
}

/** Its files, which need not be on a disk. */
interface CompilerHost {
  readonly stdout?: Sink;
  readonly stderr?: Sink;
  /** Null for none of that name. */
  readonly readFile?: (name: string, base: string) => string | null;
  readonly writeFile?: (name: string, contents: string | Uint8Array, base: string) => void;
  readonly listFiles?: (folder: string, base: string) => string[] | null;
}

/** The compiler. */
export interface AssemblyScript {
  /** Compiles, as its command line says. `stderr` is text unless the host takes it. */
  main(args: readonly string[], host: CompilerHost): Promise<{ readonly error: Error | null; readonly stderr: { toString(): string } }>;
}

/**
 * Loads it by its place, so that a bundler leaves it where it is: it is 100 MB with its optimiser.
 *
 * @throws {Error} Where it is not installed, as in the standalone binary.
 */
export async function loadAssemblyScript(): Promise<AssemblyScript> {
  return (await import(import.meta.resolve("assemblyscript/asc"))) as AssemblyScript;
}
