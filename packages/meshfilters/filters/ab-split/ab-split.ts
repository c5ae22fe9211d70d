// ab-split: sends a share of the clients to variant B, always the same ones.
//
// Configuration: "20" is 20 of 100 clients. A client is told by the cookie `client`, or by its address; the variant goes to the service as x-variant and
// back to the client as a cookie, which keeps it there when the share changes.
export * from "@gcoredev/proxy-wasm-sdk-as/assembly/proxy";

import {
  Context,
  FilterHeadersStatusValues,
  get_property,
  RootContext,
  registerRootContext,
  stream_context,
} from "@gcoredev/proxy-wasm-sdk-as/assembly";

class Root extends RootContext {
  share: u32 = 0;

  onConfigure(size: u32): bool {
    if (!super.onConfigure(size)) return false;
    const share = Number.parseInt(this.getConfiguration(), 10);
    if (!(share >= 0 && share <= 100)) return false;
    this.share = <u32>share;
    return true;
  }

  createContext(id: u32): Context {
    return new Stream(id, this);
  }
}

/** A cookie's value; empty for none. */
function cookie(name: string): string {
  const all = stream_context.headers.request.get("cookie").split(";");
  for (let at = 0; at < all.length; at++) {
    const one = all[at].trim();
    if (one.startsWith(name + "=")) return one.slice(name.length + 1);
  }
  return "";
}

/** FNV-1a, 32 bits. */
function hash(text: string): u32 {
  const bytes = Uint8Array.wrap(String.UTF8.encode(text));
  let sum: u32 = 0x811c9dc5;
  for (let at = 0; at < bytes.length; at++) sum = (sum ^ bytes[at]) * 0x01000193;
  return sum;
}

class Stream extends Context {
  variant: string = "a";
  known: bool = false;

  constructor(
    id: u32,
    private root: Root,
  ) {
    super(id, root);
  }

  onRequestHeaders(_headers: u32, _end: bool): FilterHeadersStatusValues {
    const chosen = cookie("variant");
    this.known = chosen == "a" || chosen == "b";
    if (this.known) this.variant = chosen;
    else {
      let client = cookie("client");
      // Parts of a property's name have a zero between them.
      if (client.length == 0) client = String.UTF8.decode(get_property("source\0address")).split(":")[0];
      this.variant = hash(client) % 100 < this.root.share ? "b" : "a";
    }
    stream_context.headers.request.replace("x-variant", this.variant);
    return FilterHeadersStatusValues.Continue;
  }

  onResponseHeaders(_headers: u32, _end: bool): FilterHeadersStatusValues {
    if (!this.known) stream_context.headers.response.add("set-cookie", "variant=" + this.variant + "; Path=/; SameSite=Lax");
    return FilterHeadersStatusValues.Continue;
  }
}

registerRootContext((id: u32) => new Root(id), "");
