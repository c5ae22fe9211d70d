/** A body's way through filters that change it: stage by stage, without framing. @module */

/** Fields behind a body, names in lower case. */
export type Trailers = readonly (readonly [name: string, value: string])[];

/** What takes a body: a stage, or the end that sends it on. After `last`, or after the trailers, nothing follows. */
export interface BodySink {
  /** @param piece Valid during the call only; may be empty. @param last That was all, and there are no trailers. */
  data(piece: Buffer, last: boolean): void;
  trailers(fields: Trailers): void;
}

/** One filter's part of the way. What it lets go on, at once or later, it gives to the next one itself. */
export interface BodyStage extends BodySink {
  /** It holds so much back that nothing more should be read. */
  readonly isFull: boolean;
}
