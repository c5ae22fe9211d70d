/**
 * The part of a rules module that is the same for all rules, in AssemblyScript: reads a request, finds the first rule, acts.
 * Rules are tables in linear memory from `tables` on (table-layout.ts has their form). Nothing is allocated but what the host copies in.
 *
 * A request's parts (host, its last labels, path, its first steps, …) are looked up among the texts of all rules: each becomes a number, 0 for a text that is in no rule.
 * Rules that look at the same parts are one hash table from those numbers to the first such rule (tuple space search, Srinivasan et al. 1999).
 */

@external("env", "proxy_get_header_map_pairs") declare function getPairs(map: u32, data: usize, size: usize): u32;
@external("env", "proxy_get_property") declare function getProperty(path: usize, pathSize: u32, data: usize, size: usize): u32;
@external("env", "proxy_remove_header_map_value") declare function removeHeader(map: u32, name: usize, size: u32): u32;
@external("env", "proxy_replace_header_map_value") declare function replaceHeader(map: u32, name: usize, nameSize: u32, value: usize, valueSize: u32): u32;
@external("env", "proxy_send_local_response") declare function respond(status: u32, details: usize, detailsSize: u32, body: usize, bodySize: u32, headers: usize, headersSize: u32, grpc: i32): u32;
@external("env", "proxy_call_foreign_function") declare function callForeign(name: usize, nameSize: u32, argument: usize, argumentSize: u32, data: usize, size: usize): u32;
@external("env", "proxy_get_current_time_nanoseconds") declare function nowNs(at: usize): u32;
@external("env", "proxy_define_metric") declare function defineMetric(type: u32, name: usize, nameSize: u32, id: usize): u32;
@external("env", "proxy_increment_metric") declare function incrementMetric(id: u32, by: i64): u32;

const tables: usize = 1024;
/** Words of the header of the tables. */
const ARENA = 0, TEXTS = 1, TEXT_MASK = 2, SLOTS = 3, SLOT_COUNT = 4, NUMBERS = 5, HEADERS = 6, HEADER_COUNT = 7, SEEN = 8, SHAPES = 9, SHAPE_COUNT = 10, RULES = 11, RULE_COUNT = 12, FLAGS = 13, SCRATCH = 14, FIXED = 15;
/** Fixed texts: pointer and size each. */
const ROUTE = 0, SAMPLE = 1, ADDRESS = 2, SERVICE = 3, SPIFFE = 4, PORT = 5, CLEAR_ROUTE = 6;
/** Flags. */
const ROUTES = 1, SAMPLES = 2, WANTS_ADDRESS = 4, WANTS_SERVICE = 8, WANTS_SPIFFE = 16, WANTS_PORT = 32;
/** Kinds of slots. */
const HOST = 0, HOST_LABELS = 1, PATH = 2, PATH_STEPS = 3, METHOD = 4, CALLER_SERVICE = 5, CALLER_SPIFFE = 6, SOURCE4 = 7, SOURCE6 = 8, ASKED_PORT = 9;
/** Acts of a rule. */
const DENY = 1, COUNT = 2, LIMIT = 4, MARK = 8, REROUTE = 16;
/** Bytes of a rule. */
const RULE_BYTES = 80;

let arena: usize = 0;
let hostAt: usize = 0, hostSize: u32 = 0;
let pathAt: usize = 0, pathSize: u32 = 0;
let methodAt: usize = 0, methodSize: u32 = 0;

@inline function word(index: u32): u32 {
  return load<u32>(tables + (index << 2));
}
@inline function fixedAt(index: u32): usize {
  return word(FIXED + 2 * index);
}
@inline function fixedSize(index: u32): u32 {
  return word(FIXED + 2 * index + 1);
}

export function proxy_abi_version_0_2_1(): void {}

/** Room for what the host copies in; all of it is free again when the next request begins. */
export function malloc(size: u32): usize {
  const at = arena == 0 ? (word(ARENA) as usize) : arena;
  const end = (at as u64) + (size as u64) + 7;
  const have = (memory.size() as u64) << 16;
  if (end > have && memory.grow(((end - have + 0xffff) >> 16) as i32) < 0) return 0;
  arena = ((end as usize) >> 3) << 3;
  return at;
}

