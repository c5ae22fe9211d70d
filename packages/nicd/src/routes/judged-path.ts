/** The path that routes and rules judge. @module */
import type { RequestHead } from "../message-head.ts";
import { normalPath } from "./normal-path.ts";

/** Puts the request's path into its normal form, so that what is judged is what is sent on. @returns It without query. */
export function judgedPath(request: RequestHead): string {
  const path = normalPath(request.path);
  if (path !== request.path) request.path = path;
  const mark = path.indexOf("?");
  return mark < 0 ? path : path.slice(0, mark);
}
