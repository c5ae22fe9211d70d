/** The binary side of filters: reading, checking, fuel, bounds, manifest, signature. @module */
export { type FilterErrorKind, filterErrorCodes } from "./filter-error.ts";
export type { FilterModule, LoadModule, ModuleInfo } from "./filter-module.ts";
export { fuelExport, type InstrumentOptions, instrument, largestTableEntries } from "./instrument.ts";
export { inspectModule, loadModule } from "./load-module.ts";
export { type Manifest, type ManifestFields, readManifest, writeManifest } from "./manifest.ts";
export { stripOwn } from "./own-sections.ts";
export { type Key, keyId, sign, signedBy, verify } from "./signature.ts";
