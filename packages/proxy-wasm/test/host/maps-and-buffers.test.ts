import test from "ava";
import { CallbackData, fixedBytes } from "../../src/host/callback-data.ts";
import { bufferType, decodePairs, encodePairs, FieldList, mapType, status } from "../../src/mod.ts";
import { Guest } from "./guest.ts";

test("proxy_get_header_map_value gives the first value, whatever the name's case, in memory of exactly its length", (t) => {
  const guest = new Guest();
  guest.stream.fields(mapType.requestHeaders)!.add("x-two", "a");
  guest.stream.fields(mapType.requestHeaders)!.add("x-two", "b");
  t.is(guest.read("proxy_get_header_map_value", 0, ...guest.put("User-Agent")), "curl/7.88.1");
  t.deepEqual(guest.allocations, ["curl/7.88.1".length]);
  t.is(guest.read("proxy_get_header_map_value", 0, ...guest.put("x-two")), "a");
});

test("proxy_get_header_map_value of a missing field: notFound, and in ABI 0.1.0 an empty value", (t) => {
  t.is(new Guest().read("proxy_get_header_map_value", 0, ...new Guest().put("nope")), status.notFound);
  const old = new Guest({ abi: "0.1.0" });
  t.is(old.read("proxy_get_header_map_value", 0, ...old.put("nope")), "");
  t.deepEqual(old.allocations, []);
});

test("maps that are not at hand: single values and sizes are bad arguments, pairs are empty; a map beyond the last is a bad argument (Envoy 1.40)", (t) => {
  const guest = new Guest();
  for (const map of [1, 2, 3, 4, 6]) {
    t.is(guest.read("proxy_get_header_map_value", map, ...guest.put("a")), status.badArgument);
    t.is(guest.call("proxy_add_header_map_value", map, ...guest.put("a"), ...guest.put("b")), status.badArgument);
    t.is(guest.call("proxy_get_header_map_size", map, guest.word()), status.badArgument);
    t.is(guest.read("proxy_get_header_map_pairs", map), "");
  }
  for (const map of [8, 9, -1, 0x7fff_ffff]) t.is(guest.read("proxy_get_header_map_pairs", map), status.badArgument);
  for (const map of [8, -1]) t.is(guest.read("proxy_get_header_map_value", map, ...guest.put("a")), status.badArgument);
});

test("proxy_add_, proxy_replace_ and proxy_remove_header_map_value lower names, keep order, collapse and remove all", (t) => {
  const guest = new Guest();
  const fields = guest.stream.fields(mapType.requestHeaders)!;
  t.is(guest.call("proxy_add_header_map_value", 0, ...guest.put("X-Two"), ...guest.put("a")), status.ok);
  t.is(guest.call("proxy_add_header_map_value", 0, ...guest.put("x-two"), ...guest.put("")), status.ok);
  t.deepEqual(fields.pairs().slice(-2), [
    ["x-two", "a"],
    ["x-two", ""],
  ]);
  t.is(guest.call("proxy_replace_header_map_value", 0, ...guest.put("X-TWO"), ...guest.put("c")), status.ok);
  t.deepEqual(fields.pairs().slice(-2), [
    ["user-agent", "curl/7.88.1"],
    ["x-two", "c"],
  ]);
  t.is(guest.call("proxy_replace_header_map_value", 0, ...guest.put("x-new"), ...guest.put("1")), status.ok);
  t.is(guest.call("proxy_remove_header_map_value", 0, ...guest.put("X-Two")), status.ok);
  t.is(guest.call("proxy_remove_header_map_value", 0, ...guest.put("nope")), status.ok);
  t.deepEqual(fields.pairs().at(-1), ["x-new", "1"]);
});

test("a value's CR, LF and NUL become spaces, and a name that is none is a bad argument, in single fields and in pairs (RFC 9110 §5.5)", (t) => {
  const guest = new Guest();
  const fields = guest.stream.fields(mapType.requestHeaders)!;
  t.is(guest.call("proxy_add_header_map_value", 0, ...guest.put("x-nl"), ...guest.put("a\r\nb: c")), status.ok);
  t.is(fields.get("x-nl"), "a  b: c");
  for (const name of ["", "a b", "a\r\nb", "x:y"]) {
    t.is(guest.call("proxy_add_header_map_value", 0, ...guest.put(name), ...guest.put("b")), status.badArgument);
    t.is(guest.call("proxy_set_header_map_pairs", 0, ...guest.put([[name, "b"]])), status.badArgument);
  }
  t.is(guest.call("proxy_set_header_map_pairs", 0, ...guest.put([["X-One", "a\nb"]])), status.ok);
  t.deepEqual(fields.pairs(), [["x-one", "a b"]]);
});

