# The servers of connect.py, on free ports of the loopback; source it after scripts/common.sh. They end with the script.
#
#   start_servers DIR   sets `servers`: the options of connect.py that name them
# shellcheck shell=bash disable=SC2034,SC2154

start_servers() {
  local place=$1 redis nginx socks
  start_postgres
  PGPASSWORD=s3cret-of-the-app "$PG_BIN/pgbench" -h 127.0.0.1 -p "$PG_PORT" -U app -i -q app >/dev/null 2>&1 ||
    die "pgbench -i failed"
  redis=$(free_port)
  redis-server --bind 127.0.0.1 --port "$redis" --save '' --appendonly no --dir "$place" >"$place/redis.log" 2>&1 &
  on_exit kill $!
  nginx=$(free_port)
  mkdir -p "$place/nginx"
  cat >"$place/nginx.conf" <<CONF
worker_processes 1;
daemon off;
pid $place/nginx/pid;
error_log $place/nginx/error.log;
events { worker_connections 1024; }
http {
  access_log off;
  keepalive_requests 1000000;
  client_body_temp_path $place/nginx/body;
  proxy_temp_path $place/nginx/proxy;
  fastcgi_temp_path $place/nginx/fastcgi;
  uwsgi_temp_path $place/nginx/uwsgi;
  scgi_temp_path $place/nginx/scgi;
  server { listen 127.0.0.1:$nginx; location / { return 200 "ok"; } }
}
CONF
  PATH=$PATH:/usr/sbin nginx -p "$place/nginx" -c "$place/nginx.conf" >/dev/null 2>&1 &
  on_exit kill $!
  socks=$(free_port)
  microsocks -i 127.0.0.1 -p "$socks" >/dev/null 2>&1 &
  on_exit kill $!
  for _ in $(seq 50); do
    redis-cli -h 127.0.0.1 -p "$redis" ping >/dev/null 2>&1 && break
    sleep 0.1
  done
  servers=(--pgbin "$PG_BIN" --postgres "$PG_PORT" --password s3cret-of-the-app --redis "$redis" --nginx "$nginx"
    --socks "$socks")
}
