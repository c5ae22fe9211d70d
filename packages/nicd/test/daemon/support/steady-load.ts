/** A load like wrk's inside the test: so many kept connections, one request after the other on each, every answer looked at. */
import { connect } from "node:net";

/** What became of it. */
export interface LoadReport {
  readonly requests: number;
  /** Answers that were not the expected ones, the first few. */
  readonly wrong: readonly string[];
  /** Connections that ended by themselves. */
  readonly broken: number;
}

/** Runs until {@link SteadyLoad.stop}. */
export class SteadyLoad {
  requests = 0;
  readonly wrong: string[] = [];
  broken = 0;
  #stopping = false;
  readonly #ended: Promise<unknown>;

  /**
   * @param expected Tests a whole answer, head and body; a body needs a `content-length`.
   * @param head Of each request, without its empty line.
   */
  constructor(port: number, connections: number, expected: (answer: string) => boolean, head = "GET / HTTP/1.1\r\nHost: test.example\r\n") {
    this.#ended = Promise.all(Array.from({ length: connections }, () => this.#run(port, expected, `${head}\r\n`)));
  }

  /** Waits for the answers on their way. */
  async stop(): Promise<LoadReport> {
    this.#stopping = true;
    await this.#ended;
    return { requests: this.requests, wrong: this.wrong, broken: this.broken };
  }

  #run(port: number, expected: (answer: string) => boolean, request: string): Promise<void> {
    return new Promise((resolve) => {
      const socket = connect(port, "127.0.0.1");
      let text = "";
      socket.setNoDelay(true);
      socket.once("connect", () => socket.write(request));
      socket.on("data", (part) => {
        text += part.toString("latin1");
        const end = text.indexOf("\r\n\r\n");
        if (end < 0) return;
        const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0);
        if (text.length < end + 4 + length) return;
        this.requests++;
        if (!expected(text) && this.wrong.length < 5) this.wrong.push(text);
        text = "";
        if (this.#stopping) socket.end();
        else socket.write(request);
      });
      socket.on("error", () => {});
      socket.once("close", () => {
        if (!this.#stopping || text !== "") this.broken++;
        resolve();
      });
    });
  }
}
