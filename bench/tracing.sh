#!/usr/bin/env bash
# What tracing every request costs, against response size: sockhijack in the kernel beside plain TCP and sidecar proxies in the same run.
# Method, pinning and how to read the output: bench/README.md.
# shellcheck source-path=SCRIPTDIR
set -uo pipefail

usage() {
  cat <<'HELP'
tracing.sh: plain TCP, sockhijack without tracing, with headers and side-band, a HAProxy pair and an Envoy pair that traces, interleaved

usage: bench/tracing.sh [options]

  --reps N        repetitions; medians are over these (default 3)
  --seconds N     length of one measurement (default 3)
  --quick         four minutes: one repetition of one second, two sizes; indicative only
  --modes LIST    of plain,sockhijack,header,side-band,haproxy2,envoy2 (default all; plain is always included)
  --phases LIST   of http,namespaces,nodes,open,daemon (default all; open is the open loop of the first three, daemon needs header or side-band)
  --sizes LIST    response bytes: 64,256,1024,4096,16384,65536,262144,1048576 (default all)
  --connections LIST   (default 16)
  --otlp-rate N   spans a second that sockhijack exports at most (default its own: 5000, above which whole traces are left out;
                  Envoy exports all: with 1000000 the open loops do alike)
  --out DIR       where tracing-<date>.json and tracing.svg go (default bench/out)
  --strict        exit 1 when a target is missed or could not be measured
  --help

examples:
  bench/tracing.sh                                    everything, about 75 minutes
  bench/tracing.sh --quick                            a smoke run
  bench/tracing.sh --phases http,open --sizes 1024 --modes header,envoy2
  bench/tracing.sh --otlp-rate 1000000                the same without sockhijack's limit on export

Every request is sampled, and spans go by OTLP/HTTP to a receiver on loopback; MITSU_BENCH_OTLP gives sockhijack another URL of it.
Needs root, nginx, wrk, haproxy, gcc, python3, curl, iproute2. stdout is the table, stderr the progress.
HELP
}

reps=3 seconds=3 quick=no strict=no
modes=plain,sockhijack,header,side-band,haproxy2,envoy2
phases=http,namespaces,nodes,open,daemon
sizes=64,256,1024,4096,16384,65536,262144,1048576
connections=16
otlp_rate=""
bench=tracing
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")
out="$here/out"

while (($#)); do
  case $1 in
    --reps) reps=${2:?}; shift ;;
    --seconds) seconds=${2:?}; shift ;;
    --quick) quick=yes reps=1 seconds=1 sizes=64,65536 ;;
    --modes) modes=plain,${2:?}; shift ;;
    --phases) phases=${2:?}; shift ;;
    --sizes) sizes=${2:?}; shift ;;
    --connections) connections=${2:?}; shift ;;
    --otlp-rate) otlp_rate=${2:?}; shift ;;
    --out) out=${2:?}; shift ;;
    --strict) strict=yes ;;
    --help | -h) usage; exit 0 ;;
    *) printf 'tracing: unknown option %s; see --help\n' "$1" >&2; exit 64 ;;
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
# shellcheck source=lib/routes.sh
source "$here/lib/routes.sh"
# shellcheck source=lib/tracing-modes.sh
source "$here/lib/tracing-modes.sh"
# shellcheck source=lib/tracing-points.sh
source "$here/lib/tracing-points.sh"

# --- set up -----------------------------------------------------------------------------------------------------------
begin nginx wrk gcc python3 curl ip taskset nsenter
routes=(http)
for route in namespaces nodes; do wanted "$route" && routes+=("$route"); done
make_bodies
find_otlp || say "$bench: !!! this sockhijack has no --otlp: its spans are made and thrown away, which costs less than exporting them"
[[ ,$modes, != *,envoy2,* ]] || find_envoy || { absent+=(envoy2); modes=${modes//envoy2/}; }
for route in "${routes[@]}"; do
  make_route "$route"
  on_route[$route]=" "
  for mode in "${all_modes[@]}"; do
    [[ ,$modes, == *,$mode,* ]] || continue
    say "starting $mode on $route"
    if start_traced "$route" "$mode" && check_traced "$route" "$mode"; then on_route[$route]+="$mode "; else absent+=("$mode-on-$route"); fi
  done
  [[ ${on_route[$route]} == *" plain "* ]] || die "the plain server does not work on $route"
  for mode in ${on_route[$route]}; do has "$mode" || available+=("$mode"); done
done
say_absent

# --- measure ----------------------------------------------------------------------------------------------------------
plan_points
measure_plan 14

# --- report -----------------------------------------------------------------------------------------------------------
meta+=("otlp=$([[ ${#otlp[@]} -gt 0 ]] && echo yes || echo no)" "otlpRate=${otlp_rate:-default}" "congestion=$(sysctl -n net.ipv4.tcp_congestion_control)")
report_run
