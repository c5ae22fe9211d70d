# The two nodes of placement-response.sh, the services on them, and its measurements. Sourced after lib/cgroups.sh and lib/sockhijack.sh.
# shellcheck shell=bash disable=SC2154,SC2034
declare -A node_cpu=([a]=0 [b]=1)
declare -A node_namespace edge_of # mode → ADDRESS PORT of its nginx
declare -A groups_of              # mode → "service=folder ..."
priority=()         # prefix of a command that comes before all else
client_first=()     # the same for the generator
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
  if [[ -n $root ]] && mkdir "$root/$unique" && groups+=("$root/$unique") && echo 262144 >"$root/$unique/cpu.shares"; then
    # shellcheck disable=SC2016
    priority=(bash -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$root/$unique")
  elif mkdir -p "$groups_root/$unique" && [[ -w $groups_root/$unique/cpu.weight ]]; then
    echo 10000 >"$groups_root/$unique/cpu.weight"
    # The generator is started outside of the services' cgroups, so it gets one beside them.
    mkdir -p "$groups_root/$unique/client" && groups+=("$groups_root/$unique/client")
    # shellcheck disable=SC2016
    client_first=(bash -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$groups_root/$unique/client")
  else
    say "$bench: !!! cgroups have no weights here: on a busy machine, figures are those of the others too"
  fi
  ((${#client_first[@]} > 0)) || client_first=("${priority[@]}")
}

# make_plans: by placer, of the same problem; `worst` comes with the problem.
make_plans() {
  local seed
  "$node" "$here/lib/response-system.ts" problem "$work" "$system" || die "the problem cannot be written"
  say "$bench: planning"
  for ((seed = 1; seed <= 9; seed++)); do
    client "$root/bin/placer" plan "$work/problem.yaml" --strategy kubernetes --seed "$seed" -o "$work/kubernetes-$seed.json" >/dev/null || die "placer plan failed"
  done
  client "$root/bin/placer" plan "$work/problem.yaml" -o "$work/mitsu.json" >/dev/null || die "placer plan failed"
}

# start_services: every mode's, callees first. Those of modes that are not being measured sleep.
start_services() {
  local lines line mode service on address port threads file command
  chmod 755 "$work"
  mapfile -t lines < <("$node" "$here/lib/response-system.ts" services "$work" "$system" "${modes[@]}")
  ((${#lines[@]} >= ${#modes[@]})) || die "the services cannot be written down"
  say "$bench: starting ${#lines[@]} services"
  start_mesh
  for line in "${lines[@]}"; do
    read -r mode service on address port threads file <<<"$line"
    command=("$work/response-service" "$address" "$port" "$threads" "$file")
    [[ $service == edge ]] && command=(nginx -c "$file") && edge_of[$mode]="$address $port"
    mkdir -p "$work/$mode-tmp"
    start_grouped "$mode-$service" "${node_namespace[$on]}" "${priority[@]}" taskset -c "${node_cpu[$on]}" "${command[@]}"
    wait_for_port "$mode-$service" "${node_namespace[$on]}" "$address" "$port" || die "$mode-$service does not start"
    groups_of[$mode]+=" $service=${groups[-1]}"
    [[ $mode == *-redirect ]] || continue
    # Before its first connection, and by what runs already: nothing about the program is different.
    client "$program" attach "${groups[-1]}" --service "$mode-$service:$port" --socket "$work/node-$on.sock" >/dev/null || die "cannot attach $mode-$service"
  done
}

# start_mesh: a daemon on each node, when any mode wants it: nodes know nothing of each other, so only calls on one node are redirected.
start_mesh() {
  local on socket first=("${priority[@]}")
  [[ "${modes[*]}" == *-redirect* ]] || return 0
  for on in a b; do
    socket="$work/node-$on.sock"
    # Never more than 0: it does not end with its services, so stop_all ends it, and stop_sockhijack removes what it has pinned.
    # shellcheck disable=SC2004 # an associative array
    hijack_daemons[$socket]=0
    # In the real-time class it would keep its node from the services for as long as it likes: a scan takes tens of milliseconds.
    [[ $realtime == no ]] || first=()
    start_grouped "mesh-$on" "${node_namespace[$on]}" "${first[@]}" taskset -c "${node_cpu[$on]}" "$program" daemon --socket "$socket" --state "$work/mesh-$on"
    mesh_groups+=" mesh-$on=${groups[-1]}"
  done
  for on in a b; do
    socket="$work/node-$on.sock"
    for _ in {1..100}; do
      [[ -z $(daemon_pid 2>/dev/null) ]] || continue 2
      kill -0 "$(pid_of "mesh-$on")" 2>/dev/null || break
      sleep 0.1
    done
    tail -n 5 "$work/mesh-$on.log" >&2
    die "no daemon on node $on; leave redirect out with --modes kubernetes,mitsu,worst"
  done
}

# redirected: messages that the nodes' daemons have redirected so far.
redirected() {
  local socket sum=0 one
  for socket in "${!hijack_daemons[@]}"; do
    one=$("$program" status --json --socket "$socket" | sed -n 's/^ *"redirected": *\([0-9]*\).*/\1/p' | head -n 1)
    ((sum += ${one:-0}))
  done
  echo "$sum"
}

# warm_up: every connection is made, and redirected where that is wanted, before anything counts.
warm_up() {
  local mode address port
  say "$bench: warming up"
  for mode in "${modes[@]}"; do
    read -r address port <<<"${edge_of[$mode]}"
    client inside "$client_namespace" "${client_first[@]}" wrk -t 1 -c 48 -d 1 "http://$address:$port/" >/dev/null 2>&1 || die "$mode answers nothing"
  done
}

# find_capacity: requests a second that the kubernetes placement answers when 48 clients ask all the time.
find_capacity() {
  local address port
  read -r address port <<<"${edge_of[kubernetes]}"
  capacity=$(client inside "$client_namespace" "${client_first[@]}" wrk -t 1 -c 48 -d 2 "http://$address:$port/" 2>/dev/null | sed -n 's/^Requests\/sec: *\([0-9]*\).*/\1/p')
  [[ $capacity =~ ^[1-9][0-9]+$ ]] || die "the kubernetes placement answers nothing; its logs are gone with this run: try --quick under bash -x"
  say "$bench: the kubernetes placement bears about $capacity requests a second"
}

# plan_rates: one line of $plan each, "REP MODE SHARE"; within a repetition the modes follow each other at every rate, every other time in reverse.
plan_rates() {
  local rep share one turn=0 order=()
  for ((rep = 1; rep <= reps; rep++)); do
    for share in $(tr ',' '\n' <<<"$shares,30,60" | sort -nu); do
      order=("${modes[@]}")
      ((turn++ % 2 == 0)) || mapfile -t order < <(printf '%s\n' "${modes[@]}" | tac)
      for one in "${order[@]}"; do plan+=("$rep $one $share"); done
    done
  done
  available=("${modes[@]}")
  patience=$((${#plan[@]} / 4)) # spoiled measurements that are made again
}

# measure_point REP MODE SHARE: again when it was spoiled by what else the machine did, as long as there is patience.
measure_point() {
  local address port pair flags=() status
  read -r address port <<<"${edge_of[$2]}"
  for pair in ${groups_of[$2]}; do flags+=(--group "$pair"); done
  [[ $2 != *-redirect ]] || for pair in $mesh_groups; do flags+=(--group "$pair"); done
  while :; do
    status=0
    # First in line for a CPU when a request is due: what it takes of one is little, and it is charged to nobody.
    client inside "$client_namespace" timeout -k 2 $((seconds + 25)) "$node" "$here/lib/response-measure.ts" --to "$raw" --witness "$work/response-witness" \
      --point "{\"rep\":$1,\"plan\":\"$2\",\"share\":$3,\"rate\":$((capacity * $3 / 100)),\"realtime\":$([[ $realtime == yes ]] && echo true || echo false)}" "${flags[@]}" -- \
      "${client_first[@]}" nice -n -15 "$work/open-loop" "$address" "$port" / 64 $((capacity * $3 / 100)) "$seconds" 0.5 || status=$?
    ((status == 75)) || return "$status"
    ((patience-- > 0)) || return 0
    say "$bench: spoiled by what else the machine did; again"
  done
}
