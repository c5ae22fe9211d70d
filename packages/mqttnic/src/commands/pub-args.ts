/** What `mqttnic pub` is told. @module */
import type { BrokerArgs } from "./broker-args.ts";

/** Arguments of `mqttnic pub`; one of the five sources of messages is given. */
export interface PubArgs extends BrokerArgs {
  readonly topic: string | undefined;
  readonly message: string | undefined;
  readonly file: string | undefined;
  readonly stdin: boolean;
  readonly stdinLine: boolean;
  readonly null: boolean;
  readonly qos: number;
  readonly retain: boolean;
  readonly contentType: string | undefined;
  readonly responseTopic: string | undefined;
  readonly correlation: string | undefined;
  /** Seconds. */
  readonly expiry: number | undefined;
  /** `name=value`. */
  readonly userProperty: readonly string[];
  readonly utf8: boolean;
}
