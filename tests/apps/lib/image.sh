# Container images of real applications; source it after scripts/common.sh. Needs a Docker daemon.
#
#   make_image IMAGE POLICY PROJECT PACKAGE...   an image of installed Debian packages whose ENTRYPOINT is cofferdam under
#                                                POLICY and whose /app is PROJECT; removed when the script ends
# shellcheck shell=bash disable=SC2154

make_image() {
  local image=$1 policy=$2 project=$3 base container entry
  base=$(debian_image "${@:4}")
  on_exit remove_images "$image" "$base"
  container=$(docker create --network none "$base" true)
  docker cp -q "$COFFERDAM" "$container:/cofferdam" >/dev/null
  docker cp -q "$project" "$container:/app" >/dev/null
  entry='"/cofferdam","run","--policy","'$policy'","--report","/out/report.json","--events","/out/events.jsonl","--"'
  docker commit --change 'WORKDIR /app' --change "ENTRYPOINT [$entry]" "$container" "$image" >/dev/null
  docker rm "$container" >/dev/null
}
remove_images() { docker rmi -f "$@" >/dev/null 2>&1 || true; }
