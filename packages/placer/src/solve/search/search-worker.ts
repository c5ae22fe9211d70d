/** A thread of the search: does jobs on the figures it began with. @module */
import { parentPort, workerData } from "node:worker_threads";
import type { Figures } from "../instance.ts";
import { type SearchJob, search } from "./search-job.ts";

parentPort!.on("message", (job: SearchJob) => parentPort!.postMessage(search(workerData as Figures, job)));
