# The measurements of mqtt.sh: which there are (plan_points) and how one is made (measure_point). Sourced after lib/mqtt-brokers.sh.
# shellcheck shell=bash disable=SC2154,SC2034
fan_points=(fanout-q0-w1 fanout-q0-w16 fanout-q1-w1 fanout-q1-w16 fanin-q0-w1 fanin-q0-w16)
full_points=(fanout-q0-w1-full fanout-q0-w16-full fanout-q1-w1-full fanout-q1-w16-full fanin-q0-w16-full fanout-mixed-w16-full)
feedback_nodes=(64 1024) feedback_rates=(100 500 1000 3000)
most_states=200000   # states a second that one CPU can send and collect, one write and one read each
aedes_states=20000   # aedes falls behind above that, and its queue then takes minutes to go away
settle=4             # seconds between many nodes' connecting and their first round
skipped=()           # points that nobody can carry

# variant_of MODE POINT
variant_of() {
  if [[ $2 == *-full ]]; then echo acl; elif is_redirected "$1" && [[ $2 == *-w16 ]]; then echo bulk; else echo plain; fi
}

# plan_one REP POINT MODE: unless that broker is not there, or cannot do it.
plan_one() {
  local broker=${3%-redirect}
  [[ $2 == *-full && $broker == aedes ]] && return          # no MQTT 5.0
  [[ $2 == *-mixed-* && $broker == floor ]] && return       # no QoS 2
  [[ $2 == *-w16-full ]] && is_redirected "$3" && return    # large writes, see variant bulk
  [[ -n ${broker_ready["$3-$(variant_of "$3" "$2")"]:-} ]] && plan+=("$1 $2 $3")
}

# plan_points: fills $plan with lines "rep point mode"; within a repetition the modes follow each other at every point.
plan_points() {
  local rep point mode nodes rate list=()
  wanted fan && list+=("${fan_points[@]}")
  wanted full && list+=("${full_points[@]}")
  if wanted feedback; then
    for nodes in "${feedback_nodes[@]}"; do for rate in "${feedback_rates[@]}"; do
      if ((nodes * rate > most_states)); then skipped+=("feedback-$nodes-$rate"); else list+=("feedback-$nodes-$rate"); fi
    done; done
  fi
  for ((rep = 1; rep <= reps; rep++)); do for point in "${list[@]}"; do
    # shellcheck disable=SC2053 # a pattern
    [[ -z $only || $point == $only ]] || continue
    for mode in "${available[@]}"; do
      if [[ $mode == aedes && $point =~ ^feedback-([0-9]+)-([0-9]+)$ ]] && ((BASH_REMATCH[1] * BASH_REMATCH[2] > aedes_states)); then continue; fi
      plan_one "$rep" "$point" "$mode"
    done
  done; done
}

# load_of POINT: sets `load`, what the generator is told.
load_of() {
  local parts
  IFS=- read -ra parts <<<"$1"
  if [[ ${parts[0]} == feedback ]]; then
    # sockhijack takes its time with so many connections; all brokers get it.
    load=(feedback --nodes "${parts[1]}" --rate "${parts[2]}" --settle "$( ((parts[1] > 500)) && echo "$settle" || echo 0.2)")
    return
  fi
  load=("${parts[0]}" --qos "${parts[1]#q}" --window "${parts[2]#w}")
  if [[ ${parts[0]} == fanout ]]; then load+=(--subscribers 100); else load+=(--publishers 100); fi
  [[ ${parts[3]:-} != full ]] || load+=(--version 5 --properties 2)
}

# measure_point REP POINT MODE
measure_point() {
  local service="" load=() variant pid measure_flags=()
  variant=$(variant_of "$3" "$2")
  pid=$(pid_of "$3-$variant")
  load_of "$2"
  measure_flags=(--watch "broker=$pid")
  if is_redirected "$3"; then
    service=load
    measure_flags+=(--watch "daemon=${hijack_daemons[$socket]}" --status "$program status --json --socket $socket")
  fi
  generate "$service" "$loopback" "{\"rep\":$1,\"point\":\"$2\",\"mode\":\"$3\"}" "$work/mqtt-load" "${load[@]}" \
    --port "$(broker_port_of "$3" "$variant")" --seconds "$seconds" --warm-up "$warm_up" --broker-pid "$pid"
}
