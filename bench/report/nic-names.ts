/** How the relays and phases of nic-path.sh are called in its table and picture. @module */

/** In the order they are shown; `direct` is the load generator at the server itself. */
export const relayNames: Readonly<Record<string, string>> = {
  nicd: "nicd",
  envoy: "Envoy",
  haproxy: "HAProxy",
  nginx: "nginx",
  direct: "no relay",
};

/** Ways of a request; with `-open` they are its open loops. */
export const wayNames = { http: "plain", redirect: "redirected" } as const;

/** Phases in the order they are shown. */
export const nicPhaseNames: Readonly<Record<string, string>> = {
  http: "Loopback TCP: wrk → relay → nginx, closed loop",
  redirect: "All three behind sockhijack's redirect, closed loop",
  "http-open": "Loopback TCP, open loop at half of Envoy's rate",
  "redirect-open": "Behind the redirect, open loop at half of Envoy's rate",
};
