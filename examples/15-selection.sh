#!/usr/bin/env bash
# Selection: three replicas, one of them five times slower. Round robin lets a third of the requests wait for it; replicad tells nicd how busy each is.
# Usage: sudo examples/15-selection.sh
set -euo pipefail
PATH=$(cd "$(dirname "$0")/.." && pwd)/bin:$PATH
command -v wrk >/dev/null || { echo "this example needs wrk: apt-get install wrk" >&2; exit 69; }
work=$(mktemp -d) port=$((20000 + RANDOM % 12000)) nicd=$work/nicd.sock replicad=$work/replicad.sock
trap 'kill $(jobs -p) 2>/dev/null; wait; rm -rf "$work"' EXIT
cd "$work"
mesh() { # a selector; the file is put in place whole, and both daemons follow it
  printf 'version: 1\nnodes: { a: { address: 127.0.0.1 } }\nservices:\n  web:\n    ports: [80]\n    cluster: { selector: %s }\n    replicas: [%s]\n' "$1" \
    "{ node: a, port: $((port + 1)) }, { node: a, port: $((port + 2)) }, { node: a, port: $((port + 3)) }" >new.yaml && mv new.yaml mesh.yaml
}
cat >replica.py <<'PY'
import http.server, sys, threading, time
one_at_a_time = threading.Lock()
class Replica(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(*_): pass
    def do_GET(self):
        with one_at_a_time: time.sleep(float(sys.argv[2]))
        self.send_response(200); self.send_header("content-length", "0"); self.end_headers()
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Replica).serve_forever()
PY
for replica in "1 0.005" "2 0.005" "3 0.025"; do /usr/bin/python3 replica.py $((port + ${replica% *})) "${replica#* }" & done
mesh round-robin
nicd daemon --config mesh.yaml --socket "$nicd" --node a --sockhijack off --link-listen off --listen 127.0.0.1:$port=web --replicad "$replicad" 2>nicd.log &
replicad daemon --config mesh.yaml --socket "$replicad" --node a --sockhijack off --broker off --nicd "$nicd" --state "$work/state" 2>replicad.log &
until curl -so first "http://127.0.0.1:$port/" && grep -qs ' ready ' replicad.log; do kill -0 $!; sleep 0.1; done

for selector in round-robin mitsu; do
  mesh $selector && nicd reload --socket "$nicd" >said && replicad reload --socket "$replicad" >said
  wrk -t 1 -c 6 -d 2 --latency "http://127.0.0.1:$port/" | awk -v s=$selector '/ 50%/ { p50 = $2 } / 99%/ { p99 = $2 } /^Req/ { print s ": p50 " p50 ", p99 " p99 ", " $2 " requests/s" }'
done
wrk -t 1 -c 6 -d 3 "http://127.0.0.1:$port/" >load & load=$!
replicad replicas --socket "$replicad"
replicad explain web --socket "$replicad"
replicad drain 127.0.0.1:$((port + 3)) --wait --socket "$replicad"
wait $load
grep -E 'Non-2xx|Socket errors' load || echo "no request failed meanwhile"
