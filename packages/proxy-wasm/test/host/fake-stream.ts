/** A stream in memory, whose filter's doings can be looked at. @module */
import {
  type BufferType,
  type ByteBuffer,
  ByteList,
  FieldList,
  type FieldMap,
  type LocalResponse,
  type MapType,
  mapType,
  type Pair,
  type StreamHost,
  type StreamType,
} from "../../src/mod.ts";

export class FakeStream implements StreamHost {
  readonly maps: Map<MapType, FieldMap> = new Map();
  readonly buffers: Map<BufferType, ByteBuffer> = new Map();
  readonly properties: Map<string, Uint8Array> = new Map();
  readonly events: string[] = [];
  answer: LocalResponse | null = null;
  /** What `respond` answers. */
  mayRespond = true;

  /** The head of a request for `/hello?a=1`. */
  static get(more: readonly Pair[] = []): FakeStream {
    const stream = new FakeStream();
    stream.maps.set(
      mapType.requestHeaders,
      new FieldList([
        [":method", "GET"],
        [":scheme", "http"],
        [":path", "/hello?a=1"],
        [":authority", "web"],
        ["user-agent", "curl/7.88.1"],
        ...more,
      ]),
    );
    return stream;
  }

  setBody(type: BufferType, text: string): ByteList {
    const body = new ByteList(Buffer.from(text));
    this.buffers.set(type, body);
    return body;
  }

  fields(map: MapType): FieldMap | null {
    return this.maps.get(map) ?? null;
  }

  buffer(type: BufferType): ByteBuffer | null {
    return this.buffers.get(type) ?? null;
  }

  property(path: readonly string[]): Uint8Array | undefined {
    return this.properties.get(path.join("."));
  }

  setProperty(path: readonly string[], value: Uint8Array): boolean {
    if (path[0] === "refused") return false;
    this.properties.set(path.join("."), value);
    return true;
  }

  respond(response: LocalResponse): boolean {
    this.events.push(`respond ${response.status}`);
    if (this.mayRespond) this.answer = response;
    return this.mayRespond;
  }

  resume(stream: StreamType): void {
    this.events.push(`resume ${stream}`);
  }

  close(stream: StreamType): void {
    this.events.push(`close ${stream}`);
  }

  clearRoute(): void {
    this.events.push("clearRoute");
  }
}
