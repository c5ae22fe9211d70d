#!/usr/bin/env bash
# A long run at 100 000 messages a second: whether mqttnic's memory stays, and whether every message of QoS 1 arrives once and in order.
# Method: bench/README.md.
# shellcheck source-path=SCRIPTDIR
set -uo pipefail

usage() {
  cat <<'HELP'
mqtt-soak.sh: 100 000 messages a second for ten minutes, each with a sequence number that is checked

usage: bench/mqtt-soak.sh [options]

  --minutes N     how long (default 10)
  --seconds N     the same in seconds, for a smoke run
  --rate N        messages a second, published and delivered (default 100000)
  --qos N         0, 1 or 2 (default 1)
  --modes LIST    of mosquitto,aedes,mqttnic, one after another (default mqttnic)
  --data-plane NAME   mqttnic's: auto, epoll or net (default auto)
  --out DIR       where mqtt-soak-<date>.json goes (default bench/out)
  --json          the report as JSON on stdout instead of text
  --strict        exit 1 when a target is missed or could not be measured
  --help

Ten publishers with a topic each, and a subscriber to each; at most 1000 messages of one are unacknowledged.

examples:
  bench/mqtt-soak.sh --minutes 10
  bench/mqtt-soak.sh --seconds 5 --modes mosquitto,mqttnic --rate 20000

Needs root, gcc, iproute2.
HELP
}

reps=1 seconds=600 quick=no strict=no json=no rate=100000 qos=1 plane=auto
modes=mqttnic
bench=mqtt-soak
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")
out="$here/out"

while (($#)); do
  case $1 in
    --minutes) seconds=$((${2:?} * 60)); shift ;;
    --seconds) seconds=${2:?}; shift ;;
    --rate) rate=${2:?}; shift ;;
    --qos) qos=${2:?}; shift ;;
    --modes) modes=${2:?}; shift ;;
    --data-plane) plane=${2:?}; shift ;;
    --out) out=${2:?}; shift ;;
    --json) json=yes ;;
    --strict) strict=yes ;;
    --help | -h) usage; exit 0 ;;
    *) printf 'mqtt-soak: unknown option %s; see --help\n' "$1" >&2; exit 64 ;;
  esac
  shift
done

# shellcheck source=lib/run.sh
source "$here/lib/run.sh"
# shellcheck source=lib/processes.sh
source "$here/lib/processes.sh"
# shellcheck source=lib/sockhijack.sh
source "$here/lib/sockhijack.sh"
# shellcheck source=lib/mqtt-brokers.sh
source "$here/lib/mqtt-brokers.sh"
data_plane=$plane
# shellcheck source=lib/mqtt-holding.sh
source "$here/lib/mqtt-holding.sh"

begin gcc ip taskset nsenter
compile_mqtt
make_namespace one && loopback=$made
for mode in mosquitto aedes mqttnic; do
  [[ ,$modes, == *,$mode,* ]] || continue
  if can_have_broker "$mode"; then available+=("$mode"); else absent+=("$mode"); fi
done
say_absent
((${#available[@]} > 0)) || die "no broker to measure"
patience=$((seconds + 60))
for mode in "${available[@]}"; do
  hold "$mode" soak --publishers 10 --subscribers 10 --qos "$qos" --rate "$rate" --window 1000 --seconds "$seconds" --warm-up 2
done
touch "$raw"
report_mqtt mqtt-soak
