/** `meshfilters bench`: what a filter costs a request. @module */
import { type Context, exitStatus, formatBytes, MitsuError, print } from "@mitsu/cli";
import { readConfiguration } from "../files/read-file.ts";
import { type Case, casesOf } from "../run/cases.ts";
import { measure } from "../run/measure.ts";
import { type LimitArguments, limitsOf } from "./limits.ts";
import { moduleOf, readCases } from "./test.ts";

interface Arguments extends LimitArguments {
  readonly module: string;
  readonly config: string | undefined;
  readonly rootId: string;
  readonly requests: string | undefined;
  readonly seconds: number;
}

const smallGet = casesOf({
  tests: [
    {
      name: "a small GET",
      request: { path: "/cart?id=1", headers: { "user-agent": "curl/7.88.1", accept: "*/*", "x-request-id": "8ad1f6b2" } },
      answer: { headers: { "content-type": "application/json", server: "nicd" }, body: '{"ok":true}' },
    },
  ],
});

function refuse(what: string, hint: string): MitsuError {
  return new MitsuError(what, { code: "ERR_USAGE", hint, exit: exitStatus.usage });
}

/** All requests of the file, with the settings of its first test. */
function caseOf(args: Arguments, context: Context): Case {
  const cases = args.requests === undefined ? smallGet : readCases(args.requests, args.module, context);
  const steps = cases.flatMap((one) => one.steps).filter(({ http }) => http !== null);
  if (steps.length === 0) throw refuse(`${args.requests} has no HTTP requests`, "give one at least");
  const configuration = readConfiguration(args.config, context.env);
  const { settings } = cases[0]!;
  return {
    name: cases[0]!.name,
    steps,
    settings: { ...settings, ...(configuration && { configuration }), ...(args.rootId !== "" && { rootId: args.rootId }) },
  };
}

/** Host functions and copies are part of it, the run's own work is not. */
export async function run(args: Arguments, context: Context): Promise<void> {
  if (!(args.seconds > 0 && args.seconds <= 60)) throw refuse(`--seconds ${args.seconds}: not above 0 and at most 60`, "1 is usual");
  const limits = limitsOf(args);
  const one = caseOf(args, context);
  const { name, bytes } = await moduleOf(args.module, context);
  const measured = await measure(bytes, name, one, limits, args.seconds);
  print(context, { filter: name, ...measured }, ({ withFuel, withoutFuel, runUs, fuel, callbacks, memoryBytes }) =>
    [
      `${name}: ${withFuel.us.toFixed(2)} µs a request, ${withoutFuel.us.toFixed(2)} µs without fuel`,
      `fuel ${fuel.toFixed(0)} of ${limits.fuel} a callback at most, ${callbacks.toFixed(1)} callbacks, memory ${formatBytes(memoryBytes)}`,
      `median of three times ${args.seconds} s over ${one.steps.length} request${one.steps.length === 1 ? "" : "s"}; the run's own ${runUs.toFixed(2)} µs are taken off`,
    ]
      .map((line) => `${line}\n`)
      .join(""),
  );
}
