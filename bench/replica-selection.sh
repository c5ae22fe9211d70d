#!/usr/bin/env bash
# Which replica gets a request: every selector on a real cluster, beside what the simulator predicts.
# Method and how to read the output: bench/README.md.
# shellcheck source-path=SCRIPTDIR
set -uo pipefail

usage() {
  cat <<'HELP'
replica-selection.sh: nicd, replicad and a broker on several nodes, replicas whose speed changes, open-loop load; selectors interleaved, beside a simulation of the same

usage: bench/replica-selection.sh [options]

  --scenarios LIST  of varying, hog, equal, age, restart, dead (default all)
  --policies LIST   selectors of mesh.yaml (default round-robin,random,p2c,least-request,peak-ewma,c3,prequal,mitsu)
  --loads LIST      shares of the capacity, for varying (default 0.3,0.6,0.85,1.1; targets are judged at 0.85)
  --nodes N         network namespaces with a nicd, a replicad and a client each (default 4)
  --replicas N      in all, spread over the nodes (default 20, as the target has it; equal has 4)
  --work-ms N       mean work of a request at full speed, exponential (default 10)
  --dwell-ms N      how long a replica is at full speed, and at a third, exponential (default 1000)
  --reps N          repetitions; medians are over these (default 3)
  --seconds N       length of one measurement, a fifth of which is not counted (default 20)
  --soak N          also N seconds of mitsu at 0.85, with memory of every daemon (600 is what the target wants)
  --soak-warm-up N  seconds of the same load before those (default 120)
  --broker NAME     mqttnic or mosquitto (default mqttnic)
  --links NAME      plain-text or mtls (default mtls)
  --replicad off    nicd alone, with what it sees itself; there is no age, restart or dead then
  --quick           about a minute: 8 replicas, one repetition at 0.85 of round-robin, p2c, prequal, mitsu; indicative only
  --no-simulation   only what is measured
  --out DIR         where replica-selection-<date>.json and replica-selection.svg go (default bench/out)
  --json            the report as JSON on stdout instead of the table
  --strict          exit 1 when a target is missed or could not be measured
  --help

examples:
  bench/replica-selection.sh                                    everything, about an hour on a quiet machine
  bench/replica-selection.sh --quick                            a smoke run
  bench/replica-selection.sh --scenarios age --broker mosquitto
  bench/replica-selection.sh --scenarios varying --policies round-robin,prequal,mitsu --loads 0.85 --reps 5
  bench/replica-selection.sh --scenarios '' --soak 600          memory, in 12 minutes
  bench/replica-selection.sh --scenarios hog                    replicas that compute, and antagonists that take their CPU; 6 minutes

Needs root, gcc, iproute2, util-linux; mosquitto for --broker mosquitto. A replica waits instead of computing, so all of it fits on two
cores; those of hog compute, 8 of a tenth of a core each, and need the cpu controller of either cgroup version. What was measured while other programs used the CPUs is measured again, or marked with !. stdout is the table, stderr the progress.
HELP
}

reps=3 seconds=20 quick=no strict=no json=no simulation=yes nodes=4 replicas=20 work_ms=10 dwell_ms=1000 soak=0 soak_warm_up=120 broker=mqttnic links=mtls replicad=on
scenarios=varying,hog,equal,age,restart,dead policies=round-robin,random,p2c,least-request,peak-ewma,c3,prequal,mitsu loads=0.3,0.6,0.85,1.1
bench=replica-selection
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")
out="$here/out"

