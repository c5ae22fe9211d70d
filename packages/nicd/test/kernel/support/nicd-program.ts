/** `nicd daemon` as a process: in a namespace, under sockhijack, or both. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { type Client, connect, type NicdProtocol, type NicdStatus, nicd } from "@mitsu/ipc";
import type { Namespace } from "../../../../sockhijack/test/kernel/support/namespace.ts";
import type { Program } from "../../../../sockhijack/test/kernel/support/program.ts";
import type { Sandbox } from "../../../../sockhijack/test/kernel/support/sandbox.ts";

/** The command under test. */
export const bin: string = new URL("../../../../../bin/nicd", import.meta.url).pathname;

/** A daemon of a test's own. */
export class NicdProgram {
  readonly program: Program;
  readonly socket: string;

  private constructor(program: Program, socket: string) {
    this.program = program;
    this.socket = socket;
  }

  /**
   * Starts one and waits until it is ready.
   *
   * @param name Of its control socket in the sandbox's folder.
   * @param options `service` has it run under `sockhijack run --service`, with the sandbox's sockhijack; without, it takes its listeners' connections only.
   */
  static async start(
    sandbox: Sandbox,
    name: string,
    {
      mesh,
      args = [],
      within,
      service,
    }: { readonly mesh: string; readonly args?: readonly string[]; readonly within?: Namespace; readonly service?: string },
  ): Promise<NicdProgram> {
    const socket = join(sandbox.directory, `${name}.sock`);
    const hijack = ["--sockhijack", service === undefined ? "off" : sandbox.socket, "--replicad", "off"];
    const command = [bin, "daemon", "--socket", socket, "--config", mesh, ...hijack, ...args];
    const program =
      service === undefined ? sandbox.spawn(within ? within.command(command) : command) : sandbox.run(service, command, { within });
    await program.says(/\bready\b/);
    return new NicdProgram(program, socket);
  }

  async call<T>(ask: (client: Client<NicdProtocol>) => Promise<T>): Promise<T> {
    using client = await connect(this.socket, nicd);
    return await ask(client);
  }

  status(): Promise<NicdStatus> {
    return this.call((client) => client.call("status", {}));
  }

  async metrics(): Promise<string> {
    return (await this.call((client) => client.call("metrics", {}))).text;
  }
}

/** Runs `nicd <args>` to its end. */
export async function nicdCli(...args: readonly string[]): Promise<string> {
  return (await promisify(execFile)(bin, args)).stdout;
}
