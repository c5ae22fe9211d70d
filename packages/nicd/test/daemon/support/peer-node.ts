/** Another node, as far as nicd can tell: it opens links with a certificate and says who calls. */
import { join } from "node:path";
import type { ByteStream } from "@mitsu/reactor/byte-stream";
import type { ExecutionContext } from "ava";
import { until } from "../../../../sockhijack/test/kernel/support/until.ts";
import { CertificateFiles, issueInto, loadAuthority, makeAuthority, pathsIn } from "../../../src/certificates/mod.ts";
import { LinkPool } from "../../../src/links/mod.ts";

/** Makes an authority in `<folder>/ca` and certificates of these nodes in `<folder>/<node>`. */
export async function certificatesIn(folder: string, trustDomain: string, ...nodes: readonly string[]): Promise<void> {
  await makeAuthority(join(folder, "ca"), { trustDomain });
  const authority = await loadAuthority(join(folder, "ca"));
  for (const name of nodes) await issueInto(join(folder, name), authority, { kind: "node", name });
}

/** A stream of a link, as a client at the other node would use it. */
export class LinkWire {
  stream!: ByteStream;
  text = "";
  ended = false;
  closed = false;
  error: Error | null = null;

  onData(buffer: Buffer, start: number, end: number): void {
    this.text += buffer.toString("latin1", start, end);
  }
  onEnd(): void {
    this.ended = true;
  }
  onDrain(): void {}
  onClose(error: Error | null): void {
    this.closed = true;
    this.error = error;
  }

  send(text: string): void {
    const bytes = Buffer.from(text, "latin1");
    this.stream.write(bytes, 0, bytes.length);
  }
}

/** Opens links to one nicd. */
export class PeerNode {
  readonly #pool: LinkPool;
  readonly #to: { readonly address: string; readonly port: number; readonly node: string };

  private constructor(pool: LinkPool, to: { readonly address: string; readonly port: number; readonly node: string }) {
    this.#pool = pool;
    this.#to = to;
  }

  /** @param folder With this node's certificate; null for plain text. */
  static async open(
    t: ExecutionContext,
    folder: string | null,
    trustDomain: string,
    to: { readonly address: string; readonly port: number; readonly node: string },
  ): Promise<PeerNode> {
    const files = folder === null ? null : await CertificateFiles.open(pathsIn(folder));
    const pool = new LinkPool(files ? { security: "mtls", trustDomain, identity: () => files.current } : { security: "plain-text" });
    t.teardown(() => {
      pool.close();
      files?.[Symbol.dispose]();
    });
    return new PeerNode(pool, to);
  }

  /** A stream to a replica there, opened for a program of this service; "" for one outside the mesh. */
  connect(service: string, target: string): LinkWire {
    const wire = new LinkWire();
    const caller = { service, address: "10.9.9.9", port: 40_000, by: service === "" ? "nobody" : "cgroup" } as const;
    wire.stream = this.#pool.open(this.#to, target, caller, wire);
    return wire;
  }

  /** One request; status and body, or what the stream failed with. */
  async ask(service: string, target: string, head: string): Promise<string> {
    const wire = this.connect(service, target);
    wire.send(`${head}\r\nHost: x\r\nConnection: close\r\n\r\n`);
    await until("answered", () => wire.ended || wire.closed);
    wire.stream.destroy();
    if (wire.text === "") return wire.error?.message ?? "";
    const [, status, body] = /^HTTP\/1\.1 (\d+)[\s\S]*?\r\n\r\n([\s\S]*)$/.exec(wire.text)!;
    return `${status} ${body}`;
  }
}
