/** The fields of mesh.yaml(5), from the JSON Schema of the catalog. @module */
import { jsonSchema } from "@mitsu/catalog";
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
  readonly required?: readonly string[];
}

const root = JSON.parse(jsonSchema()) as Schema;

/** What a string is, where the schema only says that it is one: by the name of its field. */
const stringWords: Readonly<Record<string, string>> = {
  address: "address",
  ipv4: "IPv4 prefix",
  ipv6: "IPv6 prefix",
  zone: "text",
  cgroup: "unit or path",
  netns: "path",
  ports: "text",
};

const notNull = (schema: Schema): readonly Schema[] =>
  schema.anyOf ? schema.anyOf.flatMap(notNull) : schema.type === "null" ? [] : [schema];

const plural = (words: string): string => (/^\w+$/.test(words) ? `${words}${words.endsWith("s") ? "es" : "s"}` : words);

/** The words for a value's type, such as `list of names` or `allow | deny`. */
function typeOf(key: string, schema: Schema): string {
  const kinds = notNull(schema).map((one): string => {
    if (one.const !== undefined) return JSON.stringify(one.const);
    if (one.enum) return one.enum.join(" | ");
    if (one.type === "integer") return one.minimum === 1 && one.maximum === 65535 ? "port" : `${one.minimum} to ${one.maximum}`;
    if (one.type === "array") return `list of ${plural(typeOf(key, one.items!))}`;
    if (one.type === "object") return one.additionalProperties ? "map by name" : "map";
    return one.pattern?.startsWith("^[a-z0-9]") ? "name" : (stringWords[key] ?? "text");
  });
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
  "policies",
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