test("bytes beyond ASCII pass through names' values unchanged, byte for byte", (t) => {
  const guest = new Guest();
  guest.call("proxy_add_header_map_value", 0, ...guest.put("x-utf8"), ...guest.put("grün"));
  t.is(guest.stream.fields(mapType.requestHeaders)!.get("x-utf8"), Buffer.from("grün").toString("latin1"));
  t.is(guest.readBytes("proxy_get_header_map_value", 0, ...guest.put("x-utf8")).toString(), "grün");
  const long = "ü".repeat(300);
  guest.call("proxy_replace_header_map_value", 0, ...guest.put("x-utf8"), ...guest.put(long));
  t.is(guest.readBytes("proxy_get_header_map_value", 0, ...guest.put("x-utf8")).toString(), long);
});

test("texts that fall into one slot of the cache are told apart", (t) => {
  const guest = new Guest();
  // Length, first, last, middle and quarter byte are the same, which is all that a slot is chosen by.
  for (const name of ["x-abcdefg-1xyz", "x-abzdefg-1xyz", "x-abcdefq-2xyz", "x-abcdefg-1xyz", "X-abcdefg-1xyz"]) {
    guest.call("proxy_replace_header_map_value", 0, ...guest.put(name), ...guest.put(name));
    t.is(guest.read("proxy_get_header_map_value", 0, ...guest.put(name)), name);
  }
  const names = guest.stream
    .fields(mapType.requestHeaders)!
    .pairs()
    .map(([name]) => name);
  t.deepEqual(names.slice(-3), ["x-abcdefg-1xyz", "x-abzdefg-1xyz", "x-abcdefq-2xyz"]);
});

test("proxy_get_header_map_pairs is the serialised map, its size is what Envoy says it is", (t) => {
  const guest = new Guest();
  const pairs = guest.stream.fields(mapType.requestHeaders)!.pairs();
  t.deepEqual(decodePairs(guest.readBytes("proxy_get_header_map_pairs", 0)), [...pairs]);
  const size = guest.word();
  t.is(guest.call("proxy_get_header_map_size", 0, size), status.ok);
  t.is(
    guest.u32(size),
    pairs.reduce((sum, [name, value]) => sum + name.length + value.length, 0),
  );
});

test("proxy_set_header_map_pairs replaces all, and changes nothing for bytes that are no map", (t) => {
  const guest = new Guest();
  const fields = guest.stream.fields(mapType.requestHeaders)!;
  const before = [...fields.pairs()];
  const bad = Buffer.concat([encodePairs([["a", "b"]]), Uint8Array.of(0)]);
  t.is(guest.call("proxy_set_header_map_pairs", 0, ...guest.put(bad)), status.badArgument);
  t.deepEqual(fields.pairs(), before);
  t.is(guest.call("proxy_set_header_map_pairs", 0, ...guest.put([["a", "b"]])), status.ok);
  t.deepEqual(fields.pairs(), [["a", "b"]]);
});

test("a map that was sent on, and every map in proxy_on_log, can be read but not changed", (t) => {
  const guest = new Guest();
  guest.stream.maps.set(mapType.requestHeaders, new FieldList([["a", "b"]], true));
  const writes: readonly (() => number)[] = [
    () => guest.call("proxy_add_header_map_value", 0, ...guest.put("x"), ...guest.put("y")),
    () => guest.call("proxy_replace_header_map_value", 0, ...guest.put("x"), ...guest.put("y")),
    () => guest.call("proxy_remove_header_map_value", 0, ...guest.put("a")),
    () => guest.call("proxy_set_header_map_pairs", 0, ...guest.put([["x", "y"]])),
  ];
  for (const write of writes) t.is(write(), status.badArgument);
  guest.stream.maps.set(mapType.requestHeaders, new FieldList([["a", "b"]]));
  guest.vm.effective.readOnly = true;
  for (const write of writes) t.is(write(), status.badArgument);
  t.is(guest.read("proxy_get_header_map_value", 0, ...guest.put("a")), "b");
});

