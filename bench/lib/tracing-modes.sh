# The modes of tracing.sh, each started on a route by start_traced ROUTE MODE. Sourced after lib/routes.sh and lib/servers.sh.
# Ports: thousands name the route, hundreds the mode; B of a pair is +10, +3 is nginx' port for large bodies.
# shellcheck shell=bash disable=SC2154,SC2034,SC2004
declare -A route_port=([http]=8000 [namespaces]=9000 [nodes]=10000)
declare -A mode_port=([plain]=100 [sockhijack]=200 [haproxy2]=400 [envoy2]=500 [header]=600 [side-band]=700)
all_modes=(plain sockhijack header side-band haproxy2 envoy2)

is_ours() { [[ $1 == @(sockhijack|header|side-band) ]]; }

# use_ours ROUTE-SOCKET MODE: what `hijacked` is to say; the caller has `local socket hijack_flags`.
use_ours() {
  socket=$1 hijack_flags=()
  [[ $2 == sockhijack ]] || hijack_flags=(--tracing "$2" --sampling 1)
}

# url_of ROUTE MODE SIZE: where the client finds it; a pair's first proxy is beside the client.
url_of() {
  local port=$((route_port[$1] + mode_port[$2]))
  if [[ $2 == @(haproxy2|envoy2) ]]; then echo "http://127.0.0.1:$port/$3"; else echo "http://${address[$1]}:$(port_for "$3" "$port" $((port + 3)))/$3"; fi
}

# start_traced ROUTE MODE; false when it cannot be had.
start_traced() {
  local route=$1 mode=$2 socket hijack_flags port pid pids a="$2-$1-a" b="$2-$1-b" roles
  port=$((route_port[$route] + mode_port[$mode]))
  case $mode in
    plain)
      start "plain-$route" "${far[$route]}" taskset -c "$server_cpu" nginx -c "$(nginx_conf "${address[$route]}" "$port")"
      wait_for_port "plain-$route" "${far[$route]}" "${address[$route]}" "$port" || return 1
      roles=server=$(pid_of "plain-$route")
      ;;
    sockhijack | header | side-band)
      start_daemons "$route" || return 1
      use_ours "${far_socket[$route]}" "$mode"
      start_hijacked "$mode-$route" "${far[$route]}" "$mode-$route:$port,$((port + 3))" nginx -c "$(nginx_conf "${address[$route]}" "$port")"
      wait_for_port "$mode-$route" "${far[$route]}" "${address[$route]}" "$port" || return 1
      roles="server=$(pid_of "$mode-$route") daemon=${hijack_daemons[${near_socket[$route]}]}"
      [[ ${near_socket[$route]} == "${far_socket[$route]}" ]] || roles+=" daemon=${hijack_daemons[${far_socket[$route]}]}"
      ;;
    haproxy2 | envoy2)
      # A sidecar lives beside its program: B shares the server's CPU and namespace, A the client's.
      start_hop "$mode" "$b" "${far[$route]}" "$server_cpu" "${address[$route]}" $((port + 10)) "${address[$route]}" $((route_port[$route] + mode_port[plain])) INBOUND &&
        start_hop "$mode" "$a" "${near[$route]}" "$client_cpu" 127.0.0.1 "$port" "${address[$route]}" $((port + 10)) OUTBOUND || return 1
      roles="${watched[$route-plain]} proxy=$(pid_of "$a") proxy=$(pid_of "$b")"
      ;;
  esac
  watched[$route-$mode]=$roles
}

# start_hop MODE NAME NAMESPACE CPU LISTEN PORT NEXT NEXT-PORT DIRECTION
start_hop() {
  local template=haproxy-tracing.cfg launch=launch_haproxy file="$work/$2.cfg"
  [[ $1 == envoy2 ]] && template=envoy-tracing.yaml launch=launch_envoy file="$work/$2.yaml"
  fill "$template" "LISTEN=$5" "PORT=$6" "NEXT=$7" "NEXT_PORT=$8" "DIRECTION=$9" "SERVICE=$2" SAMPLING=100 MAXCONN=4000 "SPLICE=option splice-auto" >"$file"
  "$launch" "$2" "$3" "$4" "$5" "$6"
}

# as_client ROUTE MODE cmd...: beside the load generator, under sockhijack when the mode is.
as_client() {
  local route=$1 mode=$2 socket hijack_flags command=("${@:3}")
  if is_ours "$mode"; then
    use_ours "${near_socket[$route]}" "$mode"
    mapfile -d '' -t command < <(hijacked "load-$mode" "${@:3}")
  fi
  inside "${near[$route]}" "${command[@]}"
}

# check_traced ROUTE MODE: bodies are whole, a traceparent reaches the server's program exactly where the mode says so, and spans reach
# the receiver. A mode that does not do what it is measured for is not measured.
check_traced() {
  local route=$1 mode=$2 size urls=() seen url before
  for size in ${sizes//,/ }; do urls+=("$(url_of "$route" "$mode" "$size")"); done
  as_client "$route" "$mode" "$here/lib/check-bodies.sh" "${urls[@]}" || { say "$bench: $mode on $route does not return the right bytes"; return 1; }
  url=$(url_of "$route" "$mode" traceparent)
  before=$(spans_at "$route")
  seen=$(as_client "$route" "$mode" curl -s --max-time 5 -w '\n' "$url" "$url" "$url")
  if [[ $mode == @(header|haproxy2|envoy2) ]]; then
    [[ $(grep -cE '^00-[0-9a-f]{32}-[0-9a-f]{16}-01$' <<<"$seen") == 3 ]] ||
      { say "$bench: $mode on $route: of three requests the server saw these traceparents: ${seen//$'\n'/ | }"; return 1; }
  elif [[ -n ${seen//$'\n'/} ]]; then
    say "$bench: $mode on $route shows the server a traceparent: ${seen//$'\n'/ | }"
    return 1
  fi
  exports_spans "$mode" || return 0
  for _ in {1..50}; do (($(spans_at "$route") > before)) && return; sleep 0.1; done
  say "$bench: $mode on $route: no span reached the receiver within 5 s"
  return 1
}

# exports_spans MODE: whether its spans arrive at the receiver.
exports_spans() { [[ $1 == envoy2 || ($1 == @(header|side-band) && ${#otlp[@]} -gt 0) ]]; }
