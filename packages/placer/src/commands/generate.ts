/** `generate`: a problem at random. @module */
import type { Context } from "@mitsu/cli";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import { writeOutput } from "../files/output-file.ts";
import type { Problem } from "../problem/problem.ts";
import { formOf, writeProblem } from "../problem/write-problem.ts";

/** What is given on the command line. */
export interface GenerateArgs {
  /** `small`, `social-network`, `industrial` or `huge`; checked by the table. */
  readonly kind: string;
  readonly seed: number;
  readonly nodes?: number | undefined;
  readonly services?: number | undefined;
  readonly replicas?: number | undefined;
  readonly requested?: number | undefined;
  readonly output: string;
}

/** The least and most of each option, so that a slip of a digit is told instead of filling the memory. */
const limits = { nodes: [1, 20_000], services: [1, 200_000], replicas: [1, 2_000_000], requested: [0.01, 0.98] } as const;

function check(args: GenerateArgs): void {
  for (const [name, [least, most]] of Object.entries(limits)) {
    const value = args[name as keyof typeof limits];
    if (value === undefined) continue;
    const whole = name === "requested" || Number.isInteger(value);
    if (whole && value >= least && value <= most) continue;
    throw new MitsuError(`--${name} ${value} is not ${name === "requested" ? "a number" : "a whole number"} from ${least} to ${most}`, {
      code: "ERR_USAGE",
      hint: "leave it out for the kind's own",
      exit: exitStatus.usage,
    });
  }
}

async function make({ kind, seed, nodes, services, replicas, requested }: GenerateArgs): Promise<Problem> {
  const options = Object.fromEntries(
    Object.entries({ seed, nodes, services, replicas, requested }).filter(([, value]) => value !== undefined),
  );
  switch (kind) {
    case "small":
      return (await import("../generate/small.ts")).small(options);
    case "social-network":
      return (await import("../generate/social-network.ts")).socialNetwork(options);
    case "industrial":
      return (await import("../generate/industrial.ts")).industrial(options);
    default:
      return (await import("../generate/huge.ts")).huge(options);
  }
}

/** `placer generate`. @throws {MitsuError} `ERR_USAGE` for sizes out of bounds, `ERR_GENERATE_FULL` when what is requested does not fit */
export async function run(args: GenerateArgs, { env }: Context): Promise<void> {
  check(args);
  const problem = await make(args);
  await writeOutput(args.output, writeProblem(problem, formOf(args.output)), env);
}
