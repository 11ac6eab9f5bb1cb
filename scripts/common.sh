# Shared by the scripts of this folder; source it, don't run it. Needs bash.
#
#   need WHY PACKAGE...    installs what is missing of these Debian packages, after saying so
#   on_exit COMMAND...     runs COMMAND when the script ends, however it ends (last registered, first run)
#   new_home               a new directory that stands for a home directory: prints its path
#   as_user HOME CMD...    runs CMD as an ordinary user with that home directory
#   start_postgres         a private PostgreSQL: sets PG_URL, PG_PORT, PG_LOG; ends with the script
#   debian_image PACKAGE...  imports an image of these installed packages: prints its name
#   start_docker           a Docker daemon: the one there is, or a private one that ends with the script
#   start_own_docker       a private one, with options
# shellcheck shell=bash disable=SC2034

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
program=$(basename "$0")
export DEBIAN_FRONTEND=noninteractive

say() { printf '%s: %s\n' "$program" "$*" >&2; }
die() {
  say "$*"
  exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }
is_root() { [ "$(id -u)" -eq 0 ]; }

# --- cleaning up -----------------------------------------------------------------------------------------------------

exit_commands=()
on_exit() { exit_commands+=("$(printf '%q ' "$@")"); }
run_exit_commands() {
  local status=$? i
  trap '' INT TERM
  for ((i = ${#exit_commands[@]} - 1; i >= 0; i--)); do
    eval "${exit_commands[i]}" || true
  done
  exit_commands=()
  exit "$status"
}
trap run_exit_commands EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# --- packages --------------------------------------------------------------------------------------------------------

# Runs a command as root: as it is, or with sudo.
as_root() {
  if is_root; then
    "$@"
  elif have sudo; then
    if [ -t 0 ]; then sudo -- "$@"; else sudo -n -- "$@"; fi
  else
    die "this needs root, and there is no sudo: $*"
  fi
}

installed() { [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }
known_to_apt() { [ -n "$(apt-cache policy "$1" 2>/dev/null | sed -n 's/^  Candidate: \([^(].*\)/\1/p')" ]; }

# No package that we install may start a service, and PostgreSQL may not make a cluster on port 5432.
# Only files that we made are removed again.
guards=()
guard() {
  local file=$1 mode=$2 text=$3
  [ ! -e "$file" ] || return 0
  as_root mkdir -p "$(dirname "$file")"
  printf '%s\n' "$text" | as_root tee "$file" >/dev/null
  as_root chmod "$mode" "$file"
  guards+=("$file")
}
remove_guards() {
  [ "${#guards[@]}" -eq 0 ] || as_root rm -f "${guards[@]}"
  guards=()
}

need() {
  local why=$1 package missing=() unknown=()
  shift
  have apt-get || die "this script installs Debian packages, and there is no apt-get here. Needed $why: $*"
  for package in "$@"; do
    installed "$package" || missing+=("$package")
  done
  [ "${#missing[@]}" -gt 0 ] || return 0
  say "installs with apt-get, $why: ${missing[*]}"
  is_root || have sudo ||
    die "installing needs root or sudo. As root: apt-get install --no-install-recommends ${missing[*]}"
  is_root || as_root true ||
    die "sudo does not work here without a password. As root: apt-get install --no-install-recommends ${missing[*]}"
  for package in "${missing[@]}"; do
    known_to_apt "$package" || unknown+=("$package")
  done
  if [ "${#unknown[@]}" -gt 0 ]; then
    say "runs apt-get update first: the package list does not know ${unknown[*]}"
    as_root apt-get update -qq || die "apt-get update failed"
  fi
  on_exit remove_guards
  guard /usr/sbin/policy-rc.d 755 $'#!/bin/sh\nexit 101'
  guard /etc/postgresql-common/createcluster.d/no-main-cluster.conf 644 'create_main_cluster = false'
  apt_install "${missing[@]}" || {
    say "runs apt-get update and tries once more: the package list may be old"
    as_root apt-get update -qq && apt_install "${missing[@]}"
  } || die "could not install: ${missing[*]}"
  remove_guards
}

# What the packages say while they are set up is shown only when something fails.
apt_install() {
  local log status=0
  log=$(mktemp)
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
    -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 "$@" >"$log" 2>&1 </dev/null || status=$?
  [ "$status" -eq 0 ] || cat "$log" >&2
  rm -f "$log"
  return "$status"
}

# --- users and directories -------------------------------------------------------------------------------------------

# The ordinary user of the tests: who called sudo, else a user that every Debian has and that owns nothing.
test_user() {
  if [ -n "${COFFERDAM_TEST_USER:-}" ]; then
    echo "$COFFERDAM_TEST_USER"
  elif [ -n "${SUDO_USER:-}" ] && [ "$SUDO_USER" != root ]; then
    echo "$SUDO_USER"
  else
    echo games
  fi
}

# Not below /tmp: the policies cover it with a tmpfs, and a home directory is elsewhere in real life, too.
new_home() {
  local home
  if is_root; then
    home=$(mktemp -d /home/cofferdam-test.XXXXXX)
  else
    home=$(mktemp -d "$HOME/.cofferdam-test.XXXXXX")
  fi
  chmod 755 "$home"
  echo "$home"
}

# The environment is a clean one: nothing of the caller's tool managers or credentials gets into a test.
# NAME=VALUE arguments before the command are added to it.
plain_path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
plain_env() {
  local home=$1
  shift
  env -i HOME="$home" PATH="$plain_path" LANG=C.UTF-8 TERM="${TERM:-dumb}" PYTHONDONTWRITEBYTECODE=1 ${CI:+CI="$CI"} \
    ${COFFERDAM:+COFFERDAM="$COFFERDAM"} ${DOCKER_HOST:+DOCKER_HOST="$DOCKER_HOST"} "$@"
}
as_user() {
  local user
  if is_root; then
    user=$(test_user)
    plain_env "$1" USER="$user" setpriv --reuid "$user" --regid "$(id -g "$user")" --clear-groups --inh-caps=-all \
      env "${@:2}"
  else
    plain_env "$1" USER="$(id -un)" "${@:2}"
  fi
}

# Copies the black-box tests and the binary (COFFERDAM) to where the ordinary user of `as_user HOME` can read them,
# wherever the checkout lies, and makes HOME that user's. Prints the directory of the copy.
user_kit() {
  local home=$1
  mkdir -p "$home/kit/tests"
  cp -r "$repo/tests/cli" "$repo/tests/apps" "$home/kit/tests/"
  cp -r "$repo/policies" "$repo/examples" "$repo/docs" "$repo/README.md" "$home/kit/"
  if [ -x "${COFFERDAM:-}" ]; then cp "$COFFERDAM" "$home/kit/cofferdam"; fi
  if is_root; then
    chmod -R go+rX "$home/kit"
    chown "$(test_user):$(id -g "$(test_user)")" "$home"
  fi
  echo "$home/kit"
}

free_port() {
  /usr/bin/python3 -c 'import socket
while True:
    s = socket.create_server(("127.0.0.1", 0))
    port = s.getsockname()[1]
    s.close()
    if port != 5432:
        print(port)
        break'
}

# --- a PostgreSQL of our own -----------------------------------------------------------------------------------------

postgres_packages=(postgresql)

# PostgreSQL refuses to run as root: then a system user owns the cluster.
pg_as() {
  if is_root; then
    local user=postgres
    id postgres >/dev/null 2>&1 || user=nobody
    setpriv --reuid "$user" --regid "$(id -g "$user")" --clear-groups --inh-caps=-all env HOME="$PG_DIR" "$@"
  else
    "$@"
  fi
}
pg_stop() {
  pg_as "$PG_BIN/pg_ctl" -D "$PG_DIR/data" -m immediate -s stop >/dev/null 2>&1 || true
  rm -rf "$PG_DIR"
}

# Sets PG_URL (postgresql://app:...@127.0.0.1:PORT/app), PG_PORT, PG_SOCKETS (directory) and PG_LOG.
# The cluster lives in a temporary directory and listens on a free port of the loopback, never on 5432.
start_postgres() {
  local try secret=s3cret-of-the-app
  PG_BIN=$(find /usr/lib/postgresql -maxdepth 3 -path '*/bin/initdb' 2>/dev/null | sort -V | tail -n 1)
  [ -n "$PG_BIN" ] || die "no PostgreSQL server below /usr/lib/postgresql"
  PG_BIN=$(dirname "$PG_BIN")
  # Not /tmp: where that is the tmpfs of a container, the cluster's files would be taken for the application's.
  PG_DIR=$(mktemp -d /var/tmp/cofferdam-pg.XXXXXX)
  PG_SOCKETS=$PG_DIR
  PG_LOG=$PG_DIR/log
  chmod 755 "$PG_DIR"
  : >"$PG_LOG"
  chmod 644 "$PG_LOG"
  printf '%s\n' "$secret" >"$PG_DIR/password"
  if is_root; then chown -R "$(pg_as id -u):$(pg_as id -g)" "$PG_DIR"; fi
  on_exit pg_stop
  pg_as "$PG_BIN/initdb" -D "$PG_DIR/data" -U app --auth=scram-sha-256 --pwfile="$PG_DIR/password" -E UTF8 \
    --locale=C.UTF-8 --no-sync >/dev/null || die "initdb failed"
  for try in 1 2 3; do
    PG_PORT=$(free_port)
    PG_URL="postgresql://app:$secret@127.0.0.1:$PG_PORT/app"
    if pg_as "$PG_BIN/pg_ctl" -D "$PG_DIR/data" -l "$PG_LOG" -s -w -t 30 start \
      -o "-c listen_addresses=127.0.0.1 -c port=$PG_PORT -c unix_socket_directories=$PG_SOCKETS -c fsync=off" \
      -o "-c shared_buffers=16MB -c max_connections=30 -c log_connections=on" \
      -o "-c dynamic_shared_memory_type=mmap" >/dev/null 2>&1; then  # nothing of ours in a shared /dev/shm
      PGPASSWORD=$secret pg_as "$PG_BIN/createdb" -h 127.0.0.1 -p "$PG_PORT" -U app app || die "createdb failed"
      say "started a private PostgreSQL in $PG_DIR on 127.0.0.1:$PG_PORT; it ends with this script"
      return 0
    fi
    say "PostgreSQL did not start (try $try of 3)"
  done
  cat "$PG_LOG" >&2
  die "PostgreSQL did not start"
}

# --- a Docker daemon -------------------------------------------------------------------------------------------------

docker_packages=(docker.io)

docker_stop() {
  local pid
  pid=$(cat "$DOCKERD_DIR/pid" 2>/dev/null) || pid=
  if [ -n "$pid" ]; then
    docker ps -aq 2>/dev/null | xargs -r docker rm -f >/dev/null 2>&1 || true
    kill "$pid" 2>/dev/null || true
    for _ in $(seq 100); do
      kill -0 "$pid" 2>/dev/null || break
      sleep 0.1
    done
  fi
  # dockerd binds its data directory onto itself.
  awk -v dir="$DOCKERD_DIR/" 'index($2, dir) == 1 {print $2}' /proc/mounts | sort -r | xargs -r -n 1 umount -l || true
  rm -rf "$DOCKERD_DIR"
}

# Exports DOCKER_HOST when it starts a daemon. Returns 1 when there is none and none can be started.
start_docker() {
  if have docker && docker info >/dev/null 2>&1; then
    return 0
  fi
  start_own_docker
}

# start_own_docker [OPTION...]: a daemon with those options of dockerd, whether there is another one or not. Exports
# DOCKER_HOST. Returns 1 when it can't be started.
start_own_docker() {
  is_root || return 1
  need "for the container tests" "${docker_packages[@]}"
  # Debian's overlay2 driver can't live on an overlay; /var/tmp is a disk nearly everywhere.
  DOCKERD_DIR=$(mktemp -d /var/tmp/cofferdam-docker.XXXXXX)
  on_exit docker_stop
  DOCKER_HOST=unix://$DOCKERD_DIR/docker.sock
  export DOCKER_HOST
  say "starts a private Docker daemon in $DOCKERD_DIR (no bridge, no iptables); it ends with this script"
  dockerd --data-root "$DOCKERD_DIR/data" --exec-root "$DOCKERD_DIR/exec" --pidfile "$DOCKERD_DIR/pid" \
    -H "$DOCKER_HOST" --bridge=none --iptables=false --ip-masq=false "$@" >"$DOCKERD_DIR/log" 2>&1 &
  for _ in $(seq 300); do
    ! docker info >/dev/null 2>&1 || return 0
    kill -0 $! 2>/dev/null || break
    sleep 0.1
  done
  tail -n 20 "$DOCKERD_DIR/log" >&2
  return 1
}

# The file system is kept in build/images: the same packages in the same versions are the same image.
debian_image() {
  local tools=$repo/tests/apps/debian-image set version tar
  set=$(echo "$*" | sha256sum | cut -c 1-8)
  version=$( (cat "$tools" && dpkg-query -W -f '${Package}=${Version}\n') | sha256sum | cut -c 1-12)
  tar=$repo/build/images/$set-$version.tar
  if [ ! -e "$tar" ]; then
    say "makes a container image of installed packages: $*"
    mkdir -p "$repo/build/images"
    rm -f "$repo/build/images/$set"-*.tar
    "$tools" "$tar" "$@" >&2
  fi
  docker import "$tar" "cofferdam-test-base:$set-$version" >/dev/null
  echo "cofferdam-test-base:$set-$version"
}
