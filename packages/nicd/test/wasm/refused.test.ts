/** Filters that nicd must not serve with: refused before anything listens, and at a reload the old one serves on. What is said names filter, file, reason and a way out. */
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exitStatus } from "@mitsu/cli/error";
import { sign } from "@mitsu/proxy-wasm";
import test from "ava";
import { assemble } from "../../../proxy-wasm/test/host/started-plugin.ts";
import { watFilter } from "../../../proxy-wasm/test/host/wat-filter.ts";
import { until } from "../../../sockhijack/test/kernel/support/until.ts";
import { ask } from "../daemon/support/ask.ts";
import { InProcessNicd } from "../daemon/support/in-process-nicd.ts";
import { Origin } from "../daemon/support/origin.ts";
import { meshOf, startFiltered } from "./filtered.ts";

const pem = (key: KeyObject): string =>
  key.export(key.type === "private" ? { type: "pkcs8", format: "pem" } : { type: "spki", format: "pem" }).toString();
const [team, stranger] = [generateKeyPairSync("ed25519"), generateKeyPairSync("ed25519")];

const empty = watFilter("");
/** Says `x-filter: good` in answers. */
const goodText = watFilter(`(data (i32.const 16) "x-filter") (data (i32.const 32) "good")
  (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)
    (call $proxy_add_header_map_value (i32.const 2) (i32.const 16) (i32.const 8) (i32.const 32) (i32.const 4)))`);
const good = assemble(goodText);
const signed = sign(good, pem(team.privateKey));
/** With a byte of its data changed: still a good module. */
const changed = signed.with(Buffer.from(signed).indexOf("good"), 71);
const starting = (callback: string, type: string, instructions: string): Uint8Array =>
  assemble(watFilter(`(func (export "${callback}") ${type} ${instructions})`));
const configuring = "(param i32 i32) (result i32)";
const mendStart = /mend the filter or its configuration/;

interface Bad {
  /** Also its file's name. */
  readonly what: string;
  /** Null: there is no such file. */
  readonly bytes: Uint8Array | "folder" | null;
  readonly key?: string;
  /** Why, and what to do. */
  readonly said: readonly [reason: RegExp, hint: RegExp];
  /** It is tried at a reload too. */
  readonly reload?: true;
}

const bad: readonly Bad[] = [
  {
    what: "abi-of-tomorrow",
    bytes: assemble(watFilter("", "9_0_0")),
    said: [/its ABI is 9\.0\.0; 0\.1\.0, 0\.2\.0 and 0\.2\.1 are known/, /build it with an SDK for one of them/],
    reload: true,
  },
  {
    what: "no-abi",
    bytes: assemble('(module (memory (export "memory") 1))'),
    said: [/it exports no function proxy_abi_version_\*/, /build it with an SDK/],
  },
  {
    what: "unknown-import",
    bytes: assemble(empty.replace("(module", '(module (import "env" "proxy_lgo" (func (param i32 i32 i32) (result i32)))')),
    said: [/it imports env\.proxy_lgo, which is not in the ABI at byte \d+/, /did you mean proxy_log\?/],
  },
  {
    what: "no-allocator",
    bytes: assemble(empty.replace('(export "malloc")', "")),
    said: [/it exports neither proxy_on_memory_allocate nor malloc/, /export malloc/],
  },
  {
    what: "64-MiB",
    bytes: assemble(empty.replace('(export "memory") 1', '(export "memory") 1024')),
    said: [/it begins with 1024 pages of memory, 512 are allowed/, /raise limits\.memory/],
  },
  {
    what: "trap-in-start-section",
    bytes: assemble(watFilter("(func $trap unreachable) (start $trap)")),
    said: [/cannot start filter tag: unreachable/, mendStart],
  },
  {
    what: "trap-in-initialize",
    bytes: starting("_initialize", "", "unreachable"),
    said: [/_initialize: unreachable/, mendStart],
    reload: true,
  },
  {
    what: "endless-initialize",
    bytes: starting("_initialize", "", "(loop $for (br $for))"),
    said: [/_initialize: out of fuel/, mendStart],
  },
  {
    what: "trap-in-vm-start",
    bytes: starting("proxy_on_vm_start", configuring, "unreachable"),
    said: [/proxy_on_vm_start: unreachable/, mendStart],
  },
  {
    what: "vm-start-says-no",
    bytes: starting("proxy_on_vm_start", configuring, "(i32.const 0)"),
    said: [/its proxy_on_vm_start answered false/, mendStart],
  },
  {
    what: "trap-in-configure",
    bytes: starting("proxy_on_configure", configuring, "unreachable"),
    said: [/proxy_on_configure: unreachable/, mendStart],
  },
  {
    what: "configure-says-no",
    bytes: starting("proxy_on_configure", configuring, "(i32.const 0)"),
    said: [/its proxy_on_configure answered false/, mendStart],
    reload: true,
  },
  { what: "unsigned", bytes: good, key: "team.pub", said: [/it is not signed/, /sign it with meshfilters sign/] },
  {
    what: "signed-by-a-stranger",
    bytes: sign(good, pem(stranger.privateKey)),
    key: "team.pub",
    said: [/it is signed by key [0-9a-f]{16}, not by [0-9a-f]{16}/, /sign it with the right key/],
  },
  {
    what: "changed-after-signing",
    bytes: changed,
    key: "team.pub",
    said: [/its signature by key [0-9a-f]{16} is wrong: it was changed afterwards/, /build and sign it again/],
    reload: true,
  },
  {
    what: "key-that-is-not-there",
    bytes: signed,
    key: "none.pub",
    said: [/cannot read the key \S+none\.pub/, /meshfilters keygen makes a pair/],
  },
  {
    what: "truncated",
    bytes: good.subarray(0, good.length - 20),
    said: [/section \w+ has \d+ bytes, of which \d+ are there at byte \d+/, /cut off or damaged/],
    reload: true,
  },
  { what: "empty", bytes: new Uint8Array(0), said: [/the file is empty/, /build it again/] },
  { what: "text", bytes: Buffer.from("(module)"), said: [/it is WebAssembly text/, /compile it with meshfilters build/] },
  { what: "folder", bytes: "folder", said: [/cannot read \S+folder\.wasm: EISDIR/, /name another module/] },
  {
    what: "missing",
    bytes: null,
    said: [/cannot read \S+missing\.wasm: no such file/, /build it there, or name another module/],
    reload: true,
  },
];

