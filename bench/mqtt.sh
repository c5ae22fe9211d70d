#!/usr/bin/env bash
# mqttnic against mosquitto, aedes and a bare relay: deliveries a second, CPU time of one, and the times of feedback rounds.
# Method, pinning and how to read the output: bench/README.md.
# shellcheck source-path=SCRIPTDIR
set -uo pipefail

usage() {
  cat <<'HELP'
mqtt.sh: mqttnic, mosquitto, aedes and the floor as brokers, on TCP and behind sockhijack's redirect, interleaved

usage: bench/mqtt.sh [options]

  --reps N        repetitions; medians are over these (default 3)
  --seconds N     length of one measurement, after two of warm-up (default 3)
  --quick         one repetition of one second; indicative only
  --modes LIST    of floor,mosquitto,aedes,mqttnic, each with -redirect but aedes (default all)
  --phases LIST   of fan,full,feedback (default all)
  --only PATTERN  only the points that match: 'fanout-q0-*', feedback-64-500
  --data-plane NAME   mqttnic's: auto, epoll or net (default auto)
  --out DIR       where mqtt-<date>.json, mqtt.svg and mqtt-feedback.svg go (default bench/out)
  --json          the report as JSON on stdout instead of the table
  --strict        exit 1 when a target is missed or could not be measured
  --help

phases:
  fan        1 publisher to 100 subscribers, QoS 0 and 1, and 100 publishers to 1; 1 or 16 messages outstanding a publisher
  full       the same with all that a broker has to do: MQTT 5.0, user properties, an ACL file; subscribers of QoS 0, 1 and 2 mixed
  feedback   64 and 1024 nodes publish their state, a controller answers when it has all, every node gets the answer; 100 to 3000 rounds/s

examples:
  bench/mqtt.sh                                              everything, about 35 minutes
  bench/mqtt.sh --quick                                      a smoke run
  bench/mqtt.sh --phases feedback --modes mosquitto,mqttnic,mqttnic-redirect
  bench/mqtt.sh --only 'fanout-q0-w16*' --modes floor,mosquitto,mqttnic

Needs root, mosquitto, gcc, python3, iproute2. stdout is the table, stderr the progress.
HELP
}

reps=3 seconds=3 quick=no strict=no json=no only="" warm_up=2 plane=auto
modes=floor,mosquitto,aedes,mqttnic,floor-redirect,mosquitto-redirect,mqttnic-redirect
phases=fan,full,feedback
bench=mqtt
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")
out="$here/out"

while (($#)); do
  case $1 in
    --reps) reps=${2:?}; shift ;;
    --seconds) seconds=${2:?}; shift ;;
    --quick) quick=yes reps=1 seconds=1 warm_up=0.5 ;;
    --modes) modes=${2:?}; shift ;;
    --phases) phases=${2:?}; shift ;;
    --only) only=${2:?}; shift ;;
    --data-plane) plane=${2:?}; shift ;;
    --out) out=${2:?}; shift ;;
    --json) json=yes ;;
    --strict) strict=yes ;;
    --help | -h) usage; exit 0 ;;
    *) printf 'mqtt: unknown option %s; see --help\n' "$1" >&2; exit 64 ;;
  esac
  shift
done

# shellcheck source=lib/run.sh
source "$here/lib/run.sh"
# shellcheck source=lib/processes.sh
source "$here/lib/processes.sh"
# shellcheck source=lib/sockhijack.sh
source "$here/lib/sockhijack.sh"
# shellcheck source=lib/routes.sh
source "$here/lib/routes.sh"
# shellcheck source=lib/mqtt-brokers.sh
source "$here/lib/mqtt-brokers.sh"
data_plane=$plane
# shellcheck source=lib/mqtt-points.sh
source "$here/lib/mqtt-points.sh"
export PYTHONDONTWRITEBYTECODE=1 # lib/ stays as it is

# --- set up -----------------------------------------------------------------------------------------------------------
begin gcc python3 ip taskset nsenter
compile_mqtt
write_acl >"$work/acl"
make_namespace one && loopback=$made
redirecting=no
if [[ $modes == *-redirect* ]]; then
  if [[ -e $program ]] && start_daemon "$socket" "$loopback"; then redirecting=yes; else absent+=(redirect); fi
fi
for mode in "${all_brokers[@]}" "${all_brokers[@]/%/-redirect}"; do
  [[ ,$modes, == *,$mode,* ]] || continue
  [[ $mode != *-redirect || $redirecting == yes ]] || continue
  say "starting $mode"
  if ! can_have_broker "$(broker_of "$mode")" || ! start_broker "$mode" plain; then
    absent+=("$mode")
    continue
  fi
  available+=("$mode")
  if is_redirected "$mode" && wanted fan; then start_broker "$mode" bulk || absent+=("$mode-bulk"); fi
  if wanted full && [[ $mode != aedes ]]; then start_broker "$mode" acl || absent+=("$mode-acl"); fi
done
say_absent
((${#available[@]} > 0)) || die "no broker to measure"

# --- measure ----------------------------------------------------------------------------------------------------------
plan_points
((${#plan[@]} > 0)) || die "nothing to measure with these options"
for point in "${skipped[@]}"; do say "$bench: $point is left out: more than $most_states states a second, which no generator on one CPU sends"; done
measure_plan 25

# --- report -----------------------------------------------------------------------------------------------------------
meta+=("skipped=${skipped[*]}" "mostStates=$most_states")
report_mqtt mqtt
