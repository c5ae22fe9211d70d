#!/usr/bin/env bash
# Response time against request rate, for three placements of the same services: measured on real processes, beside what placer predicted.
# Method and how to read the output: bench/README.md.
# shellcheck source-path=SCRIPTDIR
set -uo pipefail

usage() {
  cat <<'HELP'
placement-response.sh: nine services on two nodes, placed by kubernetes, by mitsu and worst, interleaved; predicted by placer, then measured

usage: bench/placement-response.sh [options]

  --reps N        repetitions; medians are over these (default 3)
  --seconds N     length of one measurement (default 3)
  --quick         a minute: one repetition of two seconds, four rates; indicative only
  --shares LIST   rates, in percent of what the kubernetes placement bears (default 20,30,40,50,60,70,80,90; 30 and 60 are always measured)
  --fit LIST      placements that the model is calibrated on, at 30 and 60 percent (default kubernetes,worst: mitsu is predicted unseen)
  --realtime      services by the scheduler's real-time class: for a machine that is not idle. Each then runs until it waits
  --out DIR       where placement-response-<date>.json and placement-response.svg go (default bench/out)
  --strict        exit 1 when a target is missed or could not be measured
  --help

examples:
  bench/placement-response.sh                   everything, about five minutes
  bench/placement-response.sh --quick           a smoke run
  bench/placement-response.sh --reps 5 --fit kubernetes

A node is one CPU and a network namespace; the two are joined by a bridge. A service is a process in a cgroup of its own: nginx in front, the
others bench/lib/response-service.c. Needs root, two CPUs, nginx, wrk, gcc, iproute2. stdout is the table, stderr the progress.
HELP
}

reps=3 seconds=3 quick=no strict=no shares=20,30,40,50,60,70,80,90 fit=kubernetes,worst realtime=no
bench=placement-response
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")
out="$here/out"

while (($#)); do
  case $1 in
    --reps) reps=${2:?}; shift ;;
    --seconds) seconds=${2:?}; shift ;;
    --quick) quick=yes reps=1 seconds=2 shares=30,60,90 ;;
    --shares) shares=${2:?}; shift ;;
    --fit) fit=${2:?}; shift ;;
    --realtime) realtime=yes ;;
    --out) out=${2:?}; shift ;;
    --strict) strict=yes ;;
    --help | -h) usage; exit 0 ;;
    *) printf 'placement-response: unknown option %s; see --help\n' "$1" >&2; exit 64 ;;
  esac
  shift
done

# shellcheck source=lib/run.sh
source "$here/lib/run.sh"
# shellcheck source=lib/processes.sh
source "$here/lib/processes.sh"
# shellcheck source=lib/cgroups.sh
source "$here/lib/cgroups.sh"
# shellcheck source=lib/sockhijack.sh
source "$here/lib/sockhijack.sh"
# shellcheck source=lib/response-nodes.sh
source "$here/lib/response-nodes.sh"

# --- set up -----------------------------------------------------------------------------------------------------------
begin nginx wrk gcc ip taskset nsenter
(($(nproc) >= 2)) || die "needs two CPUs, one for each node"
gcc -O2 -Wall -pthread -o "$work/response-service" "$here/lib/response-service.c" -lm || die "bench/lib/response-service.c does not compile"
make_nodes
make_priority
start_services
find_capacity

# --- measure ----------------------------------------------------------------------------------------------------------
plan_rates
measure_plan 6

# --- report -----------------------------------------------------------------------------------------------------------
report=("$node" "$here/report/placement-response.ts" "$raw" --work "$work" --fit "$fit" --out "$out" --meta "reps=$reps" --meta "seconds=$seconds"
  --meta "quick=$quick" --meta "capacity=$capacity" --meta "realtime=$realtime" --meta "failures=$failures" --meta "commit=$(git -C "$root" rev-parse --short HEAD 2>/dev/null)"
  --meta "nginx=$(nginx -v 2>&1 | cut -d/ -f2)")
[[ $strict == yes ]] && report+=(--strict)
"${report[@]}"
