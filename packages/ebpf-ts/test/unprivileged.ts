/** Run by object.test.ts in a process without rights, or without libbpf: loads the test object and prints the error as JSON. @module */
import { MitsuError } from "@mitsu/cli/error";
import { BpfObject, hasCapability } from "../src/mod.ts";
import { testObject } from "./compile-bpf.ts";

try {
  BpfObject.open(testObject("everything")).load();
  console.log("{}");
} catch (error) {
  if (!(error instanceof MitsuError)) throw error;
  const { code, exit, hint } = error;
  console.log(JSON.stringify(code === "ERR_BPF_RIGHTS" ? { code, exit, capBpf: hasCapability("CAP_BPF") } : { code, hint }));
}
