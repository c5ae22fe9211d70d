# The relays of filters.sh: nicd and Envoy, each without a filter and with each language's. Sourced after lib/servers.sh and lib/cgroups.sh.
# A mode is RELAY-FILTER: nicd-none, nicd-c, envoy-as …; the filters are $work/modules/tag-LANGUAGE.wasm.
# shellcheck shell=bash disable=SC2154,SC2034
declare -A filter_port=([nicd-none]=8600 [nicd-c]=8601 [nicd-as]=8602 [nicd-rs]=8603 [envoy-none]=8300 [envoy-c]=8301 [envoy-as]=8302 [envoy-rs]=8303)
all_modes=(nicd-none envoy-none nicd-c envoy-c nicd-as envoy-as nicd-rs envoy-rs)

# nicd_filter_mesh PORT NEXT FILTER: a mesh.yaml.
nicd_filter_mesh() {
  local module="$work/modules/tag-$3.wasm"
  echo 'version: 1'
  [[ $3 == none ]] || printf '%s\n' 'filters:' "  tag: { module: $module }"
  printf '%s\n' 'services:' '  web:' "    ports: [\"$1:$2\"]" "    replicas: [{ address: 127.0.0.1, port: $2 }]"
  [[ $3 == none ]] || echo '    filters: [tag]'
}

# envoy_filter FILTER: Envoy's list of filters.
envoy_filter() {
  [[ $1 == none ]] && return
  printf '%s' "- { name: tag, typed_config: { \"@type\": type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm, config: { name: tag, " \
    "vm_config: { vm_id: tag, runtime: envoy.wasm.runtime.v8, code: { local: { filename: $work/modules/tag-$1.wasm } } } } } }"
}

# start_nicd NAME PORT MESH [OPTION...]: one worker; the mesh file leads to its service web.
start_nicd() {
  start_grouped "$1" "$loopback" "${real_time[@]}" taskset -c "$relay_cpu" "$root/bin/nicd" daemon --workers 1 --socket "$work/$1.sock" --config "$3" --sockhijack off \
    --listen "127.0.0.1:$2=web" --log-level warn "${@:4}"
  wait_for_port "$1" "$loopback" 127.0.0.1 "$2"
}

# start_mode MODE: a relay that is up, and whose filter does its work.
start_mode() {
  local mode=$1 port=${filter_port[$1]} filter=${1#*-} seen
  case $mode in
    nicd-*)
      nicd_filter_mesh "$port" 8100 "$filter" >"$work/$mode.yaml"
      start_nicd "$mode" "$port" "$work/$mode.yaml" || return 1
      ;;
    envoy-*)
      fill envoy-filter.yaml PORT="$port" NEXT_PORT=8100 FILTERS="$(envoy_filter "$filter")" >"$work/$mode.yaml"
      start_grouped "$mode" "$loopback" "${real_time[@]}" taskset -c "$relay_cpu" "$envoy" -c "$work/$mode.yaml" --concurrency 1 --disable-hot-restart -l error
      wait_for_port "$mode" "$loopback" 127.0.0.1 "$port" || return 1
      ;;
  esac
  # nicd may listen before its filter is compiled.
  for _ in {1..50}; do
    seen=$(inside "$loopback" curl -s --max-time 5 -o /dev/null -D - "http://127.0.0.1:$port/1024" | tr -d '\r' | grep -ci '^x-tagged: 1$')
    [[ $seen == $([[ $filter == none ]] && echo 0 || echo 1) ]] && return
    sleep 0.1
  done
  say "$bench: the filter of $mode does not do its work"
  return 1
}