test("what a filter writes into the maps of one stream is bounded by limits.mapBytes", (t) => {
  const guest = new Guest({ limits: { mapBytes: 100 } });
  const add = () => guest.call("proxy_add_header_map_value", 0, ...guest.put("x".repeat(10)), ...guest.put("y".repeat(30)));
  t.deepEqual([add(), add(), add()], [status.ok, status.ok, status.badArgument]);
  t.is(guest.read("proxy_get_header_map_pairs", 0), status.internalFailure);
  guest.inStream();
  t.is(add(), status.ok);
});

test("pointers out of memory are invalidMemoryAccess, before anything is done", (t) => {
  const guest = new Guest();
  const size = guest.bytes.length;
  const fields = guest.stream.fields(mapType.requestHeaders)!;
  const before = [...fields.pairs()];
  for (const [at, length] of [
    [0xfffffff0 | 0, 5],
    [size - 1, 2],
    [0, size + 1],
    [-1, -1],
    [size + 1, 0],
  ] as const) {
    t.is(guest.call("proxy_add_header_map_value", 0, at, length, ...guest.put("y")), status.invalidMemoryAccess);
    t.is(guest.call("proxy_add_header_map_value", 0, ...guest.put("x"), at, length), status.invalidMemoryAccess);
    t.is(guest.call("proxy_set_header_map_pairs", 0, at, length), status.invalidMemoryAccess);
  }
  for (const at of [size - 3, -4, size]) {
    t.is(guest.call("proxy_get_header_map_value", 0, ...guest.put("user-agent"), guest.word(), at), status.invalidMemoryAccess);
    t.is(guest.call("proxy_get_header_map_value", 0, ...guest.put("user-agent"), at, guest.word()), status.invalidMemoryAccess);
    t.is(guest.call("proxy_get_header_map_size", 0, at), status.invalidMemoryAccess);
  }
  t.deepEqual(guest.allocations, []);
  t.deepEqual(fields.pairs(), before);
});

test("an allocator that gives nothing, or a place out of memory, is invalidMemoryAccess", (t) => {
  const guest = new Guest();
  guest.full = true;
  t.is(guest.read("proxy_get_header_map_value", 0, ...guest.put("user-agent")), status.invalidMemoryAccess);
  t.is(guest.read("proxy_get_buffer_bytes", 6, 0, 100), status.invalidMemoryAccess);
  const odd = new Guest();
  odd.allocate = () => 0xffff_fff0;
  t.is(odd.read("proxy_get_header_map_value", 0, ...odd.put("user-agent")), status.invalidMemoryAccess);
});

test("proxy_get_buffer_bytes is clipped at both ends, and never of another memory than the buffer's", (t) => {
  const guest = new Guest();
  guest.stream.setBody(bufferType.requestBody, "0123456789");
  t.is(guest.read("proxy_get_buffer_bytes", 0, 0, 4), "0123");
  t.is(guest.read("proxy_get_buffer_bytes", 0, 8, 100), "89");
  t.is(guest.read("proxy_get_buffer_bytes", 0, 10, -1), "");
  t.is(guest.read("proxy_get_buffer_bytes", 0, 100, 1), "");
  t.is(guest.read("proxy_get_buffer_bytes", 0, 5, -1), "56789");
  const [size, flags] = [guest.word(0), guest.word(1)];
  t.is(guest.call("proxy_get_buffer_status", 0, size, flags), status.ok);
  t.deepEqual([guest.u32(size), guest.u32(flags)], [10, 0]);
});

test("buffers that are not at hand: bodies and arguments are empty, others notFound, beyond the last badArgument (Envoy 1.40)", (t) => {
  const guest = new Guest();
  for (const type of [0, 1, 2, 3, 8]) t.is(guest.read("proxy_get_buffer_bytes", type, 0, 10), "", `${type}`);
  for (const type of [4, 5, 7]) t.is(guest.read("proxy_get_buffer_bytes", type, 0, 10), status.notFound, `${type}`);
  for (const type of [9, -1]) {
    t.is(guest.read("proxy_get_buffer_bytes", type, 0, 10), status.badArgument);
    t.is(guest.call("proxy_get_buffer_status", type, guest.word(0), guest.word(1)), status.badArgument);
    t.is(guest.call("proxy_set_buffer_bytes", type, 0, 0, ...guest.put("x")), status.badArgument);
  }
  t.is(guest.read("proxy_get_buffer_bytes", bufferType.vmConfiguration, 0, 100), "vm-config");
  guest.inRoot();
  t.is(guest.read("proxy_get_buffer_bytes", 0, 0, 10), status.notFound);
});

