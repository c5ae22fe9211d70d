/** The command-line frame every Mitsu binary shares. @module */
export { exitStatus, MitsuError, type MitsuErrorOptions, NotSupportedError } from "./error.ts";
