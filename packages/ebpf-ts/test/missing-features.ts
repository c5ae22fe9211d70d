/** Run by features.test.ts in a process without rights: prints requireFeatures' error as JSON. @module */
import { NotSupportedError } from "@mitsu/cli/error";
import { requireFeatures } from "../src/mod.ts";

try {
  requireFeatures(["btf", "capBpf", "capNetAdmin"]);
  console.log("{}");
} catch (error) {
  if (!(error instanceof NotSupportedError)) throw error;
  const { code, exit, message, hint } = error;
  console.log(JSON.stringify({ code, exit, message, hint }));
}
