/** A connection's bytes in both directions, whatever carries them: a TCP socket, or a stream of a link. @module */

/** What happens on a stream; never told from within one of its methods. */
export interface ByteStreamEvents {
  /** Bytes came: `buffer[start, end)`, valid during the call only. */
  onData(buffer: Buffer, start: number, end: number): void;
  /** The other end will send no more. */
  onEnd(): void;
  /** All that was written has left; called only after a write that returned false. */
  onDrain(): void;
  /** It is over, with an error or without; nothing is called after it. */
  onClose(error: Error | null): void;
}

/** A stream of bytes; made with its events. */
export interface ByteStream {
  /** Takes all of `buffer[start, end)`: sends what it can now and copies the rest. @returns false when some waits: write no more until `onDrain`. */
  write(buffer: Uint8Array, start: number, end: number): boolean;
  /** No `onData` until {@link resume}: the other end is held up. */
  pause(): void;
  resume(): void;
  /** Sends what waits, then ends this direction. */
  end(): void;
  /** Ends both at once; what waits is lost. With a reset if `reset`. `onClose` follows. */
  destroy(reset?: boolean): void;
}
