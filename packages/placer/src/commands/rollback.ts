/** `placer rollback`: every file as it was before the last apply. @module */
import { resolve } from "node:path";
import { type Context, print } from "@mitsu/cli";
import { exitStatus } from "@mitsu/cli/error";
import { rollbackFiles } from "../apply/file-set.ts";

/** Arguments of `placer rollback`. */
export interface RollbackArgs {
  readonly dryRun: boolean;
  /** Files that were edited since are put back too; the edited copies are kept. */
  readonly force: boolean;
  readonly state: string;
}

/** Runs `placer rollback`; exit status 1 when there is nothing to undo. */
export async function run({ dryRun, force, state }: RollbackArgs, context: Context): Promise<number> {
  const { env, log } = context;
  const done = await rollbackFiles({ state: resolve(env.cwd(), state), env, log, dryRun, force });
  print(context, { dryRun, rolledBack: done }, ({ rolledBack }) => {
    if (rolledBack === null) return "nothing to undo\n";
    const { time, plan, to, unfinished, restored, removed, removedDirectories, kept } = rolledBack;
    const lines = [
      `${dryRun ? "would undo" : "undid"} the apply of ${plan} to ${to} of ${time}${unfinished ? ", which had been cut short" : ""}`,
      ...restored.map((path) => `restored ${path}`),
      ...[...removed, ...removedDirectories].map((path) => `removed  ${path}`),
      ...kept.map((path) => `kept     ${path}, edited since`),
      ...(to === "systemd" ? ["", "to run", "  systemctl daemon-reload"] : []),
      "",
      "only files go back: replicas stay where they run now",
    ];
    return `${lines.map((line) => line.replaceAll(/\p{Cc}/gu, "�")).join("\n")}\n`;
  });
  return done === null ? exitStatus.failure : exitStatus.ok;
}
