/** The mesh catalog: reads, checks, watches and compares `mesh.yaml`. @module */
export type {
  Catalog,
  CatalogDefaults,
  DenyMode,
  InterceptMode,
  MeshNode,
  Policy,
  PolicyAction,
  PortMapping,
  Propagation,
  Protocol,
  RedirectMode,
  Replica,
  Service,
  Tracing,
} from "./catalog.ts";
export { CatalogError } from "./catalog-error.ts";
export { type Decision, decide } from "./decide.ts";
export { type CatalogChange, diffCatalog, formatChanges } from "./diff.ts";
export { type FilterCapability, filterCapabilities, type MeshFilter } from "./filter.ts";
export { formatIp, type IpAddress, parseIp } from "./ip.ts";
export { jsonSchema } from "./json-schema.ts";
export { loadCatalog } from "./load.ts";
export type {
  Mqtt,
  MqttAggregate,
  MqttBridge,
  MqttListener,
  MqttTls,
} from "./mqtt.ts";
export { type ParseOptions, parseCatalog } from "./parse.ts";
export { type CatalogProblem, formatProblem } from "./problem.ts";
export { defaultRoute, defaultTraffic } from "./traffic/default-traffic.ts";
export { membershipOptions, prefersNear, recipeOf, selectorOf } from "./traffic/selection-policy.ts";
export { targetPort } from "./traffic/target-port.ts";
export type {
  ApplicationProtocol,
  AuthorisationRule,
  ClusterPolicy,
  DirectAnswer,
  Fault,
  FieldMatch,
  HeaderEdit,
  LinkPolicy,
  NicMode,
  OutlierPolicy,
  PathRewrite,
  PolicyActionOfRequests,
  RateLimit,
  RedirectAnswer,
  RequestMatch,
  RetryCondition,
  RetryPolicy,
  Route,
  StickyKey,
  TextMatch,
  Traffic,
  WeightedTarget,
} from "./traffic.ts";
export { type CatalogWatch, type WatchOptions, watchCatalog } from "./watch.ts";
