# A real S3-compatible server for tests; source it after scripts/common.sh.
#
#   fetch_s3rver  s3rver from npm in $s3_modules/node_modules, kept in build/npm
#   start_s3      s3rver on a free port of the loopback: sets S3_URL, S3_BUCKET and S3_DIR, the directory of its objects;
#                 exports the credentials as AWS_*; ends with the script
# shellcheck shell=bash disable=SC2034,SC2154

s3_package=s3rver@3.7.1
s3_modules=$repo/build/npm/$s3_package

s3_stop() {
  kill "$S3_PID" 2>/dev/null || true
  rm -rf "$S3_DIR"
}

fetch_s3rver() {
  [ ! -e "$s3_modules/complete" ] || return 0
  have npm || need "to fetch the S3 server" nodejs npm
  say "fetches the S3 server $s3_package from npm"
  mkdir -p "$s3_modules"
  npm install --prefix "$s3_modules" --no-audit --no-fund --ignore-scripts --loglevel=error "$s3_package" \
    >"$s3_modules/log" 2>&1 </dev/null || { cat "$s3_modules/log" >&2; die "npm could not install $s3_package"; }
  touch "$s3_modules/complete"
}

start_s3() {
  local log port try
  have node || need "for the S3 server" nodejs
  fetch_s3rver
  # Where no instance can write: /var/tmp is a tmpfs inside of it.
  S3_DIR=$(mktemp -d /var/tmp/cofferdam-s3.XXXXXX)
  S3_BUCKET=gallery
  chmod 755 "$S3_DIR"
  log=$S3_DIR/log
  for try in 1 2 3; do
    port=$(free_port)
    S3_URL=http://127.0.0.1:$port
    node "$s3_modules/node_modules/s3rver/bin/s3rver.js" --address 127.0.0.1 --port "$port" --directory "$S3_DIR/objects" \
      --configure-bucket "$S3_BUCKET" >"$log" 2>&1 </dev/null &
    S3_PID=$!
    for _ in $(seq 100); do
      if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
        on_exit s3_stop
        say "started a private S3 server on 127.0.0.1:$port; it ends with this script"
        return 0
      fi
      kill -0 "$S3_PID" 2>/dev/null || break
      sleep 0.1
    done
    kill "$S3_PID" 2>/dev/null || true
    say "the S3 server did not start (try $try of 3)"
  done
  cat "$log" >&2
  rm -rf "$S3_DIR"
  die "the S3 server did not start"
}