/** Puts a module where the mesh file names it. */
function put(folder: string, { what, bytes }: Pick<Bad, "what" | "bytes">): void {
  writeFileSync(join(folder, "team.pub"), pem(team.publicKey));
  const path = join(folder, `${what}.wasm`);
  if (bytes === "folder") mkdirSync(path);
  else if (bytes !== null) writeFileSync(path, bytes);
}

const meshWith = ({ what, key }: Pick<Bad, "what" | "key">, port: number): string =>
  meshOf({ filters: [`tag: { module: ${what}.wasm${key === undefined ? "" : `, key: ${key}`} }`], uses: "tag", port });

/** A daemon whose port is taken: would it come so far as to listen, its last words would be about that. */
function beginWithoutPort(
  t: Parameters<typeof InProcessNicd.begin>[0],
  origin: Origin,
  filter: Pick<Bad, "what" | "bytes" | "key">,
): InProcessNicd {
  const daemon = InProcessNicd.begin(t, {
    mesh: meshWith(filter, origin.port),
    args: ["--filters", "/nowhere", "--listen", `${origin.at}=web`],
  });
  put(daemon.folder, filter);
  return daemon;
}

for (const filter of bad)
  test(`nicd does not start, and has not listened, with a filter that is bad: ${filter.what}`, async (t) => {
    const origin = await Origin.start(t, "served");
    const daemon = beginWithoutPort(t, origin, filter);
    const status = await daemon.ended;
    for (const said of filter.said) t.regex(daemon.log, said);
    t.notRegex(daemon.log, /listen|ready/);
    t.regex(
      daemon.log,
      new RegExp(`^nicd: filter tag: \\S*${filter.what}\\.wasm: |^nicd: filter tag: cannot read \\S+/${filter.what}\\.wasm: `),
    );
    t.is(status, exitStatus.config);
  });

test("nicd gets as far as its port with a filter that is good: the tests above would notice", async (t) => {
  const daemon = beginWithoutPort(t, await Origin.start(t, "served"), { what: "good", bytes: signed, key: "team.pub" });
  t.not(await daemon.ended, exitStatus.ok);
  t.regex(daemon.log, /cannot listen at .*EADDRINUSE/);
});

for (const key of [undefined, "team.pub"])
  test(`a reload with a bad filter${key ? " of a team" : ""} is refused and says why; the old one serves on until a good one comes`, async (t) => {
    const origin = await Origin.start(t, "served");
    const folder = mkdtempSync(join(tmpdir(), "nicd-refused-"));
    t.teardown(() => rmSync(folder, { recursive: true, force: true }));
    const module = join(folder, "filter.wasm");
    const filterWith = (path: string): string =>
      `tag: { module: ${path}, canary: { share: 1 }${key ? `, key: ${join(folder, key)}` : ""} }`;
    put(folder, { what: "filter", bytes: signed });
    const daemon = await startFiltered(t, { filters: [filterWith(module)], uses: "tag", port: origin.port });
    const [before] = (await daemon.status()).filters!;
    const stays = async (what: string): Promise<void> => {
      t.is((await ask(daemon.port)).headers["x-filter"], "good", what);
      const [now] = (await daemon.status()).filters!;
      t.like(now, { state: "running", sha256: before!.sha256, canary: null, rollOut: null, traps: 0, restarts: 0 }, what);
    };
    for (const filter of bad.filter((one) => one.reload && (key === undefined) === (one.key === undefined))) {
      rmSync(module);
      put(folder, { what: "filter", bytes: filter.bytes });
      const { status, err } = await daemon.cli("reload");
      t.is(status, exitStatus.config, filter.what);
      t.regex(err, new RegExp(`^nicd: filter tag: (cannot read )?${module}: `), filter.what);
      for (const said of filter.said) t.regex(err, new RegExp(said.source.replaceAll("missing", "filter")), filter.what);
      await stays(filter.what);
    }
    // By watching the mesh file nobody asks: it is in the log.
    writeFileSync(daemon.config, meshOf({ filters: [filterWith("elsewhere.wasm")], uses: "tag", port: origin.port }));
    await until("the log says so", () =>
      /mesh\.yaml is wrong; the old one stays .*filter tag: cannot read \S+elsewhere\.wasm/.test(daemon.log),
    );
    await stays("elsewhere");
    put(folder, { what: "filter", bytes: sign(assemble(goodText.replace('"good"', '"gold"')), pem(team.privateKey)) });
    await daemon.reload(meshOf({ filters: [filterWith(module)], uses: "tag", port: origin.port }));
    t.is((await ask(daemon.port)).headers["x-filter"], "gold");
  });
