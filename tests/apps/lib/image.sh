# Container images of real applications; source it after scripts/common.sh. Needs a Docker daemon.
#
#   make_image IMAGE POLICY PROJECT PACKAGE...   an image of installed Debian packages whose ENTRYPOINT is cofferdam under
#                                                POLICY and whose /app is PROJECT; removed when the script ends
# shellcheck shell=bash disable=SC2154

make_image() {
  local image=$1 policy=$2 project=$3 packages=("${@:4}") maker=$repo/tests/apps/debian-image base tar container entry
  # Made again when the packages change; the old one is of no use then.
  base=$( (cat "$maker" && dpkg-query -W -f '${Package}=${Version}\n') | sha256sum | cut -c 1-12)
  tar=$repo/build/images/$image-$base.tar
  if [ ! -e "$tar" ]; then
    say "makes a container image of installed packages: ${packages[*]}"
    mkdir -p "$repo/build/images"
    rm -f "$repo/build/images/$image"-*.tar
    "$maker" "$tar" "${packages[@]}"
  fi
  on_exit remove_images "$image" "cofferdam-test-base:$image-$base"
  docker import "$tar" "cofferdam-test-base:$image-$base" >/dev/null
  container=$(docker create --network none "cofferdam-test-base:$image-$base" true)
  docker cp -q "$COFFERDAM" "$container:/cofferdam" >/dev/null
  docker cp -q "$project" "$container:/app" >/dev/null
  entry='"/cofferdam","run","--policy","'$policy'","--report","/out/report.json","--events","/out/events.jsonl","--"'
  docker commit --change 'WORKDIR /app' --change "ENTRYPOINT [$entry]" "$container" "$image" >/dev/null
  docker rm "$container" >/dev/null
}
remove_images() { docker rmi -f "$@" >/dev/null 2>&1 || true; }
