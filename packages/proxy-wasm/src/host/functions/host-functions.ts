/** Type of the tables of host functions. @module */

/** Functions by their names in the module `env`: numbers in, a `Status` out. */
export type HostFunctions = Readonly<Record<string, (...parameters: never[]) => number>>;
