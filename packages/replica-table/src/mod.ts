/**
 * What the daemons of one node tell each other about replicas a thousand times a second: columns of numbers in shared memory. nicd writes loads, replicad
 * reads them; replicad writes reports, nicd reads them.
 * @module
 */
export { clockMs } from "./clock.ts";
export { LoadReader } from "./load-reader.ts";
export { type LoadCounts, LoadWriter, noCounts } from "./load-writer.ts";
export { ReportReader } from "./report-reader.ts";
export { type ReportRow, ReportWriter } from "./report-writer.ts";
export { replicaKey } from "./table-key.ts";
