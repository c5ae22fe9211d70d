/** Asks `replica-server` about itself. @module */
import type { Place } from "./replica-selection-setting.ts";

/** What a replica says of itself. */
export interface ReplicaStats {
  readonly replica: number;
  readonly served: number;
  readonly arrived: number;
  readonly inFlight: number;
  readonly mostInFlight: number;
  readonly workSeconds: number;
  readonly lateMeanUs: number;
  readonly lateMaxUs: number;
  /** Arrivals in each tenth of a second, from `firstBin` tenths of the monotonic clock on. */
  readonly firstBin: number;
  readonly bins: readonly number[];
}

/** `GET` at a replica. This process is in the bridge's namespace, and reaches all. */
export async function ask<T>({ address, port }: Pick<Place, "address" | "port">, path: string): Promise<T> {
  return (await (await fetch(`http://${address}:${port}${path}`)).json()) as T;
}
