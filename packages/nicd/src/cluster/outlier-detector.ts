/** Takes replicas that fail out of selection for a while. Source: Envoy's outlier detection, its consecutive errors. @module */
import type { OutlierPolicy } from "@mitsu/catalog";
import type { LiveEndpoint } from "./live-endpoint.ts";

const longest = 10;

/** Watches the replicas of one cluster; needs no timer: who selects asks {@link OutlierDetector.readmit} once {@link OutlierDetector.nextReturnNs} has come. */
export class OutlierDetector {
  /** When the first of those ejected comes back; Infinity while none is out. */
  nextReturnNs: number = Number.POSITIVE_INFINITY;
  ejected = 0;
  /** Ejections ever. */
  ejections = 0;
  /** Ejections that were due, but too many were out already. */
  spared = 0;
  #endpoints: readonly LiveEndpoint[] = [];
  #policy: OutlierPolicy;

  constructor(policy: OutlierPolicy) {
    this.#policy = policy;
  }

  /** Replicas that may be out at a time: the policy's share, one at least. */
  get most(): number {
    return Math.max(1, Math.floor(this.#policy.maxEjected * this.#endpoints.length));
  }

  /** Takes over what a reload changed; when too many are out for it, those that would return first return now. */
  update(endpoints: readonly LiveEndpoint[], policy: OutlierPolicy): void {
    this.#endpoints = endpoints;
    this.#policy = policy;
    const out = endpoints.filter(({ ejectedUntilNs }) => ejectedUntilNs > 0).sort((a, b) => a.ejectedUntilNs - b.ejectedUntilNs);
    const keep = policy.consecutiveErrors === 0 ? 0 : this.most;
    for (const endpoint of out.slice(0, Math.max(0, out.length - keep))) admit(endpoint);
    this.#count();
  }

  /** Notes an error of a replica. @returns Whether it is out now and was not before. */
  fail(endpoint: LiveEndpoint, nowNs: number): boolean {
    // What ends while a replica is out began before: it is known already.
    if (endpoint.gone || endpoint.ejectedUntilNs > 0) return false;
    endpoint.errorsInRow++;
    const { consecutiveErrors, ejectionMs } = this.#policy;
    if (consecutiveErrors === 0 || endpoint.errorsInRow < consecutiveErrors) return false;
    endpoint.errorsInRow = 0;
    if (this.ejected >= this.most) {
      this.spared++;
      return false;
    }
    // "In a row": it failed again before it had been back for as long as it had been out.
    const inRow = endpoint.ejectionNs > 0 && nowNs - endpoint.returnedNs < endpoint.ejectionNs;
    endpoint.ejectionsInRow = inRow ? endpoint.ejectionsInRow + 1 : 1;
    endpoint.ejectionNs = Math.min(endpoint.ejectionsInRow, longest) * ejectionMs * 1e6;
    endpoint.ejectedUntilNs = nowNs + endpoint.ejectionNs;
    this.ejections++;
    this.#count();
    return true;
  }

  /** Brings back those whose time is over. */
  readmit(nowNs: number): void {
    for (const endpoint of this.#endpoints) {
      if (endpoint.ejectedUntilNs === 0 || endpoint.ejectedUntilNs > nowNs) continue;
      endpoint.returnedNs = nowNs;
      admit(endpoint);
    }
    this.#count();
  }

  #count(): void {
    this.ejected = 0;
    this.nextReturnNs = Number.POSITIVE_INFINITY;
    for (const { ejectedUntilNs } of this.#endpoints) {
      if (ejectedUntilNs === 0) continue;
      this.ejected++;
      this.nextReturnNs = Math.min(this.nextReturnNs, ejectedUntilNs);
    }
  }
}

function admit(endpoint: LiveEndpoint): void {
  endpoint.ejectedUntilNs = 0;
  endpoint.errorsInRow = 0;
}
