/** What a callback of a call, a queue or the configuration brings along, at hand during that callback only. @module */
import { type BufferType, bufferType, type MapType, mapType } from "../abi/types.ts";
import type { ByteBuffer, FieldMap } from "./stream.ts";

/** See the module. */
export class CallbackData {
  readonly #fields: readonly (FieldMap | null)[];
  readonly #buffers: readonly (ByteBuffer | null)[];
  /** What `proxy_get_status` answers. */
  readonly statusCode: number;
  readonly statusText: string;

  constructor(
    maps: { readonly [type in MapType]?: FieldMap },
    buffers: { readonly [type in BufferType]?: ByteBuffer },
    statusCode = 0,
    statusText = "",
  ) {
    this.#fields = Object.values(mapType).map((type) => maps[type] ?? null);
    this.#buffers = Object.values(bufferType).map((type) => buffers[type] ?? null);
    this.statusCode = statusCode;
    this.statusText = statusText;
  }

  fields(type: MapType): FieldMap | null {
    return this.#fields[type] ?? null;
  }

  buffer(type: BufferType): ByteBuffer | null {
    return this.#buffers[type] ?? null;
  }
}

/** Nothing at hand. */
export const noData: CallbackData = new CallbackData({}, {});

/** Bytes that cannot be changed. */
export const fixedBytes = (bytes: Uint8Array): ByteBuffer => ({
  length: bytes.length,
  slice: (start, length) => bytes.subarray(start, start + length),
});
