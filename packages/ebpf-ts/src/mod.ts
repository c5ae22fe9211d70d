/** libbpf for TypeScript: one file a kernel object. @module */
export { type AttachType, attachType, attachTypeName, type SockmapAttachType } from "./attach-type.ts";
export { Attachment } from "./attachment.ts";
export { defaultBpffs, ensureBpffs, isBpffs, makePinFolder } from "./bpffs.ts";
export { Btf, type Member, type StructLayout, vmlinuxBtfPath } from "./btf.ts";
export { type Capability, hasCapability } from "./capabilities.ts";
export { cgroup2Path } from "./cgroup-mount.ts";
export { checkLayout } from "./check-layout.ts";
export {
  array,
  bytes,
  type Codec,
  cstring,
  i32,
  i64,
  type StructCodec,
  struct,
  u8,
  u16,
  u16be,
  u32,
  u32be,
  u64,
  type Value,
} from "./codec.ts";
export {
  type FeatureName,
  type FeatureReport,
  featureNames,
  probeFeatures,
  requireFeatures,
} from "./features.ts";
export { Iter } from "./iter.ts";
export { Link, type LinkInfo } from "./link.ts";
export { VerifierError } from "./load-error.ts";
export { BpfMap, type UpdateFlag } from "./map.ts";
export { MappedMemory } from "./mapped-memory.ts";
export { inNetns, netnsCookie, openNetns } from "./namespace.ts";
export { BpfObject, type OpenOptions } from "./object.ts";
export { openPin, pin, unpin } from "./pin.ts";
export { probeHelper, probeProgramType } from "./probe-program.ts";
export { type IterTarget, Program } from "./program.ts";
export { type RecordHandler, RingBuffer, type RingBufferOptions } from "./ring-buffer.ts";
export type { TestRunResult } from "./test-run.ts";
export { TypedMap } from "./typed-map.ts";
