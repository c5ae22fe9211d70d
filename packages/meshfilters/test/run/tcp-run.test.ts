/** Connections through a filter. @module */
import { defaultLimits } from "@mitsu/proxy-wasm";
import test from "ava";
import { casesOf } from "../../src/run/cases.ts";
import { runCase } from "../../src/run/run-case.ts";
import type { TcpStepForm } from "../../src/run/test-file.ts";
import { watFilter } from "./wat-filter.ts";

async function ran(callbacks: string, connection: readonly TcpStepForm[], text = "") {
  const [one] = casesOf({ tests: [{ name: "test", connection }] });
  const [step] = runCase(await watFilter(callbacks, text), "test", one!, defaultLimits).steps;
  return {
    ...step!.tcp!,
    toServer: Buffer.from(step!.tcp!.toServer).toString(),
    toClient: Buffer.from(step!.tcp!.toClient).toString(),
    logs: step!.logs,
  };
}

test("what is stopped is kept until there is enough", async (t) => {
  const least =
    '(func (export "proxy_on_downstream_data") (param i32 i32 i32) (result i32) (i32.and (i32.lt_u (local.get 1) (i32.const 4)) (i32.eqz (local.get 2))))';
  t.like(await ran(least, [{ client: "ab" }, { server: "hi" }, { client: "cd" }]), { toServer: "abcd", toClient: "hi", held: null });
  const always = '(func (export "proxy_on_downstream_data") (param i32 i32 i32) (result i32) i32.const 1)';
  t.like(await ran(always, [{ client: "ab" }]), { toServer: "", held: "client" });
});

test("data can be replaced, and a side that closes is told", async (t) => {
  const callbacks = `(func (export "proxy_on_upstream_data") (param i32 i32 i32) (result i32)
      (if (local.get 1) (then (drop (call $set_buffer (i32.const 3) (i32.const 0) (local.get 1) (i32.const 16) (i32.const 3))))) i32.const 0)
    (func (export "proxy_on_upstream_connection_close") (param i32 i32)
      (i32.store8 (i32.const 0) (i32.add (i32.const 48) (local.get 1))) (drop (call $log (i32.const 2) (i32.const 0) (i32.const 1))))`;
  const byServer = await ran(callbacks, [{ server: "secret" }, { close: "server" }], "***");
  t.like(byServer, { toClient: "***" });
  t.is(byServer.logs[0]!.text, "2", "remote");
  t.is((await ran(callbacks, [{ client: "a" }], "***")).logs[0]!.text, "1", "local");
});

test("a connection that the filter stops at its beginning carries nothing; one that it closes ends", async (t) => {
  const stop = '(func (export "proxy_on_new_connection") (param i32) (result i32) i32.const 1)';
  t.like(await ran(stop, [{ client: "a" }]), { toServer: "", held: "client" });
  const close =
    '(func (export "proxy_on_downstream_data") (param i32 i32 i32) (result i32) (drop (call $close (i32.const 2))) i32.const 0)';
  t.like(await ran(close, [{ client: "a" }, { client: "b" }]), { toServer: "a", closed: true });
});
