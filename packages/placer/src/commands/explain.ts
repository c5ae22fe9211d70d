/** `explain`: why replicas are where they are. @module */
import { type Context, didYouMean, print } from "@mitsu/cli";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import { explainAll } from "../plan/explain-reason.ts";
import { explainReplica } from "../plan/explain-replica.ts";
import { explanationText, reasonsText } from "../plan/explain-text.ts";
import { readPlan } from "../plan/read-plan.ts";
import type { Reserve } from "../plan/reserved.ts";

/** What is given on the command line. */
export interface ExplainArgs {
  readonly replica: string | undefined;
  readonly plan: string;
  readonly problem: string | undefined;
}

/** `placer explain`. @throws {MitsuError} `ERR_NO_REPLICA` for a name that the problem does not have */
export async function run({ replica, plan: path, problem: problemPath }: ExplainArgs, context: Context): Promise<void> {
  const { plan, problem } = await readPlan(path, problemPath, context);
  const { weight, maxUtilisation, reserve } = plan.options;
  const options = { weight, maxUtilisation, reserve: reserve as Reserve };
  if (replica === undefined) {
    return print(context, { replicas: explainAll(problem, plan.assignment, options) }, ({ replicas }, out) => reasonsText(replicas, out));
  }
  const names = problem.services.flatMap(({ replicas }) => replicas);
  if (!names.includes(replica)) {
    const service = problem.services.find(({ name }) => name === replica);
    const meant = service?.replicas[0] ?? didYouMean(replica, names);
    throw new MitsuError(`there is no replica '${replica}'${service ? ", it is a service" : ""}`, {
      code: "ERR_NO_REPLICA",
      hint: meant === undefined ? "placer explain lists all replicas" : `did you mean ${meant}?`,
      exit: exitStatus.usage,
    });
  }
  print(context, explainReplica(problem, plan.assignment, replica, options), (explanation, out) =>
    explanationText(explanation, problem, out),
  );
}
