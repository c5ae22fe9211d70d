/** The fields of mesh.yaml(5), from the JSON Schema of the catalog; options of selectors, from theirs. @module */
import { jsonSchema } from "../../packages/catalog/src/mod.ts";
import { selectorOptions } from "../../packages/selector/src/mod.ts";
import { argument, prose, sentence, tagged } from "./mdoc.ts";

interface Schema {
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly string[];
  readonly pattern?: string;
  readonly description?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly required?: readonly string[];
}

const root = JSON.parse(jsonSchema()) as Schema;

/** What a string is, where the schema only says that it is one: by the name of its field. */
const stringWords: Readonly<Record<string, string>> = {
  address: "address",
  ipv4: "IPv4 prefix",
  ipv6: "IPv6 prefix",
  cgroup: "unit or path",
  netns: "path",
  path: "path",
  host: "host",
  method: "method",
  regex: "expression",
  certificate: "path",
  key: "path",
  authorities: "path",
  revoked: "path",
  "key-file": "path",
  "password-file": "path",
  "acl-file": "path",
  "secret-file": "path",
  "credentials-file": "path",
  filter: "topic filter",
  pattern: "topic filter",
};

/** What a string is by its pattern, whatever field has it. */
const patternWords: readonly (readonly [RegExp, string])[] = [
  [/^\^\[a-z0-9\]\(/, "name"],
  [/\(ms\|s\|m\|h\)\$$/, "duration"],
  [/\[Bb\]\$$/, "size"],
  [/\\\/\(.*ms\|s\|m\|h/, "rate"],
];

const notNull = (schema: Schema): readonly Schema[] =>
  (schema.anyOf ?? schema.oneOf)?.flatMap(notNull) ?? (schema.type === "null" ? [] : [schema]);

const plural = (words: string): string => (/^\w+$/.test(words) ? `${words}${words.endsWith("s") ? "es" : "s"}` : words);

function kindOf(key: string, schema: Schema): string {
  if (schema.const !== undefined) return String(schema.const);
  if (schema.enum) return schema.enum.join(" | ");
  switch (schema.type) {
    case "boolean":
      return "true | false";
    case "number":
      return schema.minimum === 0 && schema.maximum === 1 ? "share" : "number";
    case "integer":
      if (schema.minimum === 1 && schema.maximum === 65535 && !key.endsWith("maximum")) return "port";
      // What is bounded only so that nobody mistypes it is a number like any other.
      return schema.maximum !== undefined && schema.maximum < 1_000_000 ? `${schema.minimum} to ${schema.maximum}` : "number";
    case "array":
      return `list of ${plural(typeOf(key, schema.items!))}`;
    case "object":
      return schema.additionalProperties ? "map by name" : "map";
    default:
      return patternWords.find(([pattern]) => pattern.test(schema.pattern ?? ""))?.[1] ?? stringWords[key] ?? "text";
  }
}

/** The words for a value's type, such as `list of names` or `allow | deny`. */
function typeOf(key: string, schema: Schema): string {
  const all = notNull(schema);
  if (all.length > 1 && all.every((one) => one.const !== undefined)) return all.map((one) => String(one.const)).join(" | ");
  const kinds = [...new Set(all.map((one) => kindOf(key, one)))];
  const [last, ...before] = kinds.toReversed();
  if (before.length === 0) return last!;
  const one = before.toReversed().join(" or ");
  return last === `list of ${plural(one)}` ? `${one}, or a list of them` : kinds.join(", ").replace(/, ([^,]+)$/, " or $1");
}

/** The schema of the maps at a path: `services` leads to one service, `services.replicas` to one replica. */
function mapAt(path: string): Schema {
  let at: Schema = root;
  for (const step of path.split(".").filter(Boolean)) {
    let next = notNull(at.properties![step]!);
    next = next.flatMap((one) => (one.type === "array" ? notNull(one.items!) : one));
    next = next.flatMap((one) => (typeof one.additionalProperties === "object" ? notNull(one.additionalProperties) : one));
    const found = next.find(({ properties }) => properties);
    if (!found) throw new Error(`mesh.yaml has no map at ${path}`);
    at = found;
  }
  return at;
}

/** Paths of every map that has fields of its own, the whole file first. */
export const mapPaths: readonly string[] = [
  "",
  "virtual",
  "defaults",
  "nodes",
  "services",
  "services.ports",
  "services.replicas",
  "services.tracing",
  "services.routes",
  "services.routes.match",
  "services.routes.match.path",
  "services.routes.match.header",
  "services.routes.to",
  "services.routes.mirror",
  "services.routes.redirect",
  "services.routes.respond",
  "services.routes.rewrite",
  "services.routes.headers",
  "services.routes.headers.request",
  "services.routes.retries",
  "services.routes.fault",
  "services.routes.fault.delay",
  "services.routes.fault.abort",
  "services.routes.rate-limit",
  "services.routes.limits",
  "services.cluster",
  "services.cluster.sticky",
  "services.cluster.outlier",
  "filters",
  "filters.limits",
  "filters.canary",
  "policies",
  "authorisation",
  "links",
  "mqtt",
  "mqtt.listeners",
  "mqtt.listeners.tls",
  "mqtt.listeners.tls.server-names",
  "mqtt.limits",
  "mqtt.security",
  "mqtt.security.jwt",
  "mqtt.persistence",
  "mqtt.bridges",
  "mqtt.bridges.topics",
  "mqtt.bridges.restart",
  "mqtt.bridges.tls",
  "mqtt.mesh",
  "mqtt.mesh.tls",
  "mqtt.nats",
  "mqtt.aggregates",
];

/** Names of the fields of the map at a path. */
export function fieldNames(path: string): readonly string[] {
  return Object.keys(mapAt(path).properties!);
}

/**
 * The fields of the map at a path, each with its type, whether it must be there, and what it means.
 *
 * @throws {Error} when the schema has no such map.
 */
export function fields(path: string): string {
  const { properties = {}, required = [] } = mapAt(path);
  return tagged(
    Object.entries(properties).map(([key, schema]) => {
      const must = required.includes(key) ? " Pq required" : "";
      const description = schema.description ?? notNull(schema).find((one) => one.description)?.description;
      if (description === undefined) throw new Error(`${path}.${key} has no description`);
      return [`Ic ${argument(key)} : Ar ${argument(typeOf(key, schema))}${must}`, prose(sentence(description))];
    }),
  );
}

/** Every option of every selector: what it does, its value unless told, and what it may be. */
export function selectorFields(): string {
  return tagged(
    Object.entries(selectorOptions).flatMap(([name, options]) =>
      Object.entries(options).map(([option, { about, default: usual, least, most }]): readonly [string, string] => [
        `Ic ${argument(option)} : Ar number Pq ${argument(name)}`,
        prose(`${sentence(about)} ${Number(usual.toPrecision(3))} unless told; ${least} to ${most}.`),
      ]),
    ),
  );
}
