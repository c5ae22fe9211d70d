/** The form of `mesh.yaml`: which fields there are and which values they take; what refers to what is checked in `check.ts`. @module */
import { z } from "zod";
import type { DefaultsEntry, MeshFile, NodeEntry, PolicyEntry, ServiceEntry, VirtualEntry } from "./entries.ts";
import { address, name, notAddress, notPort, oneOf, parties, port, prefix, share, wrong } from "./fields.ts";
import { filterEntry, filterNames } from "./filter-entry.ts";
import { mqttEntry } from "./mqtt-entry.ts";
import { show } from "./problem.ts";
import { authorisationEntry } from "./traffic/authorisation.ts";
import { clusterEntry } from "./traffic/cluster.ts";
import { duration } from "./traffic/fields.ts";
import { linksEntry } from "./traffic/links.ts";
import { retriesEntry } from "./traffic/retries.ts";
import { routeEntry } from "./traffic/route-entry.ts";

const protocol = oneOf("tcp", "udp").describe("Transport of the port; tcp unless told.");
const action = oneOf("allow", "deny");
const redirect = oneOf("auto", "on", "off");
const intercept = oneOf("keep", "balance", "off");
const propagation = oneOf("off", "side-band", "header");
const requestAction = oneOf("allow", "deny");
const withoutNic = oneOf("direct", "refuse");
const tracing = z.union(
  [
    propagation,
    z.strictObject({
      propagation: propagation
        .describe(
          "How the context travels: header (called programs see a traceparent), side-band (no byte changes) or off; header unless told.",
        )
        .optional(),
      sampling: share.describe("Share of the traces that begin here which are told to the back end; 1 unless told.").optional(),
    }),
  ],
  wrong("a way to trace", "use off, side-band, header or {propagation: header, sampling: 0.1}"),
);

const notPortEntry = wrong("a port", 'use 80, "80:8080", "53/udp" or {port: 80, target: 8080, protocol: tcp}');
/** `<port>[:<target>][/<protocol>]`. */
export const portShorthand: RegExp = /^(\d{1,5})(?::(\d{1,5}))?(?:\/(tcp|udp))?$/;
const shorthand = z
  .string()
  .regex(portShorthand, { ...notPortEntry, abort: true })
  .refine(
    (text) =>
      portShorthand
        .exec(text)!
        .slice(1, 3)
        .every((part) => part === undefined || (Number(part) >= 1 && Number(part) <= 65535)),
    notPort,
  );
const portEntry = z
  .union(
    [
      port,
      shorthand,
      z.strictObject({
        port: port.describe("Port at the virtual address, the one clients use."),
        target: port.describe("Port that the replicas listen on; the same as `port` unless told.").optional(),
        protocol: protocol.optional(),
      }),
    ],
    notPortEntry,
  )
  .describe('A port of the service: 80, "80:8080" (port:target), "53/udp", or a map.');

const netns = z
  .string()
  .regex(/^\/[^\0]+$/, wrong("a network namespace", "use an absolute path, such as /run/netns/a"))
  .describe("Path of the replica's network namespace; the host's unless told.");

const weightRange = wrong("a weight", "use 0 (takes no new connections) to 65535");
const replica = z.strictObject({
  address: address.describe("Address the replica listens on; the address of `node` unless told.").optional(),
  port: port.describe("Port the replica listens on, for a service with one port; that port's target unless told.").optional(),
  node: name.describe("Node the replica runs on.").optional(),
  weight: z.int(weightRange).min(0, weightRange).max(65535, weightRange).describe("Share of new connections; 1 unless told.").optional(),
  netns: netns.optional(),
});

/** Schema of one entry of `services`; an empty entry is a service that only connects out. */
export const serviceEntry: z.ZodType<ServiceEntry> = z.strictObject({
  ports: z.array(portEntry).describe("Ports that clients may connect to.").optional(),
  address: z
    .union(
      [
        address,
        z
          .array(address)
          .min(1, { error: "takes one address, or one for each family" })
          .max(2, { error: "takes one address, or one for each family" }),
      ],
      notAddress,
    )
    .describe("Virtual address, or one for each family; assigned from the name unless told.")
    .optional(),
  cgroup: z
    .string()
    .regex(
      /^(?!(?:.*\/)?\.\.(?:\/|$))[^\0\n]*[^\0\n/][^\0\n]*$/,
      wrong("a cgroup", 'use a unit or a path below the cgroup v2 root, such as cart.service or "mitsu/cart-*"'),
    )
    .describe("The service's programs: a systemd unit, or a cgroup path relative to the v2 root; `*` matches within one step.")
    .optional(),
  replicas: z.array(replica).describe("Running copies of the service.").optional(),
  intercept: intercept.describe("Connects to a replica's real address: keep that replica, balance over all, or off.").optional(),
  redirect: redirect.describe("Whether the service's sockets may be redirected past TCP.").optional(),
  tracing: tracing.describe("Whether HTTP requests of the service are traced, and how their context travels.").optional(),
  nic: oneOf("auto", "on", "off")
    .describe(
      "Whether connections to the service pass nicd; auto (when routes, cluster, protocol, filters or authorisation say something) unless told.",
    )
    .optional(),
  "without-nic": withoutNic
    .describe("What happens while nicd is not there: connections go to a replica directly, or are refused; direct unless told.")
    .optional(),
  protocol: oneOf("auto", "http", "tcp").describe("What nicd takes the bytes for; auto (looks at the first ones) unless told.").optional(),
  routes: z.array(routeEntry).describe("What happens to requests; the first route that matches decides.").optional(),
  cluster: clusterEntry.describe("How the service's replicas are called.").optional(),
  authorisation: requestAction.describe("What happens to a request that no authorisation rule matches; allow unless told.").optional(),
  filters: filterNames.describe("Filters that its requests and connections pass, behind those of the route; none unless told.").optional(),
});

