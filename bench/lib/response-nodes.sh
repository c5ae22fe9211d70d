# The two nodes of placement-response.sh, the services on them, and its measurements. Sourced after lib/cgroups.sh.
# shellcheck shell=bash disable=SC2154,SC2034
declare -A node_cpu=([a]=0 [b]=1)
declare -A node_namespace edge_of # placement → ADDRESS PORT of its nginx
declare -A groups_of              # placement → "service=folder ..."
priority=()         # prefix of a command that comes before all else
capacity=0

# make_nodes: namespaces of the client and of the nodes; a bridge in the client's joins them, as a switch does.
make_nodes() {
  local name last=2
  make_namespace client
  client_namespace=$made
  ip -n "$client_namespace" link add bridge0 type bridge
  ip -n "$client_namespace" address add 10.203.79.1/24 dev bridge0
  ip -n "$client_namespace" link set bridge0 up
  for name in a b; do
    make_namespace "$name"
    node_namespace[$name]=$made
    ip -n "$made" link add eth0 type veth peer name "to-$name" netns "$client_namespace"
    ip -n "$made" address add "10.203.79.$last/24" dev eth0
    ip -n "$made" link set eth0 up
    ip -n "$client_namespace" link set "to-$name" master bridge0 up
    ((last += 1))
  done
}

# make_priority: what this run starts comes before all else on the machine, as far as the kernel has weights of cgroups: on an idle machine
# nothing changes, on a busy one the others' share of the CPUs is not measured as if it were the services' time.
make_priority() {
  local root
  if [[ $realtime == yes ]]; then
    priority=(chrt --rr 10) client_first=(chrt --fifo 20)
    return
  fi
  root=$(findmnt -nt cgroup -O cpu -o TARGET | head -n 1)
  if [[ -n $root ]] && mkdir "$root/$unique" && echo 262144 >"$root/$unique/cpu.shares"; then
    # shellcheck disable=SC2016
    priority=(bash -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$root/$unique")
    groups+=("$root/$unique")
  elif mkdir -p "$groups_root/$unique" && [[ -w $groups_root/$unique/cpu.weight ]]; then
    echo 10000 >"$groups_root/$unique/cpu.weight"
    # The generator is started outside of the services' cgroups, so it gets one beside them.
    mkdir -p "$groups_root/$unique/client" && groups+=("$groups_root/$unique/client")
    # shellcheck disable=SC2016
    client_first=(bash -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$groups_root/$unique/client")
  else
    say "$bench: !!! cgroups have no weights here: on a busy machine, figures are those of the others too"
  fi
  [[ -v client_first ]] || client_first=("${priority[@]}")
}

# start_services: every placement's, callees first. Those of placements that are not being measured sleep.
start_services() {
  local lines line plan service on address port threads file command
  chmod 755 "$work"
  mapfile -t lines < <("$node" "$here/lib/response-system.ts" "$work") || die "the services cannot be written down"
  say "$bench: starting ${#lines[@]} services"
  for line in "${lines[@]}"; do
    read -r plan service on address port threads file <<<"$line"
    command=("$work/response-service" "$address" "$port" "$threads" "$file")
    [[ $service == edge ]] && command=(nginx -c "$file") && edge_of[$plan]="$address $port"
    mkdir -p "$work/$plan-tmp"
    start_grouped "$plan-$service" "${node_namespace[$on]}" "${priority[@]}" taskset -c "${node_cpu[$on]}" "${command[@]}"
    wait_for_port "$plan-$service" "${node_namespace[$on]}" "$address" "$port" || die "$plan-$service does not start"
    groups_of[$plan]+=" $service=${groups[-1]}"
  done
}

# find_capacity: requests a second that the kubernetes placement answers when 48 clients ask all the time.
find_capacity() {
  local address port
  read -r address port <<<"${edge_of[kubernetes]}"
  capacity=$(client inside "$client_namespace" "${client_first[@]}" wrk -t 1 -c 48 -d 3 "http://$address:$port/" 2>/dev/null | sed -n 's/^Requests\/sec: *\([0-9]*\).*/\1/p')
  [[ $capacity =~ ^[1-9][0-9]+$ ]] || die "the kubernetes placement answers nothing; its logs are gone with this run: try --quick under bash -x"
  say "$bench: the kubernetes placement bears about $capacity requests a second"
}

# plan_rates: one line of $plan each, "REP PLACEMENT SHARE"; within a repetition the placements follow each other at every rate.
plan_rates() {
  local rep share one
  for ((rep = 1; rep <= reps; rep++)); do
    for share in $(tr ',' '\n' <<<"$shares,30,60" | sort -nu); do
      for one in "${!edge_of[@]}"; do plan+=("$rep $one $share"); done
    done
  done
  available=("${!edge_of[@]}")
}

# measure_point REP PLACEMENT SHARE
measure_point() {
  local address port pair flags=()
  read -r address port <<<"${edge_of[$2]}"
  for pair in ${groups_of[$2]}; do flags+=(--group "$pair"); done
  # First in line for a CPU when a request is due: what it takes of one is little, and it is charged to nobody.
  client inside "$client_namespace" timeout -k 2 $((seconds + 25)) "$node" "$here/lib/response-measure.ts" --to "$raw" \
    --point "{\"rep\":$1,\"plan\":\"$2\",\"share\":$3,\"rate\":$((capacity * $3 / 100))}" "${flags[@]}" -- \
    "${client_first[@]}" nice -n -15 "$work/open-loop" "$address" "$port" / 64 $((capacity * $3 / 100)) "$seconds" 0.5
}
