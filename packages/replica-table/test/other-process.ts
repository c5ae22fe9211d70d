/** Another process with a table of loads: counts what it is told to, and answers with what it reads of reports. @module */
import { clockMs, LoadWriter, ReportReader } from "../src/mod.ts";
import { report } from "./fixture.ts";

const [loadPath, reportPath] = process.argv.slice(2) as [string, string];
const loads = LoadWriter.create(loadPath);
const row = loads.row("10.0.0.7:8080");
const reports = ReportReader.open(reportPath);

process.on("message", (requests: number) => {
  for (let request = 0; request < requests; request++) {
    loads.begin(row, clockMs());
    loads.end(row, clockMs(), 1, "ok");
  }
  loads.begin(row, clockMs());
  loads.beat(clockMs());
  const into = report();
  reports.read(reports.rowOf("10.0.0.7:8080"), into);
  process.send!({ clockMs: clockMs(), inFlight: into.inFlight, alive: reports.alive(clockMs()) });
});
process.send!("ready");
