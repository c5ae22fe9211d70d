/** Functions that Envoy gives filters by name, as far as the host has them. @module */
import { createPublicKey, type KeyObject, verify } from "node:crypto";
import { deflateSync, inflateSync } from "node:zlib";
import { type ProtoField, readProto } from "../abi/proto.ts";
import { type Status, status } from "../abi/types.ts";
import type { Vm } from "./vm.ts";

/** From argument to result, or to a status other than `ok`. */
export type ForeignFunction = (argument: Uint8Array, vm: Vm) => Uint8Array | Status;

const nothing = new Uint8Array(0);

/** RFC 1950, as Envoy's compress. */
const compress: ForeignFunction = (argument) => deflateSync(argument);

const uncompress: ForeignFunction = (argument, vm) => {
  try {
    return inflateSync(argument, { maxOutputLength: vm.limits.bodyBytes });
  } catch {
    return status.serializationFailure;
  }
};

const clearRouteCache: ForeignFunction = (_argument, vm) => {
  vm.effective.stream?.clearRoute?.();
  return nothing;
};

const digests: ReadonlySet<string> = new Set(["sha1", "sha224", "sha256", "sha384", "sha512"]);

/** `VerifySignatureResult { bool result = 1; string error = 2 }`. */
function verdict(result: boolean, error = ""): Uint8Array {
  const text = Buffer.from(error).subarray(0, 127);
  return Uint8Array.of(...(result ? [0x08, 0x01] : []), ...(text.length === 0 ? [] : [0x12, text.length, ...text]));
}

/**
 * `VerifySignatureArguments { hash_function = 1; public_key = 2 (DER); signature = 3; text = 4; public_key_pem = 5 }`.
 *
 * Source: envoy/source/extensions/common/wasm/ext/verify_signature.proto.
 */
const verifySignature: ForeignFunction = (argument) => {
  const fields = readProto(argument);
  if (fields === null) return status.badArgument;
  const bytes = (number: number): Uint8Array => {
    const found = fields.findLast((field: ProtoField) => field.number === number)?.value;
    return found instanceof Uint8Array ? found : nothing;
  };
  const der = bytes(2);
  const pem = bytes(5);
  if ((der.length === 0) === (pem.length === 0)) return status.badArgument;
  const digest = Buffer.from(bytes(1)).toString("utf8").toLowerCase();
  if (!digests.has(digest)) return verdict(false, `${digest.slice(0, 32)} is not supported.`);
  let key: KeyObject;
  try {
    key = der.length > 0 ? createPublicKey({ key: Buffer.from(der), format: "der", type: "spki" }) : createPublicKey(Buffer.from(pem));
  } catch {
    return verdict(false, "Failed to parse public key");
  }
  try {
    return verify(digest, bytes(4), key, bytes(3)) ? verdict(true) : verdict(false, "Failed to verify digital signature");
  } catch {
    return verdict(false, "Failed to verify digital signature");
  }
};

/** By name. Envoy's others (`set_envoy_filter_state`, `declare_property`, `sign`, `expr_*`) are not among them: the guest is told `notFound`. */
export const foreignFunctions: ReadonlyMap<string, ForeignFunction> = new Map([
  ["compress", compress],
  ["uncompress", uncompress],
  ["clear_route_cache", clearRouteCache],
  ["verify_signature", verifySignature],
]);
