#!/usr/bin/env bash
# What sockhijack gains on one machine, measured beside plain loopback TCP and sidecar proxies in the same run.
# Method, pinning and how to read the output: bench/README.md.
# shellcheck source-path=SCRIPTDIR
set -uo pipefail

usage() {
  cat <<'HELP'
same-node.sh: plain loopback TCP, sockhijack, one HAProxy, a HAProxy pair and an Envoy pair, interleaved

usage: bench/same-node.sh [options]

  --reps N        repetitions; medians are over these (default 3)
  --seconds N     length of one measurement (default 3)
  --quick         about a minute: one repetition of one second, three sizes, 16 connections; indicative only
  --modes LIST    of plain,sockhijack,haproxy1,haproxy2,envoy2 (default all; plain is always included)
  --phases LIST   of http,redis,iperf,namespaces,connect,open,daemon (default all; open needs http)
  --sizes LIST    response bytes of phase http: 64,1024,4096,16384,262144,262144-write,1024-after-bulk (default all)
  --connections LIST   of phase http (default 1,16,256)
  --out DIR       where same-node-<date>.json and same-node.svg go (default bench/out)
  --strict        exit 1 when a target is missed or could not be measured
  --help

examples:
  bench/same-node.sh                                    everything, about 25 minutes
  bench/same-node.sh --quick                            a smoke run
  bench/same-node.sh --phases http --sizes 1024 --connections 16 --modes plain,sockhijack

Needs root, nginx, wrk, redis, iperf3, haproxy, gcc, python3, curl, iproute2. stdout is the table, stderr the progress.
HELP
}

reps=3 seconds=3 quick=no strict=no
modes=plain,sockhijack,haproxy1,haproxy2,envoy2
phases=http,redis,iperf,namespaces,connect,open,daemon
sizes=64,1024,4096,16384,262144,262144-write,1024-after-bulk
connections=1,16,256
bench=same-node
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")
out="$here/out"

while (($#)); do
  case $1 in
    --reps) reps=${2:?}; shift ;;
    --seconds) seconds=${2:?}; shift ;;
    --quick) quick=yes reps=1 seconds=1 connections=16 sizes=64,4096,262144,1024-after-bulk ;;
    --modes) modes=plain,${2:?}; shift ;;
    --phases) phases=${2:?}; shift ;;
    --sizes) sizes=${2:?}; shift ;;
    --connections) connections=${2:?}; shift ;;
    --out) out=${2:?}; shift ;;
    --strict) strict=yes ;;
    --help | -h) usage; exit 0 ;;
    *) printf 'same-node: unknown option %s; see --help\n' "$1" >&2; exit 64 ;;
  esac
  shift
done

# shellcheck source=lib/run.sh
source "$here/lib/run.sh"
# shellcheck source=lib/processes.sh
source "$here/lib/processes.sh"
# shellcheck source=lib/servers.sh
source "$here/lib/servers.sh"
# shellcheck source=lib/sockhijack.sh
source "$here/lib/sockhijack.sh"
# shellcheck source=lib/namespaces.sh
source "$here/lib/namespaces.sh"
# shellcheck source=lib/points.sh
source "$here/lib/points.sh"

# --- set up -----------------------------------------------------------------------------------------------------------
begin nginx wrk redis-server redis-benchmark iperf3 gcc python3 curl ip taskset nsenter
idle_seconds=$([[ $quick == yes ]] && echo 3 || echo 10)
make_bodies
make_namespace one && loopback=$made
start_plain || die "the plain servers do not start"

available=(plain)
for mode in ${modes//,/ }; do
  [[ " ${available[*]} " == *" $mode "* ]] && continue
  [[ $mode == envoy2 ]] && ! find_envoy && { absent+=(envoy2); continue; }
  if "start_$mode"; then available+=("$mode"); else absent+=("$mode"); fi
done
if wanted namespaces; then
  make_pods
  start_far_plain || die "nginx does not start in the second namespace"
  has sockhijack && { start_far_sockhijack || absent+=(far-sockhijack); }
fi
say_absent
for mode in "${available[@]}"; do check_bodies "$mode" || die "$mode does not return the right bytes"; done

# --- measure ----------------------------------------------------------------------------------------------------------
plan_points
measure_plan 6
if wanted daemon && has sockhijack; then
  say "daemon: idle, --help, attach"
  client "$here/lib/daemon.py" --to "$raw" --program "$program" --socket "$socket" --pid "$hijack_daemon" --idle-seconds "$idle_seconds" ||
    say "same-node: !!! the daemon's own figures failed"
fi

# --- report -----------------------------------------------------------------------------------------------------------
report_run
