# nic-path.sh: the server, and each relay in the variants that the phases need. Sourced after lib/nic-relays.sh, lib/routes.sh and lib/sockhijack.sh.
# plain     one worker on loopback TCP
# redirect  the same, and client, relay and server are programs of one sockhijack
# bulk      redirect for large bodies: relay and server port are others, because sockhijack judges an endpoint by what it carries
# workers   two workers that can be told a new configuration, for kill and reload
# shellcheck shell=bash disable=SC2154,SC2034,SC2004
declare -A relay_port=([envoy]=8300 [haproxy]=8400 [nginx]=8500 [nicd]=8600)
declare -A variant_port=([plain]=0 [redirect]=50 [bulk]=60 [workers]=70)
declare -A next_port=([plain]=8100 [redirect]=8200 [bulk]=8203 [workers]=8100)
declare -A ready # "RELAY-VARIANT" → yes once it is checked

# port_of RELAY VARIANT: `direct` is no relay, the server itself.
port_of() { if [[ $1 == direct ]]; then echo "${next_port[$2]}"; else echo $((relay_port[$1] + variant_port[$2])); fi; }

start_upstream() {
  mkdir -p "$work/www/up"
  chmod 777 "$work/www/up"
  head -c "$body_bytes" /dev/urandom >"$work/www/large"
  truncate -s "$slow_bytes" "$work/www/slow"
  start_grouped upstream-plain "$loopback" taskset -c "$server_cpu" nginx -c "$(nginx_conf 127.0.0.1 8100)"
  wait_for_port upstream-plain "$loopback" 127.0.0.1 8100
}

# start_redirect: a sockhijack of this run's own, and the server as one of its programs.
start_redirect() {
  [[ -e $program ]] || { say "$bench: there is no $program"; return 1; }
  start_daemon "$socket" "$loopback" || return 1
  start_hijacked upstream-redirect "$loopback" web:8200,8203 nginx -c "$(nginx_conf 127.0.0.1 8200)"
  wait_for_port upstream-redirect "$loopback" 127.0.0.1 8200
}

# start_relay RELAY VARIANT: one that is up, and does what it is measured for; false with the reason said.
start_relay() {
  local relay=$1 variant=$2 name="$1-$2" port command workers=1 tag="" cpus=$relay_cpu redirected=no config
  config=$(config_of "$relay" "$name")
  port=$(port_of "$relay" "$variant")
  [[ $variant == @(redirect|bulk) ]] && redirected=yes
  [[ $variant == workers ]] && workers=2 tag=0 cpus="$relay_cpu,$server_cpu"
  "${relay}_command" "$name" "$port" "${next_port[$variant]}" "$workers" "$tag" || return 1
  case $variant in
    plain | workers) start_grouped "$name" "$loopback" taskset -c "$cpus" "${command[@]}" ;;
    redirect | bulk)
      local hijacked_command=()
      mapfile -d '' -t hijacked_command < <(hijacked "$name:$port" taskset -c "$cpus" "${command[@]}")
      start "$name" "$loopback" "${hijacked_command[@]}"
      ;;
  esac
  wait_for_port "$name" "$loopback" 127.0.0.1 "$port" && check_relay "$relay" "$variant" && ready[$name]=yes
}

# check_relay RELAY VARIANT: bodies are whole, and the server's program reads a valid traceparent, on three requests of one connection.
# Flags: sampled or not, and W3C Trace Context level 2's random bit.
check_relay() {
  local port url seen
  port=$(port_of "$1" "$2")
  inside "$loopback" "$here/lib/check-bodies.sh" "http://127.0.0.1:$port/"{64,1024,65536} ||
    { say "$bench: $1 ($2) does not return the right bytes"; return 1; }
  url="http://127.0.0.1:$port/traceparent"
  seen=$(inside "$loopback" curl -s --max-time 5 -w '\n' "$url" "$url" "$url")
  [[ $(grep -E '^00-[0-9a-f]{32}-[0-9a-f]{16}-0[0-3]$' <<<"$seen" | sort -u | wc -l) == 3 ]] ||
    { say "$bench: $1 ($2): of three requests the server saw these traceparents: ${seen//$'\n'/ | }"; return 1; }
}