export function proxy_on_configure(root: u32, size: u32): u32 {
  const scratch = word(SCRATCH) as usize;
  for (let index: u32 = 0, rule = word(RULES) as usize; index < word(RULE_COUNT); index++, rule += RULE_BYTES) {
    if (!(load<u32>(rule) & COUNT)) continue;
    if (defineMetric(0, load<u32>(rule, 12), load<u32>(rule, 16), scratch) != 0) return 0;
    store<u32>(rule, load<u32>(scratch), 8);
  }
  return 1;
}

@inline function mixed(hash: u32): u32 {
  return hash ^ (hash >>> 15);
}

/** A text's number, 0 for one that is in no rule. `tag` says which part it is. */
function numberOf(tag: u32, at: usize, size: u32): u32 {
  let hash: u32 = 2166136261 ^ (tag * 0x9e3779b1);
  for (let end = at + size, p = at; p < end; p++) hash = (hash ^ load<u8>(p)) * 16777619;
  hash = mixed(hash);
  const texts = word(TEXTS) as usize, mask = word(TEXT_MASK);
  let index = hash & mask;
  while (true) {
    const entry = texts + index * 20;
    const number = load<u32>(entry, 16);
    if (number == 0) return 0;
    if (load<u32>(entry) == hash && load<u32>(entry, 4) == tag && load<u32>(entry, 12) == size && memory.compare(load<u32>(entry, 8), at, size) == 0) return number;
    index = (index + 1) & mask;
  }
}

/** A host in lower case, without port and last dot, in place: the bytes are a copy. */
function takeHost(at: usize, size: u32): void {
  let end: u32 = 0;
  if (size > 0 && load<u8>(at) == 0x5b) {
    while (end < size && load<u8>(at + end) != 0x5d) end++;
    end = end < size ? end + 1 : size;
  } else while (end < size && load<u8>(at + end) != 0x3a) end++;
  for (let index: u32 = 0; index < end; index++) {
    const byte = load<u8>(at + index);
    if (byte >= 0x41 && byte <= 0x5a) store<u8>(at + index, byte | 0x20);
  }
  if (end > 0 && load<u8>(at + end - 1) == 0x2e) end--;
  hostAt = at;
  hostSize = end;
}

function takePath(at: usize, size: u32): void {
  let end: u32 = 0;
  while (end < size && load<u8>(at + end) != 0x3f && load<u8>(at + end) != 0x23) end++;
  pathAt = at;
  pathSize = end;
}

/** Where the first steps of the path end; −1 when it has fewer. */
function stepsEnd(steps: u32): i32 {
  if (pathSize == 0 || load<u8>(pathAt) != 0x2f) return -1;
  let end: u32 = 0;
  for (let step: u32 = 0; step < steps; step++) {
    if (end >= pathSize) return -1;
    do end++;
    while (end < pathSize && load<u8>(pathAt + end) != 0x2f);
  }
  return end;
}

/** Where the last labels of the host begin; −1 when it has no more than these. */
function labelsStart(labels: u32): i32 {
  let start: i32 = hostSize;
  for (let label: u32 = 0; label < labels; label++) {
    if (start <= 0) return -1;
    do start--;
    while (start >= 0 && load<u8>(hostAt + start) != 0x2e);
  }
  return start <= 0 ? -1 : start + 1;
}

@inline function property(text: u32): bool {
  const scratch = word(SCRATCH) as usize;
  return getProperty(fixedAt(text), fixedSize(text), scratch, scratch + 4) == 0;
}

/** Reads a dotted address to `to`. */
function parseIpv4(at: usize, end: usize, to: usize): bool {
  for (let part = 0; part < 4; part++) {
    let value: u32 = 0, digits = 0;
    for (; at < end; at++, digits++) {
      const digit = (load<u8>(at) as u32) - 0x30;
      if (digit > 9) break;
      value = value * 10 + digit;
    }
    if (digits == 0 || digits > 3 || value > 255) return false;
    store<u8>(to + part, value as u8);
    if (part < 3) {
      if (at >= end || load<u8>(at) != 0x2e) return false;
      at++;
    }
  }
  return at == end;
}

