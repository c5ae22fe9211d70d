/** Configurations that put the kit's filters before its upstream: a mesh.yaml for nicd, an envoy.yaml for Envoy. @module */
import { resolve } from "node:path";
import { stringify } from "yaml";
import { kitFilters } from "./kit-modules.ts";

/** Ports of 127.0.0.1. */
export interface KitPorts {
  /** Where the host listens. */
  readonly host: number;
  /** The kit's own HTTP/1.1 server, which `meshfilters conformance` runs. */
  readonly upstream: number;
  /** Its gRPC server; HTTP/2 without TLS. */
  readonly grpc: number;
  /** Where nobody listens. */
  readonly closed: number;
}

/** Ports unless told. */
export const kitPorts: KitPorts = { host: 18080, upstream: 18090, grpc: 18091, closed: 18092 };

/** A body of this is beyond what a filter may have the host keep. */
export const bodyLimitBytes: number = 64 * 1024;

const address = "127.0.0.1";

/** `mesh.yaml`: one service, `upstream`, with a route for each filter. Start nicd with `--listen 127.0.0.1:18080=upstream`. */
export function meshYaml(ports: KitPorts = kitPorts): string {
  const service = (port: number, more: object = {}) => ({ ports: [`${port}:${port}`], replicas: [{ address, port }], ...more });
  return stringify(
    {
      version: 1,
      filters: Object.fromEntries(
        kitFilters.map(({ name, module, configuration }) => [
          name,
          {
            module: `${module}.wasm`,
            ...(configuration === "" ? {} : { config: configuration }),
            "vm-id": `kit-${name}`,
            capabilities: [
              "body",
              "trailers",
              "local-response",
              "properties",
              "http-call",
              "grpc-call",
              "shared-data",
              "shared-queue",
              "metrics",
              "timer",
              "foreign",
              "random",
            ],
            limits: { body: "64KiB" },
          },
        ]),
      ),
      services: {
        upstream: {
          ports: [`${ports.host}:${ports.upstream}`],
          replicas: [{ address, port: ports.upstream }],
          routes: kitFilters.map(({ name }) => ({ name, match: { path: `/${name}` }, filters: [name] })),
        },
        grpc: service(ports.grpc),
        closed: service(ports.closed),
      },
    },
    { lineWidth: 0, aliasDuplicateObjects: false },
  );
}

const type = (name: string): string => `type.googleapis.com/${name}`;
const router = {
  name: "envoy.filters.http.router",
  typed_config: { "@type": type("envoy.extensions.filters.http.router.v3.Router") },
};

function cluster(name: string, port: number, http2: boolean): object {
  return {
    name,
    type: "STATIC",
    connect_timeout: "1s",
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address, port_value: port } } } }] }],
    },
    ...(http2 && {
      typed_extension_protocol_options: {
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
          "@type": type("envoy.extensions.upstreams.http.v3.HttpProtocolOptions"),
          explicit_http_config: { http2_protocol_options: {} },
        },
      },
    }),
  };
}

/** `envoy.yaml`: every filter is there and off; a route switches its own on. Modules are looked for in `folder`. */
export function envoyYaml(folder: string, ports: KitPorts = kitPorts): string {
  const text = (value: string) => ({ "@type": type("google.protobuf.StringValue"), value });
  const filters = kitFilters.map(({ name, module, configuration }) => ({
    name,
    disabled: true,
    typed_config: {
      "@type": type("envoy.extensions.filters.http.wasm.v3.Wasm"),
      config: {
        name,
        root_id: "",
        failure_policy: "FAIL_RELOAD",
        reload_config: { backoff: { base_interval: "1s" } },
        ...(configuration === "" ? {} : { configuration: text(configuration) }),
        vm_config: {
          vm_id: `kit-${name}`,
          runtime: "envoy.wasm.runtime.v8",
          code: { local: { filename: resolve(folder, `${module}.wasm`) } },
        },
      },
    },
  }));
  const manager = {
    "@type": type("envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"),
    stat_prefix: "kit",
    http_protocol_options: { enable_trailers: true },
    route_config: {
      name: "kit",
      virtual_hosts: [
        {
          name: "kit",
          domains: ["*"],
          routes: [
            ...kitFilters.map(({ name }) => ({
              match: { prefix: `/${name}/` },
              route: { cluster: "upstream" },
              typed_per_filter_config: { [name]: { "@type": type("envoy.config.route.v3.FilterConfig"), config: {} } },
            })),
            { match: { prefix: "/" }, route: { cluster: "upstream" } },
          ],
        },
      ],
    },
    http_filters: [...filters, router],
  };
  return stringify(
    {
      static_resources: {
        listeners: [
          {
            name: "kit",
            address: { socket_address: { address, port_value: ports.host } },
            per_connection_buffer_limit_bytes: bodyLimitBytes,
            filter_chains: [{ filters: [{ name: "envoy.filters.network.http_connection_manager", typed_config: manager }] }],
          },
        ],
        clusters: [
          {
            ...cluster("upstream", ports.upstream, false),
            typed_extension_protocol_options: {
              "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": type("envoy.extensions.upstreams.http.v3.HttpProtocolOptions"),
                explicit_http_config: { http_protocol_options: { enable_trailers: true } },
              },
            },
          },
          cluster("grpc", ports.grpc, true),
          cluster("closed", ports.closed, false),
        ],
      },
    },
    { lineWidth: 0, aliasDuplicateObjects: false },
  );
}
