/** A file with a distribution: quantiles, or measured values. @module */
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import type { Law } from "@mitsu/simulation";
import { parseDuration } from "./spec.ts";

/**
 * A line is `probability duration` (points of the cumulative distribution, ascending, linear between) or `duration` (values, each as likely); `#` begins a comment.
 *
 * @param name Of the file, for messages.
 * @throws {MitsuError} `ERR_LAW_FILE`, exit status 2, with the line.
 */
export function quantileOrSamples(text: string, name: string): Law {
  const wrong = (line: number, why: string): MitsuError =>
    new MitsuError(`${name}:${line}: ${why}`, {
      code: "ERR_LAW_FILE",
      hint: "write a line as `0.99 18ms`, probability and duration, or as `18ms`, one value of many",
      exit: exitStatus.usage,
    });
  const points: (readonly [number, number])[] = [];
  const values: number[] = [];
  for (const [at, whole] of text.split("\n").entries()) {
    const words = whole.replace(/#.*/, "").trim().split(/\s+/);
    if (words[0] === "") continue;
    let ms: number;
    try {
      ms = parseDuration("", words.at(-1)!);
    } catch {
      throw wrong(at + 1, `'${words.at(-1)}' is no duration`);
    }
    if (words.length === 1) values.push(ms);
    else {
      const probability = Number(words[0]);
      const before = points.at(-1) ?? [0, 0];
      if (words.length > 2 || !(probability >= 0 && probability <= 1)) throw wrong(at + 1, `'${words[0]}' is no probability from 0 to 1`);
      if (probability < before[0] || ms < before[1]) throw wrong(at + 1, "probabilities and durations have to ascend");
      points.push([probability, ms]);
    }
    if (points.length > 0 && values.length > 0) throw wrong(at + 1, "quantiles and values are mixed");
  }
  const law: Law = points.length > 0 ? { kind: "quantiles", points } : { kind: "samples", values: values };
  if (!(points.at(-1)?.[1] ?? values.reduce((sum, value) => sum + value, 0))) throw wrong(1, "there is no duration above 0 in it");
  return law;
}