/** Reads an address in RFC 4291's form to `to`. */
function parseIpv6(at: usize, end: usize, to: usize): bool {
  let filled: u32 = 0;
  let gap: i32 = -1;
  if (at + 1 < end && load<u8>(at) == 0x3a && load<u8>(at + 1) == 0x3a) {
    gap = 0;
    at += 2;
  }
  while (at < end) {
    if (filled >= 16) return false;
    const start = at;
    let value: u32 = 0, digits = 0;
    for (; at < end; at++, digits++) {
      const byte = load<u8>(at) as u32;
      const lower = byte | 0x20;
      if (byte >= 0x30 && byte <= 0x39) value = (value << 4) | (byte - 0x30);
      else if (lower >= 0x61 && lower <= 0x66) value = (value << 4) | (lower - 0x57);
      else break;
    }
    if (at < end && load<u8>(at) == 0x2e) {
      if (filled > 12 || !parseIpv4(start, end, to + filled)) return false;
      filled += 4;
      at = end;
      break;
    }
    if (digits == 0 || digits > 4) return false;
    store<u8>(to + filled, (value >> 8) as u8);
    store<u8>(to + filled + 1, value as u8);
    filled += 2;
    if (at == end) break;
    if (load<u8>(at) != 0x3a) return false;
    at++;
    if (at < end && load<u8>(at) == 0x3a) {
      if (gap >= 0) return false;
      gap = filled;
      at++;
    } else if (at == end) return false;
  }
  if (gap < 0) return filled == 16;
  if (filled > 14) return false;
  const moved = filled - gap;
  memory.copy(to + 16 - moved, to + gap, moved);
  memory.fill(to + gap, 0, 16 - filled);
  return true;
}

/** Reads `address:port` or `[address]:port` to `to`. @returns Bytes of the address, 4 or 16; 0 for none. */
function parseAddress(at: usize, size: u32, to: usize): u32 {
  let end = at + size;
  if (size == 0) return 0;
  if (load<u8>(at) == 0x5b) {
    let close = at + 1;
    while (close < end && load<u8>(close) != 0x5d) close++;
    if (close == end) return 0;
    at++;
    end = close;
  } else {
    let colons = 0;
    let last: usize = 0;
    for (let p = at; p < end; p++)
      if (load<u8>(p) == 0x3a) {
        colons++;
        last = p;
      }
    if (colons <= 1) return parseIpv4(at, colons == 1 ? last : end, to) ? 4 : 0;
  }
  if (parseIpv4(at, end, to)) return 4;
  if (!parseIpv6(at, end, to)) return 0;
  // A v4-mapped one is its IPv4 address.
  if (load<u64>(to) == 0 && load<u32>(to, 8) == 0xffff0000) {
    memory.copy(to, to + 12, 4);
    return 4;
  }
  return 16;
}

/** The first bits of an address, then its number. */
function prefixNumber(tag: u32, address: usize, bytes: u32, bits: u32, to: usize): u32 {
  memory.copy(to, address, bytes);
  for (let index: u32 = 0; index < bytes; index++) {
    const left = (bits as i32) - ((index << 3) as i32);
    if (left < 8) store<u8>(to + index, load<u8>(to + index) & (left <= 0 ? 0 : ((0xff00 >> left) as u8)));
  }
  return numberOf(tag, to, bytes);
}

