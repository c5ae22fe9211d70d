/** meshfilters' commands. @module */
import { command, type Options, type Program } from "@mitsu/cli";
import { optimiseLevels } from "./compile/compiled.ts";
import { languages } from "./compile/language.ts";

/** Who may trust the result. */
const keyOption = { type: "string", description: "ed25519 key in PEM; `meshfilters keygen` makes one", unit: "path" } as const;

/** Where nicd is told. */
const socketOption = { type: "string", description: "nicd's control socket", default: "/run/mitsu/nicd.sock", unit: "path" } as const;

/** How a filter is run without a network. */
const runOptions = {
  config: { type: "string", alias: "c", description: "its configuration: text, or @file" },
  rootId: { type: "string", description: "which of a module's filters", default: "" },
  fuel: { type: "number", description: "fuel of one callback; one unit is about an instruction", default: 5_000_000 },
  memory: { type: "string", description: "most memory it may have", default: "32MiB", unit: "size" },
} as const satisfies Options;

const moduleArgument = { name: "module", description: "a filter's .wasm", required: true } as const;

/** The program `meshfilters`. */
export const meshfilters: Program = {
  name: "meshfilters",
  version: "0.1.0",
  summary: "compiles, checks and tries filters for nicd",
  description:
    "Filters are WebAssembly with the proxy-wasm ABI, as Envoy has them: written in AssemblyScript, C, C++, Rust or WAT. Rules in YAML need no program: they are compiled to the cheapest device that can do them.",
  examples: [
    { command: "meshfilters new c tag && meshfilters build tag && meshfilters test tag", does: "a filter that works, with its test" },
    { command: "meshfilters build rules.yaml", does: "rules to devices, and the placement report" },
    { command: "meshfilters inspect tag.wasm", does: "ABI, imports, capabilities, signature" },
  ],
  options: { json: { type: "boolean", description: "print JSON on stdout, errors as JSON on stderr" } },
  commands: [
    command({
      name: "new",
      summary: "write a working filter with a test",
      examples: [{ command: "meshfilters new assemblyscript tag", does: "tag/tag.ts, tag/test.yaml, tag/README.md" }],
      options: { force: { type: "boolean", description: "write over files that are there" } },
      positionals: [
        { name: "language", description: "what it is written in", required: true, choices: languages },
        { name: "folder", description: "where; its name becomes the filter's", required: true },
      ],
      load: () => import("./commands/new.ts"),
    }),
    command({
      name: "build",
      summary: "compile a filter, or rules",
      description:
        "The language goes by the file's ending; a folder is built by what lies in it. The same source and tools give the same bytes. A manifest (ABI, imports, capabilities, size, hash) goes into the module. Rules (.yaml) are split over the devices at hand; a rule that none can do is an error.",
      examples: [
        { command: "meshfilters build filter.c -o filter.wasm", does: "by clang, optimised by wasm-opt" },
        { command: "meshfilters build rules.yaml --back-end wasm -o rules.wasm", does: "rules as one module" },
        { command: "meshfilters build filter.ts --key team.key", does: "signed" },
      ],
      options: {
        output: { type: "string", alias: "o", description: "the result; beside the source unless given", unit: "path" },
        key: keyOption,
        backEnd: { type: "array", description: "of rules: only these of kernel, rtl, wasm", unit: "name" },
        optimise: { type: "string", description: "wasm-opt's level", choices: optimiseLevels, default: "2" },
        release: { type: "string", description: "the filter's own version, for its manifest", default: "0.1.0", unit: "version" },
        debug: { type: "boolean", description: "keep names and a source map where the language has one" },
        capability: { type: "array", description: "what the manifest asks for; by its imports unless given", unit: "name" },
      },
      positionals: [{ name: "source", description: "a file or folder", required: true }],
      load: () => import("./commands/build.ts"),
    }),
    command({
      name: "test",
      summary: "run a filter against written or recorded requests, without a network",
      description: "Requests and what is expected of them stand in YAML; a HAR file of a browser or curl works as well.",
      examples: [
        { command: "meshfilters test tag", does: "builds it and runs tag/test.yaml" },
        { command: "meshfilters test tag.wasm --requests recorded.har", does: "what it makes of each" },
      ],
      options: { ...runOptions, requests: { type: "string", alias: "r", description: "YAML or HAR", unit: "path" } },
      positionals: [{ name: "filter", description: "a module, or a folder with its source and test.yaml", required: true }],
      load: () => import("./commands/test.ts"),
    }),
    command({
      name: "inspect",
      summary: "what a module is and wants",
      examples: [{ command: "meshfilters inspect tag.wasm --json", does: "for a program" }],
      options: {},
      positionals: [moduleArgument],
      load: () => import("./commands/inspect.ts"),
    }),
    command({
      name: "verify",
      summary: "check that a module can run, and who signed it",
      description:
        "Exit status 65, with the reason, when it cannot, or is not signed by the key. It is started once, with its configuration.",
      examples: [{ command: "meshfilters verify tag.wasm --key team.pub", does: "before it is pushed" }],
      options: { ...runOptions, key: keyOption },
      positionals: [moduleArgument],
      load: () => import("./commands/verify.ts"),
    }),
    command({
      name: "keygen",
      summary: "make an ed25519 key pair",
      examples: [{ command: "meshfilters keygen team", does: "team.key (0600) and team.pub" }],
      options: { force: { type: "boolean", description: "write over files that are there" } },
      positionals: [{ name: "name", description: "of both files", required: true }],
      load: () => import("./commands/keygen.ts"),
    }),
    command({
      name: "sign",
      summary: "sign a module",
      examples: [{ command: "meshfilters sign tag.wasm --key team.key", does: "into the module itself" }],
      options: {
        key: { ...keyOption, required: true },
        output: { type: "string", alias: "o", description: "the module itself unless given", unit: "path" },
      },
      positionals: [moduleArgument],
      load: () => import("./commands/sign.ts"),
    }),
    command({
      name: "bench",
      summary: "what a filter costs a request, host calls and copies included",
      examples: [{ command: "meshfilters bench tag.wasm", does: "µs a request, fuel, memory, beside the same filter without fuel" }],
      options: {
        ...runOptions,
        requests: { type: "string", alias: "r", description: "YAML or HAR; a small GET unless given", unit: "path" },
        seconds: { type: "number", description: "of one of three measurements", default: 1 },
      },
      positionals: [moduleArgument],
      load: () => import("./commands/bench.ts"),
    }),
    command({
      name: "push",
      summary: "hand a module to a running nicd",
      description: "nicd checks it, tries it on a share of the requests, and takes it for all, or rolls back.",
      examples: [{ command: "meshfilters push tag.wasm --filter tag", does: "replaces the module of filter tag of mesh.yaml" }],
      options: {
        filter: { type: "string", description: "its name in mesh.yaml; the file's unless given" },
        socket: socketOption,
        wait: {
          type: "number",
          description: "longest until it is taken or rolled back; 0 to be told only that it is tried out",
          default: 600,
          unit: "s",
        },
      },
      positionals: [moduleArgument],
      load: () => import("./commands/push.ts"),
    }),
    command({
      name: "conformance",
      summary: "judge a proxy-wasm host by small filters, one for each host function and edge",
      description:
        "The host must run the kit's modules (`--write` puts them and a configuration for nicd and Envoy into a folder) in front of the server that this command runs on 127.0.0.1:18090 (gRPC: 18091). Exit status 1 when a check differs.",
      examples: [
        { command: "meshfilters conformance --write kit", does: "kit/*.wasm, kit/mesh.yaml, kit/envoy.yaml, and how to start both hosts" },
        { command: "meshfilters conformance http://127.0.0.1:18080", does: "a line for each check" },
        {
          command: "meshfilters conformance http://127.0.0.1:18080 --tap --match bodies",
          does: "only those of bodies, for a test harness",
        },
      ],
      options: {
        write: { type: "string", description: "only write the kit there", unit: "path" },
        match: { type: "string", description: "only checks whose names have this text" },
        tap: { type: "boolean", description: "print Test Anything Protocol" },
      },
      positionals: [{ name: "url", description: "where the host listens" }],
      load: () => import("./commands/conformance.ts"),
    }),
  ],
};
