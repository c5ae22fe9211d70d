# Two network namespaces joined by a veth pair: a client's and a server's, as two pods on one host. Sourced after lib/servers.sh.
# shellcheck shell=bash disable=SC2154,SC2034
far_address=10.203.77.2

make_pods() {
  make_namespace a && pod_a=$made
  make_namespace b && pod_b=$made
  join_namespaces "$pod_a" "$pod_b" 10.203.77
}

# join_namespaces A B SUBNET: a veth pair between them; A is SUBNET.1, B is SUBNET.2.
join_namespaces() {
  ip -n "$1" link add eth0 type veth peer name eth0 netns "$2"
  ip -n "$1" address add "$3.1/24" dev eth0
  ip -n "$2" address add "$3.2/24" dev eth0
  ip -n "$1" link set eth0 up
  ip -n "$2" link set eth0 up
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