function readHeaders(): bool {
  const scratch = word(SCRATCH) as usize;
  if (getPairs(0, scratch, scratch + 4) != 0) return false;
  const at = load<u32>(scratch) as usize, size = load<u32>(scratch, 4);
  if (size < 4) return true;
  const numbers = word(NUMBERS) as usize, seen = word(SEEN) as usize, headers = word(HEADERS) as usize, own = word(HEADER_COUNT);
  const count = load<u32>(at);
  let sizes = at + 4, text = at + 4 + (count << 3);
  for (let index: u32 = 0; index < count; index++, sizes += 8) {
    const nameSize = load<u32>(sizes), valueSize = load<u32>(sizes, 4);
    const value = text + nameSize + 1;
    const header = numberOf(0, text, nameSize);
    text = value + valueSize + 1;
    // The first of a name counts.
    if (header == 0 || load<u8>(seen + header) != 0) continue;
    store<u8>(seen + header, 1);
    if (header == own + 1) takeHost(value, valueSize);
    else if (header == own + 2) takePath(value, valueSize);
    else if (header == own + 3) {
      methodAt = value;
      methodSize = valueSize;
    } else {
      const record = headers + ((header - 1) << 3);
      const present = load<u32>(record), exact = load<u32>(record, 4);
      if (present != 0) store<u32>(numbers + ((present - 1) << 2), 1);
      if (exact != 0) store<u32>(numbers + ((exact - 1) << 2), numberOf(exact, value, valueSize));
    }
  }
  return true;
}

/** Numbers of all parts of the request. */
function readRequest(): bool {
  const scratch = word(SCRATCH) as usize;
  const numbers = word(NUMBERS) as usize, slots = word(SLOTS) as usize, count = word(SLOT_COUNT), flags = word(FLAGS);
  memory.fill(numbers, 0, count << 2);
  memory.fill(word(SEEN), 0, word(HEADER_COUNT) + 4);
  hostSize = 0;
  pathSize = 0;
  methodSize = 0;
  if (!readHeaders()) return false;
  let addressBytes: u32 = 0;
  let serviceAt: usize = 0, serviceSize: u32 = 0, spiffeAt: usize = 0, spiffeSize: u32 = 0;
  const address = scratch + 16, working = scratch + 32, port = scratch + 48;
  store<u16>(port, 0);
  if (flags & WANTS_ADDRESS && property(ADDRESS)) addressBytes = parseAddress(load<u32>(scratch), load<u32>(scratch, 4), address);
  if (flags & WANTS_SERVICE && property(SERVICE)) {
    serviceAt = load<u32>(scratch);
    serviceSize = load<u32>(scratch, 4);
  }
  if (flags & WANTS_SPIFFE && property(SPIFFE)) {
    spiffeAt = load<u32>(scratch);
    spiffeSize = load<u32>(scratch, 4);
  }
  if (flags & WANTS_PORT && property(PORT) && load<u32>(scratch, 4) == 8) store<u16>(port, load<u16>(load<u32>(scratch)));
  for (let slot: u32 = 0; slot < count; slot++) {
    const kind = load<u32>(slots + (slot << 3)), argument = load<u32>(slots + (slot << 3), 4);
    const tag = slot + 1;
    let number: u32 = 0;
    if (kind == HOST) number = numberOf(tag, hostAt, hostSize);
    else if (kind == HOST_LABELS) {
      const start = labelsStart(argument);
      if (start >= 0) number = numberOf(tag, hostAt + start, hostSize - start);
    } else if (kind == PATH) number = numberOf(tag, pathAt, pathSize);
    else if (kind == PATH_STEPS) {
      const end = stepsEnd(argument);
      if (end >= 0) number = numberOf(tag, pathAt, end);
    } else if (kind == METHOD) number = numberOf(tag, methodAt, methodSize);
    else if (kind == CALLER_SERVICE) number = numberOf(tag, serviceAt, serviceSize);
    else if (kind == CALLER_SPIFFE) number = numberOf(tag, spiffeAt, spiffeSize);
    else if (kind == SOURCE4) number = addressBytes == 4 ? prefixNumber(tag, address, 4, argument, working) : 0;
    else if (kind == SOURCE6) number = addressBytes == 16 ? prefixNumber(tag, address, 16, argument, working) : 0;
    else if (kind == ASKED_PORT) number = numberOf(tag, port, 2);
    else continue; // headers have theirs already
    store<u32>(numbers + (slot << 2), number);
  }
  return true;
}