/** Schema of one entry of `nodes`. */
export const nodeEntry: z.ZodType<NodeEntry> = z.strictObject({
  address: address.describe("Address other nodes reach it at."),
  zone: z.string().min(1, wrong("a zone", "use a name")).describe("Failure domain or site, free text.").optional(),
});

/** Schema of one entry of `policies`. */
export const policyEntry: z.ZodType<PolicyEntry> = z.strictObject({
  name: name.describe("Shown in logs and counters; the rule's place in the list unless told.").optional(),
  from: parties.describe('Clients: services, or "*" for every program.'),
  to: parties.describe('Servers: services, or "*" for all.'),
  ports: z.array(port).describe("Ports at the virtual address; all unless told.").optional(),
  action: action.describe("What happens to a connection that matches."),
});

/** Schema of `virtual`. */
export const virtualEntry: z.ZodType<VirtualEntry> = z.strictObject({
  ipv4: prefix(4, 30, "198.18.0.0/16").describe("Prefix of virtual IPv4 addresses; 198.18.0.0/16 unless told.").optional(),
  ipv6: prefix(6, 126, '"fd6d:6974:7375::/64"').describe("Prefix of virtual IPv6 addresses; fd6d:6974:7375::/64 unless told.").optional(),
});

/** Schema of `defaults`. */
export const defaultsEntry: z.ZodType<DefaultsEntry> = z.strictObject({
  policy: action.describe("What happens to a connection that no policy matches; allow unless told.").optional(),
  redirect: redirect.describe("For services that do not say; auto unless told.").optional(),
  intercept: intercept.describe("For services that do not say; keep unless told.").optional(),
  deny: oneOf("refuse", "prohibit")
    .describe("How a denied connect fails: refuse (ECONNREFUSED) or prohibit (EPERM); refuse unless told.")
    .optional(),
  tracing: tracing.describe("For services that do not say; off unless told.").optional(),
  cluster: clusterEntry.describe("For services that do not say, field by field.").optional(),
  timeout: duration.describe("Of whole exchanges, for routes that do not say; 15s unless told, 0 is none.").optional(),
  retries: retriesEntry.describe("For routes that do not say; none unless told.").optional(),
  authorisation: requestAction.describe("For services that do not say; allow unless told.").optional(),
  "without-nic": withoutNic.describe("For services that do not say; direct unless told.").optional(),
});

/** Schema of a whole `mesh.yaml`. An empty section (`services:` with nothing after it) counts as left out. */
export const meshFile: z.ZodType<MeshFile> = z
  .strictObject({
    version: z
      .literal(1, {
        error: ({ input }) => (input === undefined ? "is missing; add `version: 1`" : `${show(input)} is not a known version; use 1`),
      })
      .describe("Version of this format."),
    mesh: name.describe("Name of the mesh; default unless told.").optional(),
    virtual: virtualEntry.nullish().describe("Where virtual addresses come from."),
    defaults: defaultsEntry.nullish().describe("What holds where a service or a policy does not say otherwise."),
    nodes: z.record(name, nodeEntry).nullish().describe("Machines of the mesh by name."),
    services: z.record(name, serviceEntry.nullable()).nullish().describe("Services by name; the name is also `<name>.mesh` in DNS."),
    policies: z.array(policyEntry).nullish().describe("Who may connect to whom; the first rule that matches decides."),
    authorisation: z
      .array(authorisationEntry)
      .nullish()
      .describe("Who may ask what: deny rules first, then allow rules, then the service's default."),
    links: linksEntry.nullish().describe("Connections between the nicds of two nodes."),
    mqtt: mqttEntry.nullish().describe("The MQTT broker of each node."),
    filters: z.record(name, filterEntry).nullish().describe("WebAssembly modules (proxy-wasm) by name, for services and routes to use."),
  })
  .describe("A Mitsu mesh: nodes, services with their replicas and routes, and who may do what.");
