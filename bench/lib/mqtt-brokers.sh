# The brokers of mqtt.sh and its siblings: how each is started. Sourced after lib/run.sh, processes.sh, cgroups.sh and sockhijack.sh.
# A mode is a broker on TCP (mosquitto), or the same as a program of sockhijack together with its clients (mosquitto-redirect). Of each
# there are variants, so that none inherits what another has left behind:
#   plain   what most points use
#   acl     with an ACL file, for the points of the full broker
#   bulk    behind the redirect only: sockhijack judges a port by what it carries, and a window of 16 makes large writes
# To add a broker: a line in all_brokers and broker_port, and a BROKER_command.
# shellcheck shell=bash disable=SC2154,SC2034
all_brokers=(floor mosquitto aedes mqttnic)
declare -A broker_port=([floor]=1100 [mosquitto]=1200 [aedes]=1300 [mqttnic]=1400)
declare -A variant_port=([plain]=0 [acl]=5 [bulk]=7)
declare -A broker_ready # "MODE-VARIANT" → yes
data_plane=auto         # mqttnic's; net or epoll to have that one

broker_of() { echo "${1%-redirect}"; }
is_redirected() { [[ $1 == *-redirect ]]; }

# broker_port_of MODE VARIANT
broker_port_of() { echo $((${broker_port[${1%-redirect}]} + ${variant_port[$2]} + $(is_redirected "$1" && echo 50 || echo 0))); }

# compile_mqtt: the generator and the floor.
compile_mqtt() {
  gcc -O2 -Wall -o "$work/mqtt-load" "$here"/lib/mqtt-load*.c || die "bench/lib/mqtt-load*.c do not compile"
  gcc -O2 -Wall -o "$work/mqtt-floor" "$here/lib/mqtt-floor.c" || die "bench/lib/mqtt-floor.c does not compile"
}

# broker_conf PORT VARIANT [STORE]: mosquitto's configuration, tuned; mqttnic reads the very same.
broker_conf() {
  printf '%s\n' "listener $1 127.0.0.1" 'allow_anonymous true' 'set_tcp_nodelay true' 'max_queued_messages 0' 'max_inflight_messages 0'
  if [[ -n ${3:-} ]]; then printf '%s\n' 'persistence true' "persistence_location $3/"; else echo 'persistence false'; fi
  [[ $2 != acl ]] || echo "acl_file $work/acl"
}

# write_acl: some twenty rules, of which the benchmark's topics need the last.
write_acl() {
  local i
  # shellcheck disable=SC2016 # $SYS is a topic
  echo 'topic read $SYS/#'
  for i in {1..16}; do echo "topic readwrite plant/$i/#"; done
  printf '%s\n' 'pattern readwrite own/%c/#' 'pattern read shared/%u/+/state' 'topic readwrite bench/#' 'topic readwrite status/#' 'topic readwrite control/#'
}

# Each BROKER_command NAME PORT VARIANT STORE sets `command`.
floor_command() { command=("$work/mqtt-floor" "$2"); }
aedes_command() { command=("$node" "$here/lib/mqtt-aedes.ts" "$2"); }
mosquitto_command() {
  { echo 'user root'; echo 'log_dest none'; broker_conf "$2" "$3" "$4"; } >"$work/$1.conf"
  command=(mosquitto -c "$work/$1.conf")
}
mqttnic_command() {
  broker_conf "$2" "$3" "$4" >"$work/$1.conf"
  command=("$root/bin/mqttnic" daemon --socket "$work/$1.sock" --config-file "$work/$1.conf" --data-plane "$data_plane" --log-level warn)
}

# can_have_broker BROKER: its program is there.
can_have_broker() {
  case $1 in
    floor) true ;;
    aedes) [[ -d $root/node_modules/aedes ]] ;;
    mosquitto) command -v mosquitto >/dev/null ;;
    mqttnic) [[ -x $root/bin/mqttnic ]] ;;
  esac || { say "$bench: there is no $1"; return 1; }
}

# start_broker MODE VARIANT [STORE]: false, with the reason said, when it does not accept or a client does not get its own message.
start_broker() {
  local name="$1-$2" port command=() hijacked_command=()
  port=$(broker_port_of "$1" "$2")
  "$(broker_of "$1")_command" "$name" "$port" "$2" "${3:-}"
  if is_redirected "$1"; then
    mapfile -d '' -t hijacked_command < <(hijacked "$name:$port" taskset -c "$server_cpu" "${command[@]}")
    start "$name" "$loopback" "${hijacked_command[@]}"
  else
    start "$name" "$loopback" taskset -c "$server_cpu" "${command[@]}"
  fi
  wait_for_port "$name" "$loopback" 127.0.0.1 "$port" || return 1
  if ! inside "$loopback" timeout 20 "$work/mqtt-load" fanout --port "$port" --seconds 0.1 --warm-up 0 | grep -q '"operations":[1-9].*"lost":0,"bad":0'; then
    say "$bench: $name does not deliver; its log:"
    tail -n 5 "$work/$name.log" >&2
    return 1
  fi
  broker_ready[$name]=yes
  # What `auto` came to.
  [[ $(broker_of "$1") != mqttnic ]] ||
    meta+=("dataPlane=$("$root/bin/mqttnic" status --json --socket "$work/$name.sock" | sed -n 's/^ *"dataPlane": *"\([a-z]*\)".*/\1/p')")
}

# report_mqtt KIND: table (with --json the JSON) on stdout, JSON and pictures into $out; false under --strict unless every target is met.
report_mqtt() {
  local report pair
  mkdir -p "$out"
  report=("$node" "$here/report/mqtt-run.ts" "$raw" --kind "$1" --out "$out" --meta "reps=$reps" --meta "seconds=$seconds" --meta "quick=$quick"
    --meta "brokerCpu=$server_cpu" --meta "generatorCpu=$client_cpu" --meta "absent=${absent[*]}" --meta "failures=$failures"
    --meta "commit=$(git -C "$root" rev-parse --short HEAD 2>/dev/null)" --meta "mosquitto=$(mosquitto -h 2>/dev/null | sed -n 's/^mosquitto version //p')")
  for pair in "${meta[@]}"; do report+=(--meta "$pair"); done
  [[ $strict == yes ]] && report+=(--strict)
  [[ $json == yes ]] && report+=(--json)
  "${report[@]}"
}
