# Two network namespaces joined by a veth pair: a client's and a server's, as two pods on one host. Sourced after lib/servers.sh.
# shellcheck shell=bash disable=SC2154,SC2034
far_address=10.203.77.2

make_pods() {
  make_namespace a && pod_a=$made
  make_namespace b && pod_b=$made
  ip -n "$pod_a" link add eth0 type veth peer name eth0 netns "$pod_b"
  ip -n "$pod_a" address add 10.203.77.1/24 dev eth0
  ip -n "$pod_b" address add "$far_address/24" dev eth0
  ip -n "$pod_a" link set eth0 up
  ip -n "$pod_b" link set eth0 up
}

start_far_plain() {
  start far-plain "$pod_b" taskset -c "$server_cpu" nginx -c "$(nginx_conf "$far_address" 8150)"
  wait_for_port far-plain "$pod_a" "$far_address" 8150 || return 1
  watched[far-plain]="server=$pid_far_plain"
}

start_far_sockhijack() {
  start_hijacked far-hijack "$pod_b" far:8250,8253 nginx -c "$(nginx_conf "$far_address" 8250)"
  wait_for_port far-hijack "$pod_a" "$far_address" 8250 || return 1
  watched[far-sockhijack]="server=$pid_far_hijack daemon=$hijack_daemon"
}
