/** What `mqttnic bench` is told. @module */
import type { BrokerArgs } from "./broker-args.ts";

/** Arguments of `mqttnic bench`. */
export interface BenchArgs extends BrokerArgs {
  readonly publishers: number;
  readonly subscribers: number;
  /** Messages a second of all publishers together. */
  readonly rate: number;
  /** Bytes of a payload. */
  readonly size: number;
  readonly qos: number;
  readonly seconds: number;
  /** Seconds before counting begins. */
  readonly warmUp: number;
  readonly topic: string | undefined;
}
