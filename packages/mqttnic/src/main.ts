#!/usr/bin/env node
/** mqttnic: the MQTT broker of the NIC. @module */
import { reportError, run, systemEnv } from "@mitsu/cli";
import { mqttnic } from "./cli.ts";
import { fromMosquitto } from "./mosquitto-flags.ts";

/** Runs a command line, mosquitto's too. */
async function main(argv: readonly string[]): Promise<number> {
  try {
    return await run(mqttnic, fromMosquitto(argv), systemEnv);
  } catch (error) {
    return reportError("mqttnic", error, systemEnv, argv.includes("--json"));
  }
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