/** The first rule that matches. */
function firstRule(): u32 {
  const numbers = word(NUMBERS) as usize;
  let best = word(RULE_COUNT) - 1;
  for (let index: u32 = 0, shape = word(SHAPES) as usize; index < word(SHAPE_COUNT); index++, shape += 20) {
    if (load<u32>(shape, 16) >= best) break;
    const count = load<u32>(shape), slots = load<u32>(shape, 4) as usize, rows = load<u32>(shape, 8) as usize, mask = load<u32>(shape, 12);
    let hash: u32 = 0, field: u32 = 0;
    for (; field < count; field++) {
      const number = load<u32>(numbers + (load<u32>(slots + (field << 2)) << 2));
      if (number == 0) break;
      hash = mixed((hash ^ number) * 0x9e3779b1);
    }
    if (field < count) continue;
    const stride = (count + 1) << 2;
    for (let row = hash & mask; ; row = (row + 1) & mask) {
      const entry = rows + row * stride;
      const rule = load<u32>(entry);
      if (rule == 0) break;
      for (field = 0; field < count; field++)
        if (load<u32>(entry + ((field + 1) << 2)) != load<u32>(numbers + (load<u32>(slots + (field << 2)) << 2))) break;
      if (field < count) continue;
      if (rule - 1 < best) best = rule - 1;
      break;
    }
  }
  return best;
}

function refuse(rule: usize, status: u32): u32 {
  respond(status, load<u32>(rule, 12), load<u32>(rule, 16), 0, 0, 0, 0, -1);
  return 1;
}

export function proxy_on_request_headers(context: u32, count: u32, last: u32): u32 {
  arena = word(ARENA);
  const flags = word(FLAGS), scratch = word(SCRATCH) as usize;
  // A client does not route or sample itself.
  if (flags & ROUTES) removeHeader(0, fixedAt(ROUTE), fixedSize(ROUTE));
  if (flags & SAMPLES) removeHeader(0, fixedAt(SAMPLE), fixedSize(SAMPLE));
  // What cannot be read cannot be judged.
  if (!readRequest()) unreachable();
  const rule = (word(RULES) as usize) + firstRule() * RULE_BYTES;
  const acts = load<u32>(rule);
  if (acts & COUNT) incrementMetric(load<u32>(rule, 8), 1);
  if (acts & LIMIT) {
    nowNs(scratch);
    const now = load<u64>(scratch), interval = load<u64>(rule, 40), known = load<u64>(rule, 56);
    const ready = known > now ? known : now;
    if (ready - now > load<u64>(rule, 48)) return refuse(rule, 429);
    store<u64>(rule, ready + interval, 56);
  }
  let marked = false;
  if (acts & MARK) {
    const parts = load<u64>(rule, 72) + load<u64>(rule, 64);
    marked = parts >= 0x100000000;
    store<u64>(rule, parts & 0xffffffff, 72);
  }
  if (acts & DENY) return refuse(rule, load<u32>(rule, 4));
  for (let edit: u32 = 0, at = load<u32>(rule, 20) as usize; edit < load<u32>(rule, 24); edit++, at += 16) {
    const value = load<u32>(at, 8);
    if (value == 0) removeHeader(0, load<u32>(at), load<u32>(at, 4));
    else replaceHeader(0, load<u32>(at), load<u32>(at, 4), value, load<u32>(at, 12));
  }
  // The metric's name is `rules.` and the rule's.
  if (marked) replaceHeader(0, fixedAt(SAMPLE), fixedSize(SAMPLE), load<u32>(rule, 12) + 6, load<u32>(rule, 16) - 6);
  if (acts & REROUTE) {
    replaceHeader(0, fixedAt(ROUTE), fixedSize(ROUTE), load<u32>(rule, 28), load<u32>(rule, 32));
    callForeign(fixedAt(CLEAR_ROUTE), fixedSize(CLEAR_ROUTE), 0, 0, scratch, scratch + 4);
  }
  return 0;
}
