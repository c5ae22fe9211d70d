# The measurements of mqtt-capacity.sh and mqtt-soak.sh: one broker at a time, started for one load. Sourced after lib/mqtt-brokers.sh.
# shellcheck shell=bash disable=SC2154,SC2034

# add_result BROKER MODE EXIT FILE: a line of $raw; FILE has what was printed, or the reason.
add_result() {
  local result
  result=$(tail -n 1 "$4")
  if (($3 != 0)) || [[ $result != \{* ]]; then
    result="{\"mode\":\"$2\",\"error\":\"$(tail -n 1 "$4.log" | tr -d '"\\\n')\"}"
    ((failures += 1))
    say "$bench: !!! failed: $1 $2: $(tail -n 1 "$4.log")"
  fi
  printf '{"broker":"%s","exit":%d,"result":%s}\n' "$1" "$3" "$result" >>"$raw"
}

# play BROKER MODE [option]...: the generator against the broker that runs; a line of $raw.
play() {
  local status=0 port
  port=$(broker_port_of "$1" plain)
  client nsenter --net="/run/netns/$loopback" timeout -k 2 "${patience:-600}" taskset -c "$client_cpu" "$work/mqtt-load" "${@:2}" \
    --port "$port" --broker-pid "$(pid_of "$1-plain")" >"$work/played" 2>"$work/played.log" || status=$?
  add_result "$1" "$2" "$status" "$work/played"
  return "$status"
}

# hold BROKER MODE [option]...: with a broker of its own, which keeps nothing on disk.
hold() {
  say "[$1] ${*:2}"
  start_broker "$1" plain || { ((failures += 1)); return 1; }
  play "$@"
  local status=$?
  stop_broker "$1-plain"
  return "$status"
}

# stop_broker NAME: TERM, and up to a minute for what it has to write.
stop_broker() {
  local pid kept=() each
  pid=$(pid_of "$1")
  kill -TERM "$pid" 2>/dev/null
  for _ in {1..1200}; do kill -0 "$pid" 2>/dev/null || break; sleep 0.05; done
  kill -KILL "$pid" 2>/dev/null && say "$bench: had to kill $1 (pid $pid)"
  wait "$pid" 2>/dev/null
  for each in "${started[@]}"; do [[ $each == "$pid $1" ]] || kept+=("$each"); done
  started=("${kept[@]}")
}

# hold_subscriptions BROKER: makes them, publishes, stops it, and starts it again from what it has stored.
hold_subscriptions() {
  local store="$work/store-$1" begun
  mkdir -p "$store"
  say "[$1] subscriptions"
  start_broker "$1" plain "$store" || { ((failures += 1)); return 1; }
  play "$1" subscriptions --count "$subscriptions" --window 16 --seconds "$seconds"
  local status=$?
  stop_broker "$1-plain"
  ((status == 0)) || return "$status"
  say "[$1] start from the store"
  local port name="$1-plain" command=()
  port=$(broker_port_of "$1" plain)
  "$1_command" "$name" "$port" plain "$store"
  begun=$(date +%s%N)
  start "$name" "$loopback" taskset -c "$server_cpu" "${command[@]}"
  play "$1" resume --since-ns "$begun"
  stop_broker "$name"
}

# measure_match: mqttnic's look-up in its own process; it prints one JSON object with count, cachedUs and coldUs.
measure_match() {
  local entry="$root/packages/mqttnic/test/broker/match-rate.ts" status=0
  [[ -e $entry ]] || { say "$bench: there is no $entry; the targets on matching have no data"; absent+=(match); return; }
  say "[mqttnic] match"
  client taskset -c "$server_cpu" "$node" "$entry" "$subscriptions" >"$work/played" 2>"$work/played.log" || status=$?
  sed -i '$s/^{/{"mode":"match",/' "$work/played"
  add_result mqttnic match "$status" "$work/played"
}
