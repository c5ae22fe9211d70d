/** What a checked file of ours is read with, `mesh.yaml` or another: strict YAML, places in it, faults worded for people, its JSON Schema. @module */
export { didYouMean } from "./did-you-mean.ts";
export { oneOf, wrong } from "./fields.ts";
export { locate } from "./locate.ts";
export { type CatalogProblem, type FieldPath, type Finding, formatPath, formatProblem, show } from "./problem.ts";
export { schemaFindings } from "./schema-problems.ts";
export { schemaText } from "./schema-text.ts";
export { readYaml, readYamlDocuments, type YamlText } from "./yaml-text.ts";
