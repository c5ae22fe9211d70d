/** The form of a problem file: which fields there are and which values they take; units and references are checked in `file-problem.ts` and `problem-faults.ts`. @module */
import { oneOf, wrong } from "@mitsu/catalog/document";
import { z } from "zod";
import type { NodeEntry, ProblemFile, ServiceEntry, TrafficEntry } from "./file-form.ts";
import { isInherited, longestName, namePattern } from "./name-form.ts";

const notName = wrong("a name", "use 1 to 253 characters, without control characters and spaces around them");
const name = z
  .string(notName)
  .min(1, notName)
  .max(longestName, notName)
  .regex(namePattern, notName)
  .refine((text) => !isInherited(text), { error: ({ input }) => `"${input}" is not allowed as a name; choose another` });

const notText = wrong("text", "give text; quote it if it looks like a number");
const text = z.string(notText);
const texts = z.record(name, text, wrong("a map", "give a map of names to texts"));
const figure = z
  .union([z.number(), z.string()], wrong("a figure", "write a number with its unit, such as 0.5, 500m, 256MiB"))
  .describe("A number with its unit.");
const figures = z.record(name, figure, wrong("a map", "give a map such as {cpu: 500m, memory: 256MiB}"));

const notWeight = wrong("a weight", "use 1 to 100; leave it out for a rule that must hold");
const weight = z.int(notWeight).min(1, notWeight).max(100, notWeight);

const effect = oneOf("NoSchedule", "PreferNoSchedule", "NoExecute");
const condition = z.strictObject({
  key: name.describe("The label's key."),
  operator: oneOf("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt").describe("How it is compared, as in Kubernetes."),
  values: z.array(text).describe("What it is compared with; nothing for Exists and DoesNotExist.").optional(),
});
const conditions = z.array(condition).min(1, { error: "is empty; give a condition, or leave it out" });

const cpuList = wrong("a list of CPUs", "write it as the kernel does, such as 0-3,8-11");

/** Schema of one entry of `nodes`. */
export const nodeEntry: z.ZodType<NodeEntry> = z.strictObject({
  name: name.describe("Name of the machine, unique."),
  capacity: figures.describe("What it has for replicas, by resource.").optional(),
  zone: name.nullable().describe("Failure domain it stands in.").optional(),
  labels: texts.describe("Labels that selectors and rules speak of.").optional(),
  taints: z
    .array(
      z.strictObject({
        key: name.describe("The taint's key."),
        value: text.describe("The taint's value; empty unless told.").optional(),
        effect: effect.describe("What it does to replicas that do not tolerate it."),
      }),
    )
    .describe("What keeps replicas away that do not tolerate it.")
    .optional(),
  numa: z
    .array(
      z.strictObject({
        cpus: z
          .union([z.int(cpuList).min(0, cpuList), z.string(cpuList).regex(/^\d{1,5}(-\d{1,5})?(,\d{1,5}(-\d{1,5})?)*$/, cpuList)], cpuList)
          .describe("Cores as the kernel lists them, such as 0-3,8-11."),
        memory: figure.describe("Its memory.").optional(),
      }),
    )
    .describe("Its NUMA nodes.")
    .optional(),
  images: z.array(name).describe("Images it has already; only the baseline kubernetes looks at them.").optional(),
});

const rule = z.strictObject({
  service: name.describe("The service to stand beside, or not beside; its own name means its replicas among each other."),
  within: name.describe("What beside means: the same node, zone, or value of a label; node unless told.").optional(),
  weight: weight.describe("1 to 100 for a wish; a rule without it must hold.").optional(),
});

const notSkew = wrong("a skew", "use a whole number from 1");
const notReplicas = wrong("replicas", "give a number from 1, or a list of names");
/** More is a slip. */
const mostReplicas = 1_000_000;
const demand = z.union(
  [
    // Not `figure`: of unions within unions, the branch that is meant could not be told.
    z.number(),
    z.string(),
    z.strictObject({
      mean: figure.describe("Mean over the time measured.").optional(),
      p50: figure.describe("Median.").optional(),
      p95: figure.describe("95th percentile.").optional(),
      p99: figure.describe("99th percentile.").optional(),
    }),
  ],
  wrong("a demand", "give one figure, or a map of mean, p50, p95 and p99"),
);

