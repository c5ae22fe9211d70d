#!/usr/bin/env bash
# One request's way through three programs that know nothing of tracing, as one trace: nginx as a proxy, Python, nginx.
# Usage: sudo examples/06-trace.sh
set -euo pipefail
PATH=$(cd "$(dirname "$0")/.." && pwd)/bin:$PATH
work=$(mktemp -d) port=$((20000 + RANDOM % 12000)) socket=$work/sockhijack.sock
trap 'kill $(jobs -p) 2>/dev/null; wait; sockhijack cleanup --socket "$socket" &>"$work/cleanup"; rm -rf "$work"' EXIT
run=(sockhijack run --socket "$socket" --tracing header --service)
until_listening() { until (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; do sleep 0.1; done; }
nginx_conf() { # <name> <port> <what it does>
  echo "daemon off; error_log $work/$1.log; pid $work/$1.pid; events {}
  http { access_log off; $(for t in client_body proxy fastcgi uwsgi scgi; do echo "${t}_temp_path $work/$t;"; done)
  server { listen 127.0.0.1:$2; location / { $3 } } }" >"$work/$1.conf"
}
sockhijack daemon --socket "$socket" >"$work/log" 2>&1 &
until grep -qs ' ready ' "$work/log"; do kill -0 $!; sleep 0.1; done

# shellcheck disable=SC2016 # $http_traceparent is nginx'
nginx_conf stock "$port" 'return 200 "12 left, traceparent $http_traceparent\n";'
nginx_conf edge $((port + 2)) 'proxy_pass http://shop.mesh:80; proxy_http_version 1.1;'
cat >"$work/shop.py" <<PYTHON
import http.server, urllib.request
class Shop(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
        self.wfile.write(urllib.request.urlopen("http://stock.mesh/items/42", timeout=5).read())
    def log_message(self, *args): pass
http.server.ThreadingHTTPServer(("127.0.0.1", $port + 1), Shop).serve_forever()
PYTHON
"${run[@]}" stock:80:"$port" -- nginx -c "$work/stock.conf" &
"${run[@]}" shop:80:$((port + 1)) -- /usr/bin/python3 "$work/shop.py" &
until_listening $((port + 1))
"${run[@]}" edge:80:$((port + 2)) -- nginx -c "$work/edge.conf" &
until_listening "$port"; until_listening $((port + 2))

"${run[@]}" browser -- curl -sS http://edge.mesh/cart
sleep 0.3 # the answer's last byte may be told a moment later
sockhijack trace --socket "$socket"
