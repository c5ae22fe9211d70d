/** The native part of the epoll data plane, `native/epoll-plane.c`, through koffi. @module */
import { isSea } from "node:sea";
import { fileURLToPath } from "node:url";
import { loadEmbedded } from "@mitsu/cli/embedded-library";
import { NotSupportedError } from "@mitsu/cli/error";
import koffi from "koffi";

/** A `struct plane *`. */
export type PlanePointer = { readonly __plane: never };

/** Its functions; see the C file for what they take. */
export interface EpollLibrary {
  readonly open: (waitingBytes: Uint32Array, dropped: Uint32Array, capacity: number) => PlanePointer | null;
  readonly epoll: (plane: PlanePointer) => number;
  readonly dropAbove: (plane: PlanePointer, bytes: number) => void;
  readonly add: (plane: PlanePointer, fd: number) => number;
  readonly poll: (plane: PlanePointer, io: Buffer, ioBytes: number, events: Int32Array, most: number) => number;
  readonly news: (plane: PlanePointer, events: Int32Array, most: number) => number;
  readonly hasNews: (plane: PlanePointer) => number;
  readonly route: (plane: PlanePointer, ids: Int32Array, count: number) => number;
  readonly unroute: (plane: PlanePointer, route: number) => void;
  readonly queue: (plane: PlanePointer, slab: Buffer, parts: Int32Array, count: number) => void;
  readonly flush: (plane: PlanePointer) => void;
  readonly close: (plane: PlanePointer, id: number, atOnce: number) => void;
  readonly pause: (plane: PlanePointer, id: number, paused: number) => void;
  readonly stop: (plane: PlanePointer) => void;
}

/** `enum` of the C file. */
export const epollEvent = { data: 0, drained: 1, closed: 2 } as const;

let loaded: EpollLibrary | undefined;

/**
 * Loads it, once.
 *
 * @throws {NotSupportedError} where it was not built (`scripts/build-native`) or cannot be loaded.
 */
export function epollLibrary(): EpollLibrary {
  loaded ??= load();
  return loaded;
}

function load(): EpollLibrary {
  const name = "epoll-plane.so";
  try {
    const library = isSea()
      ? loadEmbedded(name, (path) => koffi.load(path))
      : koffi.load(fileURLToPath(new URL(`../../native/${name}`, import.meta.url)));
    const declare = <F>(signature: string): F => library.func(signature) as unknown as F;
    return {
      open: declare("void *plane_open(void *, void *, uint32_t)"),
      epoll: declare("int plane_epoll(void *)"),
      dropAbove: declare("void plane_drop_above(void *, uint32_t)"),
      add: declare("int plane_add(void *, int)"),
      poll: declare("int plane_poll(void *, void *, uint32_t, void *, int32_t)"),
      news: declare("int plane_news(void *, void *, int32_t)"),
      hasNews: declare("int plane_has_news(void *)"),
      route: declare("int plane_route(void *, void *, int32_t)"),
      unroute: declare("void plane_unroute(void *, int32_t)"),
      queue: declare("void plane_queue(void *, void *, void *, int32_t)"),
      flush: declare("void plane_flush(void *)"),
      close: declare("void plane_close(void *, int, int)"),
      pause: declare("void plane_pause(void *, int, int)"),
      stop: declare("void plane_stop(void *)"),
    };
  } catch (cause) {
    throw new NotSupportedError(
      `cannot load ${name}: ${(cause as Error).message}`,
      "scripts/build-native makes it; --data-plane net does without",
      cause,
    );
  }
}
