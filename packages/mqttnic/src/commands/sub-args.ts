/** What `mqttnic sub` is told. @module */
import type { BrokerArgs } from "./broker-args.ts";

/** Arguments of `mqttnic sub`. */
export interface SubArgs extends BrokerArgs {
  readonly topic: readonly string[];
  readonly qos: number;
  readonly count: number | undefined;
  /** Seconds. */
  readonly timeout: number | undefined;
  readonly verbose: boolean;
  readonly format: string | undefined;
  readonly bare: boolean;
  readonly retained: "all" | "only" | "never";
  readonly filterOut: readonly string[];
  readonly persistent: boolean;
  /** Seconds. */
  readonly sessionExpiry: number | undefined;
  readonly notOwn: boolean;
  readonly retainAsPublished: boolean;
}
