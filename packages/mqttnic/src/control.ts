/** What mqttnic can be asked at its control socket: the methods of `@mitsu/ipc`, and where topics are matched. @module */
import { type Method, type MqttnicProtocol, method, mqttnic } from "@mitsu/ipc";

/** mqttnic's methods. */
export interface ControlProtocol extends MqttnicProtocol {
  /** `MatchingStatus` as JSON, for its placement report is `@mitsu/hal`'s; `null` where mqttnic's own tree does all. */
  readonly matching: Method<Record<string, never>, { readonly text: string }>;
}

/** See {@link ControlProtocol}. */
export const control: ControlProtocol = { ...mqttnic, matching: method(mqttnic.metrics.request, mqttnic.metrics.response) };
