# The relays of nic-path.sh: how each is started, reloaded and asked what it was told. Sourced after lib/servers.sh.
# A relay listens on 127.0.0.1:PORT and leads to 127.0.0.1:NEXT; each request gets a traceparent on its way.
# To add one: a line in all_relays, a RELAY_command, and, if it can, a RELAY_reload.
# shellcheck shell=bash disable=SC2154,SC2034
all_relays=(envoy haproxy nginx nicd)

# Each RELAY_command NAME PORT NEXT WORKERS TAG writes the relay's file to $config and sets `command`. WORKERS is 1 but for the phases
# kill and reload; there TAG is a number that comes back in every answer as X-Tag, so that a reload shows; else it is empty.
# The caller's `redirected` is yes for a relay that is to be one of sockhijack's programs.

# config_of RELAY NAME: its file; Envoy and nicd tell the format by the name's end.
config_of() { echo "$work/$2.$([[ $1 == @(envoy|nicd) ]] && echo yaml || echo conf)"; }

envoy_command() {
  fill envoy-tracing.yaml LISTEN=127.0.0.1 PORT="$2" NEXT=127.0.0.1 NEXT_PORT="$3" DIRECTION=OUTBOUND SERVICE="$1" SAMPLING="$envoy_sampling" >"$config"
  command=("$envoy" -c "$config" --concurrency "$4" --disable-hot-restart -l error)
}

haproxy_command() {
  fill haproxy-tracing.cfg LISTEN=127.0.0.1 PORT="$2" NEXT=127.0.0.1 NEXT_PORT="$3" MAXCONN=12000 SPLICE="$([[ $redirected == yes ]] || echo option splice-auto)" >"$config"
  command=(haproxy -db -f "$config")
}

nginx_command() {
  mkdir -p "$work/tmp-$1"
  fill nginx-relay.conf NAME="$1" ROOT="$work" PORT="$2" NEXT_PORT="$3" WORKERS="$4" REUSE="$( (($4 > 1)) && echo reuseport)" TAG="${5:+add_header x-tag $5;}" >"$config"
  command=(nginx -c "$config")
}

# One worker has a route given on the command line; workers that reload have the server as a service of the mesh file.
nicd_command() {
  nicd_mesh "$2" "$3" "$5" >"$config"
  command=("$root/bin/nicd" daemon --workers "$4" --socket "$work/$1.sock" --config "$config" --sockhijack off --log-level warn)
  if [[ -z $5 ]]; then command+=(--listen "127.0.0.1:$2" --route "127.0.0.1:$3" --tracing on); else command+=(--listen "127.0.0.1:$2=web"); fi
  [[ $export_spans == no ]] || command+=(--otlp http://127.0.0.1:4318 --otlp-rate 1000000)
}

# nicd_mesh PORT NEXT TAG: a mesh.yaml; with a tag the server is its service `web`, whose answers carry it.
nicd_mesh() {
  echo 'version: 1'
  [[ -z $3 ]] || printf '%s\n' 'services:' '  web:' "    ports: [\"$1:$2\"]" "    replicas: [{ address: 127.0.0.1, port: $2 }]" \
    '    tracing: header' '    routes:' "      - headers: { response: { set: { x-tag: \"$3\" } } }"
}

# reload_relay RELAY NAME PORT NEXT TAG: puts a changed file in place, in one step so that nobody reads half of it, and says so.
reload_relay() {
  local command config file
  file=$(config_of "$1" "$2")
  config=$(config_of "$1" "next-$2")
  "$1_command" "$2" "$3" "$4" 2 "$5"
  mv "$config" "$file"
  kill -HUP "$(pid_of "$2")"
}

# tag_of PORT: which configuration answers.
tag_of() { inside "$loopback" curl -s --max-time 5 -o "$work/ignored" -D - "http://127.0.0.1:$1/64" | tr -d '\r' | sed -n 's/^x-tag: //Ip'; }

# can_have RELAY: its program is there; what is missing is said at the start and in the report.
can_have() {
  case $1 in
    envoy) find_envoy ;;
    nicd) [[ -x $root/bin/nicd ]] || { say "$bench: there is no $root/bin/nicd"; false; } ;;
    *) command -v "$1" >/dev/null || { say "$bench: there is no $1"; false; } ;;
  esac
}
