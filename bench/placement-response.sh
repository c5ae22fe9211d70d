#!/usr/bin/env bash
# Response time against request rate, for placements of the same services, with and without redirect: measured on real processes, beside what placer predicted.
# Method and how to read the output: bench/README.md.
# shellcheck source-path=SCRIPTDIR
set -uo pipefail

usage() {
  cat <<'HELP'
placement-response.sh: nine services on two nodes, placed by kubernetes, by mitsu and worst, interleaved; predicted by placer, then measured

usage: bench/placement-response.sh [options]

  --reps N        repetitions; medians are over these (default 3)
  --seconds N     length of one measurement (default 2)
  --quick         about a minute: one repetition, two rates; indicative only
  --system NAME   page, with which placer's model was made, or orders, which was fixed before it was measured (default page)
  --modes LIST    of kubernetes, mitsu, worst, kubernetes-redirect, mitsu-redirect; kubernetes is always among them (default all)
  --shares LIST   rates, in percent of what the kubernetes placement bears (default 15,30,45,60,80; 30 and 60 are always measured)
  --fit LIST      placements that the model is calibrated on, at 30 and 60 percent (default kubernetes,worst: mitsu is predicted unseen);
                  with redirect it is always kubernetes-redirect
  --realtime      services by the scheduler's real-time class: for a machine that is not quiet. Each then runs until it waits
  --out DIR       where placement-response-<date>.json and placement-response.svg go (default bench/out)
  --strict        exit 1 when a target is missed or could not be measured
  --help

examples:
  bench/placement-response.sh                   everything, about five minutes
  bench/placement-response.sh --quick           a smoke run
  bench/placement-response.sh --system orders --modes kubernetes,mitsu,worst

kubernetes and mitsu are plans that placer makes of one problem: CPU requests from what the services are told to take, 80 % of both nodes in
all. worst is the maximum cut. -redirect: sockhijack on each node, which redirects calls that stay there. A node is one CPU and a network
namespace; the two are joined by a bridge. A service is a process in a cgroup of its own: nginx in front, the others
bench/lib/response-service.c. What was measured while other programs used the CPUs, or a hypervisor did, is measured again, or
marked with ! and judges nothing. Needs root, two CPUs, nginx, wrk, gcc, iproute2. stdout is the table, stderr the progress.
HELP
}

reps=3 seconds=2 quick=no strict=no shares=15,30,45,60,80 fit=kubernetes,worst realtime=no system=page
all_modes=(kubernetes mitsu worst kubernetes-redirect mitsu-redirect)
chosen=$(IFS=,; echo "${all_modes[*]}")
mesh_groups=''
bench=placement-response
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")
out="$here/out"

while (($#)); do
  case $1 in
    --reps) reps=${2:?}; shift ;;
    --seconds) seconds=${2:?}; shift ;;
    --quick) quick=yes reps=1 shares=30,60 ;;
    --system) system=${2:?}; shift ;;
    --modes) chosen=${2:?}; shift ;;
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

modes=()
for one in "${all_modes[@]}"; do [[ ,kubernetes,$chosen, == *,$one,* ]] && modes+=("$one"); done
for one in ${chosen//,/ }; do
  [[ " ${all_modes[*]} " == *" $one "* ]] || { printf 'placement-response: there is no mode %s; see --help\n' "$one" >&2; exit 64; }
done
[[ $system == page || $system == orders ]] || { printf 'placement-response: there is no system %s; see --help\n' "$system" >&2; exit 64; }

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
gcc -O2 -Wall -o "$work/response-witness" "$here/lib/response-witness.c" || die "bench/lib/response-witness.c does not compile"
make_nodes
make_priority
make_plans
start_services
warm_up
find_capacity

# --- measure ----------------------------------------------------------------------------------------------------------
plan_rates
measure_plan 6

# --- report -----------------------------------------------------------------------------------------------------------
report=("$node" "$here/report/placement-response.ts" "$raw" --work "$work" --fit "$fit" --out "$out" --meta "reps=$reps" --meta "seconds=$seconds"
  --meta "quick=$quick" --meta "capacity=$capacity" --meta "realtime=$realtime" --meta "system=$system" --meta "redirected=$(redirected)"
  --meta "failures=$failures" --meta "commit=$(git -C "$root" rev-parse --short HEAD 2>/dev/null)"
  --meta "nginx=$(nginx -v 2>&1 | cut -d/ -f2)")
[[ $strict == yes ]] && report+=(--strict)
"${report[@]}"
