#!/usr/bin/env bash
# What many connections, retained messages and subscriptions cost mqttnic, beside mosquitto and aedes. Method: bench/README.md.
# shellcheck source-path=SCRIPTDIR
set -uo pipefail

usage() {
  cat <<'HELP'
mqtt-capacity.sh: 20 000 idle connections, a million retained messages, 100 000 wildcard subscriptions

usage: bench/mqtt-capacity.sh [options]

  --quick         a tenth of everything; indicative only
  --seconds N     length of each of the two matching loads (default 3)
  --modes LIST    of mosquitto,aedes,mqttnic (default all)
  --phases LIST   of idle,retain,subscriptions,match (default all)
  --data-plane NAME   mqttnic's: auto, epoll or net (default auto)
  --out DIR       where mqtt-capacity-<date>.json goes (default bench/out)
  --json          the report as JSON on stdout instead of text
  --strict        exit 1 when a target is missed or could not be measured
  --help

phases:
  idle           connections that say nothing, bare and with one subscription: the broker's resident set before and after
  retain         retained messages of 64 bytes, each acknowledged: the resident set; some are asked for again
  subscriptions  wildcard filters of 100 sessions that stay, in a store: a publish's CPU time with them, then a start with them
  match          mqttnic's own look-up, from inside: packages/mqttnic/test/broker/match-rate.ts

examples:
  bench/mqtt-capacity.sh                               everything, about 5 minutes
  bench/mqtt-capacity.sh --quick
  bench/mqtt-capacity.sh --phases idle --modes mosquitto,mqttnic

Each phase has a broker of its own, started for it. Needs root, mosquitto, gcc, iproute2.
HELP
}

reps=1 seconds=3 quick=no strict=no json=no plane=auto
modes=mosquitto,aedes,mqttnic
phases=idle,retain,subscriptions,match
connections=20000 retained=1000000 subscriptions=100000
bench=mqtt-capacity
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")
out="$here/out"

while (($#)); do
  case $1 in
    --quick) quick=yes connections=2000 retained=100000 subscriptions=10000 seconds=1 ;;
    --seconds) seconds=${2:?}; shift ;;
    --modes) modes=${2:?}; shift ;;
    --phases) phases=${2:?}; shift ;;
    --data-plane) plane=${2:?}; shift ;;
    --out) out=${2:?}; shift ;;
    --json) json=yes ;;
    --strict) strict=yes ;;
    --help | -h) usage; exit 0 ;;
    *) printf 'mqtt-capacity: unknown option %s; see --help\n' "$1" >&2; exit 64 ;;
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
# Broker and generator need a file for each connection. Where no more are allowed, a few are left for the rest of what they open.
files=$(ulimit -Hn)
[[ $files != unlimited ]] && ((files < 100000)) || files=100000
ulimit -Sn "$files"
if ((connections > files - 200)); then
  connections=$((files - 200))
  say "$bench: $connections idle connections, not more: a program may have $files open files (ulimit -Hn)"
fi
compile_mqtt
make_namespace one && loopback=$made
for mode in mosquitto aedes mqttnic; do
  [[ ,$modes, == *,$mode,* ]] || continue
  if can_have_broker "$mode"; then available+=("$mode"); else absent+=("$mode"); fi
done
say_absent
((${#available[@]} > 0)) || die "no broker to measure"

for mode in "${available[@]}"; do
  wanted idle && hold "$mode" idle --count "$connections" && hold "$mode" idle --count "$connections" --subscribed
  wanted retain && hold "$mode" retain --count "$retained"
  # aedes keeps nothing on disk, and its sessions' 100 000 filters are the same work in memory.
  wanted subscriptions && [[ $mode != aedes ]] && hold_subscriptions "$mode"
done
[[ ,$modes, == *,mqttnic,* ]] && wanted match && measure_match
touch "$raw"
report_mqtt mqtt-capacity