test("proxy_set_buffer_bytes prepends, replaces, appends, and cuts in the middle (v0.2.1)", (t) => {
  const guest = new Guest();
  const body = guest.stream.setBody(bufferType.responseBody, "hello");
  const set = (start: number, length: number, text: string) => guest.call("proxy_set_buffer_bytes", 1, start, length, ...guest.put(text));
  const text = () => Buffer.from(body.bytes).toString();
  t.is(set(0, 0, ">"), status.ok);
  t.is(text(), ">hello");
  t.is(set(6, 0, "<"), status.ok);
  t.is(text(), ">hello<");
  t.is(set(2, 2, "u"), status.ok);
  t.is(text(), ">hulo<");
  t.is(set(-1, -1, "!"), status.ok);
  t.is(text(), ">hulo<!");
  t.is(set(0, -1, "new"), status.ok);
  t.is(text(), "new");
  t.is(set(0, 3, ""), status.ok);
  t.is(text(), "");
});

test("proxy_set_buffer_bytes refuses what cannot be changed, and a body beyond limits.bodyBytes that grows", (t) => {
  const guest = new Guest({ limits: { bodyBytes: 8 } });
  t.is(guest.call("proxy_set_buffer_bytes", 6, 0, 100, ...guest.put("x")), status.badArgument);
  t.is(guest.call("proxy_set_buffer_bytes", 0, 0, 0, ...guest.put("x")), status.badArgument);
  const body = guest.stream.setBody(bufferType.requestBody, "0123456789");
  t.is(guest.call("proxy_set_buffer_bytes", 0, 0, 0, ...guest.put("x")), status.badArgument);
  t.is(guest.call("proxy_set_buffer_bytes", 0, 0, 2, ...guest.put("x")), status.ok);
  t.is(Buffer.from(body.bytes).toString(), "x23456789");
  t.is(guest.call("proxy_set_buffer_bytes", 0, 0, 0, -8, 100), status.invalidMemoryAccess);
  guest.vm.effective.readOnly = true;
  t.is(guest.call("proxy_set_buffer_bytes", 0, 0, 2, ...guest.put("x")), status.badArgument);
});

test("what a callback brings along is at hand while it runs: maps and body of a call, configuration", (t) => {
  const guest = new Guest();
  const maps = { [mapType.httpCallResponseHeaders]: new FieldList([[":status", "504"]], true) };
  guest.inRoot(new CallbackData(maps, { [bufferType.httpCallResponseBody]: fixedBytes(Buffer.from("late")) }, 11, "reset"));
  t.is(guest.read("proxy_get_header_map_value", 6, ...guest.put(":status")), "504");
  t.is(guest.call("proxy_add_header_map_value", 6, ...guest.put("x"), ...guest.put("y")), status.badArgument);
  t.is(guest.read("proxy_get_buffer_bytes", 4, 0, 100), "late");
  const code = guest.word(2);
  t.is(guest.read("proxy_get_status", code), "reset");
  t.is(guest.u32(code), 11);
  t.is(guest.read("proxy_get_configuration"), "vm-config");
  guest.inRoot(new CallbackData({}, { [bufferType.pluginConfiguration]: fixedBytes(Buffer.from("mine")) }));
  t.is(guest.read("proxy_get_configuration"), "mine");
  t.is(guest.read("proxy_get_status", code), "");
  t.is(guest.u32(code), 0);
});

test("without the capabilities trailers, body and tcp their maps and buffers are unimplemented, and counted", (t) => {
  const guest = new Guest({ capabilities: [] });
  guest.stream.maps.set(mapType.requestTrailers, new FieldList([["a", "b"]]));
  guest.stream.setBody(bufferType.requestBody, "secret");
  t.is(guest.read("proxy_get_header_map_value", 1, ...guest.put("a")), status.unimplemented);
  t.is(guest.call("proxy_add_header_map_value", 1, ...guest.put("a"), ...guest.put("b")), status.unimplemented);
  t.is(guest.read("proxy_get_buffer_bytes", 0, 0, 10), status.unimplemented);
  t.is(guest.read("proxy_get_buffer_bytes", 2, 0, 10), status.unimplemented);
  t.is(guest.call("proxy_set_buffer_bytes", 0, 0, 0, ...guest.put("x")), status.unimplemented);
  t.is(guest.vm.denied, 5);
  t.is(guest.read("proxy_get_header_map_value", 0, ...guest.put("user-agent")), "curl/7.88.1");
  t.is(guest.read("proxy_get_buffer_bytes", 6, 0, 10), "vm-config");
});