/** Schema of one entry of `services`. */
export const serviceEntry: z.ZodType<ServiceEntry> = z.strictObject({
  name: name.describe("Name of the service, unique."),
  replicas: z
    .union(
      [
        z.int(notReplicas).min(1, notReplicas).max(mostReplicas, notReplicas),
        z.array(name).min(1, { error: "is empty; give at least one name" }),
      ],
      notReplicas,
    )
    .describe("How many, named web-0, web-1 after the service; or a list of their names. 1 unless told.")
    .optional(),
  requests: figures.describe("What each replica is promised, by resource.").optional(),
  demand: z.record(name, demand).describe("What one replica was seen to use, by resource; one figure stands for all four.").optional(),
  labels: texts.describe("Labels of the service.").optional(),
  application: text.describe("Application it belongs to: its systemd slice.").optional(),
  nodes: z
    .array(name)
    .min(1, { error: "is empty, so no node is left; name some, or leave it out for all" })
    .describe("Nodes it may run on; all unless told.")
    .optional(),
  nodeSelector: z
    .union([texts, z.array(conditions)], wrong("a node selector", "give a map such as {disk: ssd}, or a list of lists of conditions"))
    .describe("Labels its nodes must have: a map, or lists of conditions of which one must match whole.")
    .optional(),
  preferredNodes: z
    .array(
      z.strictObject({
        weight: weight.describe("How much it is wished, 1 to 100."),
        match: z
          .union([texts, conditions], wrong("a match", "give a map such as {disk: ssd}, or a list of conditions"))
          .describe("Labels such a node has."),
      }),
    )
    .describe("Nodes it would rather run on.")
    .optional(),
  tolerations: z
    .array(
      z.strictObject({
        key: z.string(notText).describe("The taint's key; without it, every taint.").optional(),
        operator: oneOf("Equal", "Exists").describe("Equal unless told.").optional(),
        value: text.describe("The taint's value, for Equal.").optional(),
        effect: effect.describe("The taint's effect; without it, every effect.").optional(),
      }),
    )
    .describe("Taints it bears.")
    .optional(),
  pinned: z.record(name, name).describe("Replicas that must run on a certain node: replica to node.").optional(),
  affinity: z.array(rule).describe("Services that its replicas stand beside.").optional(),
  antiAffinity: z.array(rule).describe("Services that its replicas do not stand beside.").optional(),
  spread: z
    .array(
      z.strictObject({
        over: name.describe("What to spread over: node, zone, or the key of a label; node unless told.").optional(),
        maxSkew: z.int(notSkew).min(1, notSkew).describe("By how many replicas two of them may differ; 1 unless told.").optional(),
        weight: weight.describe("1 to 100 for a wish; a rule without it must hold.").optional(),
      }),
    )
    .describe("What its replicas spread evenly over.")
    .optional(),
  moveSize: figure.describe("What a move of one replica carries, of state or image.").optional(),
  images: z
    .array(z.strictObject({ name: name.describe("The image's name."), size: figure.describe("Its size.").optional() }))
    .describe("Its images; only the baseline kubernetes looks at them.")
    .optional(),
});

/** Schema of one entry of `traffic`. */
export const trafficEntry: z.ZodType<TrafficEntry> = z.strictObject({
  from: name.describe("The service that asks."),
  to: name.describe("The service that answers."),
  messages: figure.describe("Messages, both ways, such as 1200/s.").optional(),
  bytes: figure.describe("Payload, both ways, such as 3.4MB/s.").optional(),
  sources: z.array(text).describe("Where it is known from, such as sockhijack or pcap:dump.pcap.").optional(),
});

const pathCost = z.strictObject({
  message: figure.describe("CPU time a message takes of both ends together, such as 3.3us.").optional(),
  byte: figure.describe("CPU time a byte takes of both ends together, such as 0.1ns.").optional(),
});

/** Schema of the whole file. */
export const problemFile: z.ZodType<ProblemFile> = z.strictObject(
  {
    version: z.literal(1, wrong("a version that is known", "write 1")).describe("Version of this form: 1.").optional(),
    name: text.max(253).describe("What to call it.").optional(),
    resources: z
      .record(name, z.strictObject({ unit: oneOf("cores", "bytes", "count", "share").describe("In what its figures are.") }))
      .describe("Resources besides cpu and memory, or other units for these two.")
      .optional(),
    nodes: z.array(nodeEntry).min(1, { error: "is empty; give at least one node" }).describe("The machines."),
    services: z.array(serviceEntry).min(1, { error: "is empty; give at least one service" }).describe("What is to be placed."),
    traffic: z.array(trafficEntry).describe("Who says how much to whom.").optional(),
    assignment: z.record(name, name).describe("Where replicas run now: replica to node.").optional(),
    costs: z
      .strictObject({
        local: pathCost.describe("Between replicas on one node.").optional(),
        remote: pathCost.describe("Between nodes.").optional(),
      })
      .describe("What messages cost; as measured here unless told.")
      .optional(),
  },
  wrong("a problem", "give a map with nodes and services"),
);
