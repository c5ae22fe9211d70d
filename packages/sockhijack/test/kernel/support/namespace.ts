/** Network namespaces of a test, with their own resolv.conf; gone when the process that holds them ends. @module */
import { execFileSync } from "node:child_process";
import type { Program } from "./program.ts";
import type { Sandbox } from "./sandbox.ts";

/**
 * A network namespace and a mount namespace, loopback up.
 *
 * @example
 * ```ts
 * const ns = await Namespace.make(sandbox, { resolvConf: "nameserver 127.0.0.9\n" });
 * sandbox.run("client", ns.command(["getent", "ahosts", "web.mesh"]));
 * ```
 */
export class Namespace {
  readonly #holder: Program;

  private constructor(holder: Program) {
    this.#holder = holder;
  }

  /** Makes both namespaces. @param resolvConf Text of `/etc/resolv.conf` inside. */
  static async make(sandbox: Sandbox, { resolvConf }: { readonly resolvConf?: string } = {}): Promise<Namespace> {
    const bind =
      resolvConf === undefined ? "true" : `mount --bind ${sandbox.file(`resolv-${Math.random()}.conf`, resolvConf)} /etc/resolv.conf`;
    const script = `ip link set lo up && ${bind} && echo held && exec cat`;
    const holder = sandbox.spawn(["unshare", "--net", "--mount", "sh", "-c", script], { input: "open" });
    await holder.says(/^held/m);
    return new Namespace(holder);
  }

  /** Pid of the process that holds them. */
  get pid(): number {
    return this.#holder.pid;
  }

  /** The command, run inside; it keeps its pid. */
  command(command: readonly string[]): string[] {
    return ["nsenter", `--target=${this.pid}`, "--net", "--mount", ...command];
  }

  /** Lets both go; those who are still inside keep them. */
  async end(): Promise<void> {
    await this.#holder.stop();
  }

  #ip(...args: readonly string[]): void {
    execFileSync("nsenter", [`--target=${this.pid}`, "--net", "ip", ...args], { stdio: ["ignore", "ignore", "inherit"] });
  }

  /** Joins this one to another by a veth, with these addresses of one prefix. */
  connect(other: Namespace, { own, others, device }: { readonly own: string; readonly others: string; readonly device: string }): void {
    this.#ip("link", "add", device, "type", "veth", "peer", "name", device, "netns", String(other.pid));
    for (const [end, address] of [
      [this, own],
      [other, others],
    ] as const) {
      end.#ip("address", "add", address, "dev", device, ...(address.includes(":") ? ["nodad"] : []));
      end.#ip("link", "set", device, "up");
    }
  }
}