while (($#)); do
  case $1 in
    --scenarios) scenarios=${2?}; shift ;;
    --policies) policies=${2:?}; shift ;;
    --loads) loads=${2:?}; shift ;;
    --nodes) nodes=${2:?}; shift ;;
    --replicas) replicas=${2:?}; shift ;;
    --work-ms) work_ms=${2:?}; shift ;;
    --dwell-ms) dwell_ms=${2:?}; shift ;;
    --reps) reps=${2:?}; shift ;;
    --seconds) seconds=${2:?}; shift ;;
    --soak) soak=${2:?}; shift ;;
    --soak-warm-up) soak_warm_up=${2:?}; shift ;;
    --broker) broker=${2:?}; shift ;;
    --links) links=${2:?}; shift ;;
    --replicad) replicad=${2:?}; shift ;;
    --quick) quick=yes reps=1 replicas=8 seconds=8 loads=0.85 policies=round-robin,p2c,prequal,mitsu scenarios=varying,dead ;;
    --no-simulation) simulation=no ;;
    --out) out=${2:?}; shift ;;
    --json) json=yes ;;
    --strict) strict=yes ;;
    --help | -h) usage; exit 0 ;;
    *) printf 'replica-selection: unknown option %s; see --help\n' "$1" >&2; exit 64 ;;
  esac
  shift
done

wrong() { printf 'replica-selection: %s; see --help\n' "$*" >&2; exit 64; }
for one in ${scenarios//,/ }; do [[ " varying hog equal age restart dead " == *" $one "* ]] || wrong "there is no scenario $one"; done
for one in ${policies//,/ }; do
  [[ " round-robin random weighted p2c least-request peak-ewma c3 prequal mitsu " == *" $one "* ]] || wrong "there is no policy $one"
done
for one in ${loads//,/ }; do [[ $one =~ ^[0-9]+(\.[0-9]+)?$ ]] || wrong "--loads $one: a number such as 0.85 is needed"; done
for one in "$nodes" "$replicas" "$work_ms" "$dwell_ms" "$reps" "$seconds"; do [[ $one =~ ^[1-9][0-9]*$ ]] || wrong "$one: a whole number from 1 is needed"; done
[[ $soak =~ ^[0-9]+$ && $soak_warm_up =~ ^[0-9]+$ ]] || wrong "--soak $soak, --soak-warm-up $soak_warm_up: seconds are needed"
((nodes <= 16 && replicas >= 2 && replicas <= 250)) || wrong "at most 16 nodes, 2 to 250 replicas"
[[ $broker == mqttnic || $broker == mosquitto ]] || wrong "there is no broker $broker"
[[ $links == mtls || $links == plain-text ]] || wrong "there are no links $links"
[[ $replicad == on || $replicad == off ]] || wrong "--replicad is on or off"
[[ $replicad == on || ,$scenarios, != *,@(age|restart|dead),* ]] || wrong "--replicad off: only --scenarios varying,hog,equal"

# shellcheck source=lib/run.sh
source "$here/lib/run.sh"
# shellcheck source=lib/processes.sh
source "$here/lib/processes.sh"
# shellcheck source=lib/replica-selection-nodes.sh
source "$here/lib/replica-selection-nodes.sh"

# --- set up -----------------------------------------------------------------------------------------------------------
begin ip gcc nsenter setpriv
trap end_run EXIT
[[ $broker != mosquitto ]] || command -v mosquitto >/dev/null || die "there is no mosquitto; apt-get install mosquitto"
for one in server load hog; do
  gcc -O2 -Wall -o "$work/replica-$one" "$here/lib/replica-$one.c" -lm || die "bench/lib/replica-$one.c does not compile"
done
make_cluster_namespaces
[[ $links == plain-text ]] || make_certificates

# --- measure ----------------------------------------------------------------------------------------------------------
write_plan
client nsenter --net="/run/netns/$switch" "$node" "$here/lib/replica-selection-run.ts" "$work/plan.json" >"$work/failures" || die "the measurements ended early"
failures=$(<"$work/failures")
[[ -s $raw ]] || die "nothing was measured"

# --- report -----------------------------------------------------------------------------------------------------------
report=("$node" "$here/report/replica-selection.ts" "$raw" --plan "$work/plan.json" --out "$out" --meta "quick=$quick" --meta "failures=$failures"
  --meta "simulation=$simulation" --meta "commit=$(git -C "$root" rev-parse --short HEAD 2>/dev/null)")
[[ $json == yes ]] && report+=(--json)
[[ $strict == yes ]] && report+=(--strict)
client "${report[@]}"
