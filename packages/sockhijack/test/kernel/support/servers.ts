/** Servers for tests: nginx, redis, and small Python ones, each in a folder and on a port of its own. @module */
import { mkdirSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { freePort } from "./free-port.ts";
import type { Program } from "./program.ts";
import type { Sandbox } from "./sandbox.ts";
import { until } from "./until.ts";

/** Debian's own interpreter: version managers put slow wrappers in front of it. */
export const python = "/usr/bin/python3";

/** 1 KiB that says who answered. */
export function bodyOf(name: string): string {
  return `${name} `.repeat(Math.ceil(1024 / (name.length + 1))).slice(0, 1024);
}

/** What nginx is to do. */
export interface NginxOptions {
  /** Name in its answers; `nginx` unless told. */
  readonly name?: string;
  readonly port: number;
  /** `listen` addresses, with `%` for the port; `["%", "[::]:%"]` unless told. */
  readonly listen?: readonly string[];
  /** Directives inside `server { }`, for more than `/`. */
  readonly server?: string;
  /** Whose files it reads; nginx' default, nobody, unless told. */
  readonly user?: string;
  /** Directives inside `http { }`. */
  readonly http?: string;
}

/** Writes nginx' configuration and returns the command that starts it; `/` answers {@link bodyOf} its name. */
export function nginx(
  sandbox: Sandbox,
  { name = "nginx", port, listen = ["%", "[::]:%"], server = "", http = "", user }: NginxOptions,
): string[] {
  const folder = join(sandbox.directory, `nginx-${name}-${port}`);
  mkdirSync(folder, { recursive: true });
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((what) => `${what}_temp_path ${folder}/${what};`).join(" ");
  const file = sandbox.file(
    `nginx-${name}-${port}/nginx.conf`,
    `${user ? `user ${user};` : ""} daemon off; worker_processes 1; error_log stderr; pid ${folder}/pid; events { worker_connections 4096; }
http {
  access_log off; keepalive_requests 1000000000; ${temporary} ${http}
  server {
    ${listen.map((where) => `listen ${where.replace("%", String(port))};`).join(" ")}
    location = / { default_type text/plain; return 200 "${bodyOf(name)}"; }
    ${server}
  }
}
`,
  );
  return ["nginx", "-c", file];
}

/** Waits until something accepts connections on a port. */
export async function listening(port: number, host = "127.0.0.1", program?: Program): Promise<void> {
  await until(
    `something listens on ${host}:${port}`,
    () => {
      if (program && !program.running) throw new Error(`the server ended: ${program.stderr}${program.stdout}`);
      return new Promise<boolean>((resolve) => {
        const socket = connect(port, host, () => {
          socket.destroy();
          resolve(true);
        });
        socket.once("error", () => resolve(false));
      });
    },
    { timeoutMs: 20_000 },
  );
}

/** Starts nginx as a service, on `servicePort` of its virtual address, and waits for it. */
export async function startNginx(
  sandbox: Sandbox,
  {
    service = "web",
    servicePort = 80,
    ...options
  }: { readonly service?: string; readonly servicePort?: number } & Partial<NginxOptions> = {},
): Promise<{ readonly port: number; readonly program: Program }> {
  const port = options.port ?? (await freePort());
  const program = sandbox.run(`${service}:${servicePort}:${port}`, nginx(sandbox, { name: service, ...options, port }));
  await listening(port, "127.0.0.1", program);
  await sandbox.serving(service);
  return { port, program };
}
