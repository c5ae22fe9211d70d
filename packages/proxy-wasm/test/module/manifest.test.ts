import test from "ava";
import { type ManifestFields, readManifest, sign, stripOwn, writeManifest } from "../../src/module/mod.ts";
import { customSection } from "../../src/module/sections.ts";
import { buildFilter } from "./module-builder.ts";

const fields: ManifestFields = {
  name: "tag",
  version: "1.2.3",
  abi: "0.2.1",
  imports: ["env.proxy_log", "env.proxy_http_call"],
  capabilities: ["log", "http-call"],
  sourceMap: "tag.wasm.map",
  builder: "meshfilters 0.1.0",
};
const join = (...parts: Uint8Array[]) => new Uint8Array(Buffer.concat(parts));
const withText = (text: string) => join(buildFilter(), customSection("mitsu.manifest", new TextEncoder().encode(text)));

test("writeManifest() and readManifest() agree, and the module is seen in the hash", (t) => {
  const bytes = buildFilter();
  const written = writeManifest(bytes, fields);
  t.like(readManifest(written), {
    ...fields,
    imports: ["env.proxy_http_call", "env.proxy_log"],
    capabilities: ["http-call", "log"],
    sizeBytes: bytes.length,
  });
  t.deepEqual(stripOwn(written), bytes);
  t.is(readManifest(bytes), null);
});

test("writeManifest() gives the same bytes for the same filter, whatever was there and in whatever order lists are", (t) => {
  const written = writeManifest(buildFilter(), fields);
  t.deepEqual(writeManifest(written, { ...fields, imports: fields.imports.toReversed() }), written);
  const key = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n";
  t.deepEqual(writeManifest(sign(written, key), fields), written);
});

test("writeManifest() refuses fields of the wrong form", (t) => {
  const wrong = (change: object) => () => writeManifest(buildFilter(), { ...fields, ...change } as ManifestFields);
  t.throws(wrong({ abi: "1.0.0" }), { code: "ERR_FILTER_MANIFEST", message: /no abi among/ });
  t.throws(wrong({ capabilities: ["everything"] }), { code: "ERR_FILTER_MANIFEST", message: /"everything", which does not exist/ });
  t.throws(wrong({ name: "x".repeat(70_000) }), { code: "ERR_FILTER_MANIFEST", message: /more than 65536/ });
});

const good = JSON.parse(new TextDecoder().decode(writeManifest(buildFilter(), fields).subarray(buildFilter().length + 18))) as object;
for (const [what, text, message] of [
  ["no JSON", "{", /is no JSON/],
  ["bytes that are no text", "\ud800".padEnd(3), /is no/],
  ["a list", "[]", /is no object/],
  ["null", "null", /is no object/],
  ["a number as the name", JSON.stringify({ ...good, name: 1 }), /no text name/],
  ["imports that are no texts", JSON.stringify({ ...good, imports: [1] }), /no list imports/],
  ["an unknown capability", JSON.stringify({ ...good, capabilities: ["__proto__"] }), /__proto__/],
  ["a short hash", JSON.stringify({ ...good, sha256: "00" }), /no sha256/],
  ["another module's hash", JSON.stringify({ ...good, sha256: "0".repeat(64) }), /hash differs/],
  ["another module's size", JSON.stringify({ ...good, sizeBytes: 9 }), /of a module of 9 bytes/],
  ["more than 64 KiB", " ".repeat(70_000), /more than 65536/],
] as const)
  test(`readManifest() refuses ${what}`, (t) => {
    t.throws(() => readManifest(withText(text)), { code: "ERR_FILTER_MANIFEST", message });
  });

test("readManifest() refuses two manifests", (t) => {
  const written = writeManifest(buildFilter(), fields);
  t.throws(() => readManifest(join(written, written.subarray(buildFilter().length))), {
    code: "ERR_FILTER_MANIFEST",
    message: /there twice/,
  });
});
