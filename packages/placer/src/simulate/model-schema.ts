/** The form of a model file, and of a measured run: what may stand where. @module */
import { oneOf, schemaText, wrong } from "@mitsu/catalog/document";
import { z } from "zod";
import { durationPattern } from "./duration-text.ts";
import type { LawForm, ModelFile, RunFile } from "./model-file.ts";

const notDuration = wrong("a duration", "give a number and its unit: 250us, 1.5ms, 3s");
const duration = z.string(notDuration).regex(durationPattern, notDuration);
const notName = wrong("a name", "give text");
const name = z
  .string(notName)
  .min(1, notName)
  // Objects have these from birth: looked up by such a name, a record that lacks it would not say so.
  .refine((text) => !(text in {}), { error: ({ input }) => `"${input}" is not allowed as a name; choose another` });
const above0 = (what: string) => z.number(wrong(what, "give a number above 0")).gt(0, wrong(what, "give a number above 0"));
const from0 = (what: string) => z.number(wrong(what, "give a number from 0")).min(0, wrong(what, "give a number from 0"));
const count = (what: string) => {
  const not = wrong(what, "give a whole number from 1 to 1000000");
  return z.int(not).min(1, not).max(1_000_000, not);
};
const notProbability = wrong("a probability", "give a number from 0 to 1");
const probability = z.number(notProbability).min(0, notProbability).max(1, notProbability);
const bytes = from0("a size in bytes").default(128);

const shape = z.strictObject({
  mean: duration.describe("Mean."),
  cv: above0("a coefficient of variation").describe("Standard deviation over mean."),
});
const notLaw = "is not a distribution; give exactly one of exponential, deterministic, lognormal, gamma, samples, quantiles";
const distribution: z.ZodType<LawForm> = z
  .strictObject(
    {
      exponential: duration.optional().describe("Exponential, with this mean."),
      deterministic: duration.optional().describe("Always the same."),
      lognormal: shape.optional().describe("Log-normal."),
      gamma: shape.optional().describe("Gamma."),
      samples: z.array(duration).min(1, { error: "is empty; give one sample at least" }).optional().describe("Each is as likely."),
      quantiles: z
        .array(z.tuple([probability, duration]))
        .min(2, { error: "has too few points; give two at least" })
        .optional()
        .describe("Pairs of probability and duration, both ascending, linear between: a measured CDF."),
    },
    { error: (issue) => (issue.code === "unrecognized_keys" ? undefined : notLaw) },
  )
  .refine((law) => Object.values(law).filter((value) => value !== undefined).length === 1, { error: notLaw })
  .meta({ minProperties: 1, maxProperties: 1 });

const pathCost = z.strictObject({
  message: duration.describe("CPU time of a message, both ends together."),
  byte: duration.describe("CPU time of a byte, both ends together."),
});

const call = z.strictObject({
  call: name.describe("Name of the operation that is called."),
  times: count("a count").default(1).describe("How often, all at the same time."),
  probability: probability.default(1).describe("That it is made, of each."),
  requestBytes: bytes.describe("Bytes of the request."),
  responseBytes: bytes.describe("Bytes of the answer."),
});

/** Schema of a model file. */
export const modelFile: z.ZodType<ModelFile> = z.strictObject({
  version: z.literal(1, wrong("a version of model files", "give 1")).describe("Version of the form: 1."),
  name: name.default("model").describe("A name, for people."),
  services: z
    .record(
      name,
      z.strictObject({
        workers: count("a number of workers").describe("Calls that one replica works on at a time; others wait in order."),
        waits: oneOf("holding", "free")
          .default("holding")
          .describe("Whether a worker is kept while its calls are out (a thread that blocks) or takes another (an event loop)."),
        scale: above0("a factor").default(1).describe("Factor on the CPU time of its operations, as calibrate fits it."),
      }),
    )
    .describe("Services by name; the names are the problem's."),
  operations: z
    .record(
      name,
      z.strictObject({
        service: name.describe("Name of the service that does it."),
        cpu: distribution.describe("CPU time of a call, without what messages cost."),
        wait: distribution.optional().describe("Time that is no CPU time, such as a disk's."),
        steps: z
          .array(z.array(call).min(1, { error: "is an empty step; leave it out" }))
          .default([])
          .describe("Steps, one after the other; the calls of one go out at the same time."),
      }),
    )
    .describe("What services do for a call, by name."),
  requests: z
    .record(
      name,
      z.strictObject({
        share: above0("a share").describe("Share of all requests; shares need not sum to 1."),
        call: name.describe("Name of the operation that the client calls."),
        requestBytes: bytes.describe("Bytes of the request."),
        responseBytes: bytes.describe("Bytes of the answer."),
      }),
    )
    .describe("Requests from outside, by name."),
  costs: z
    .strictObject({ local: pathCost.describe("On one node."), remote: pathCost.describe("Between nodes.") })
    .optional()
    .describe("What messages cost, half at each end; the problem's unless given."),
  network: z
    .strictObject({
      local: duration.default("0s").describe("On one node."),
      remote: duration.default("0s").describe("Between nodes, and from the client."),
    })
    .prefault({})
    .describe("Time that a message is on its way, one way, CPU time aside."),
  wake: duration
    .default("0s")
    .describe(
      "CPU time of waking an idle core and of sleeping again, for each part of a call that a message from another node begins on one: why requests cost less when there are many.",
    ),
  scheduler: oneOf("sharing", "fifo")
    .default("sharing")
    .describe("How a node gives out its cores: the same to all, or to each until it is done."),
  overhead: duration.default("0s").describe("Added to every response time: what the client takes."),
  nodes: z
    .record(
      name,
      z.strictObject({
        cores: above0("a number of cores").describe("Cores."),
        speed: above0("a speed").default(1).describe("Work a second and core; 1 is a core that service times were measured on."),
      }),
    )
    .optional()
    .describe("Nodes by name; as the problem has them unless given."),
  calibrated: z
    .strictObject({
      rates: z.tuple([from0("a rate"), from0("a rate")]).describe("Least and largest rate of the runs, in requests a second."),
      error: from0("an error").describe("Root mean square of relative errors."),
      runs: z.array(z.string()).describe("Files of the runs."),
    })
    .nullable()
    .default(null)
    .describe("What the model was fitted to; null when it was written by hand."),
});

const ms = above0("a time in ms");

/** Schema of a measured run. */
export const runFile: z.ZodType<RunFile> = z.strictObject({
  version: z.literal(1, wrong("a version of run files", "give 1")).describe("Version of the form: 1."),
  rate: above0("a rate in requests a second").describe("Requests a second that were sent, whether answered or not."),
  throughput: above0("a rate in requests a second").optional().describe("Requests a second that were answered; the rate unless given."),
  responseMs: z.strictObject({ mean: ms, p50: ms, p95: ms, p99: ms }).describe("Response times, in ms."),
  cpu: z
    .record(name, from0("a number of cores"))
    .default({})
    .describe("Cores used, by service, all replicas together, from cgroups' cpu.stat."),
  assignment: z.record(name, name).describe("Where replicas ran: replica's name to node's name."),
});

/** The JSON Schema of model files as the text of `packages/placer/model.schema.json`. */
export function modelJsonSchema(): string {
  return schemaText(modelFile, "Model of placer simulate");
}

if (import.meta.main) process.stdout.write(modelJsonSchema());
