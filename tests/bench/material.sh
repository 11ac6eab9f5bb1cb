# What `scripts/bench storage` works on; source it after scripts/common.sh.
#
#   make_material DIRECTORY FILES
#
# Makes in DIRECTORY: perl.tar (the source of Perl, 6,000 files), perl.git (the same as a repository), lua.tar (a C
# program without dependencies), tree/ (FILES small files, 50 in each directory), npm-cache, and files (files.c).
# Downloads are kept in build/bench. They are source packages of Debian 12, pinned by checksum, and one npm package.
# shellcheck shell=bash disable=SC2154

# The original source of a Debian source package: its file name and SHA-256.
perl_source=(perl perl_5.36.0.orig.tar.xz 0f386dccbee8e26286404b2cca144e1005be65477979beb9b1ba272d4819bcf0)
lua_source=(lua5.4 lua5.4_5.4.4.orig.tar.gz 164c7849653b80ae67bec4b7473b884bf5cc8d2dca05653475ec2ed27b9ebf61)
npm_package=s3rver@3.7.1

# The machine's own package lists are left alone: lists of sources of our own, made from its configuration.
fetch_source() {
  local package=$1 file=$2 sum=$3 lists=$repo/build/bench/apt options
  if [ ! -e "$repo/build/bench/$file" ]; then
    say "fetches the Debian source $file"
    options=(-o "Dir::Etc::SourceList=$lists/sources.sources" -o Dir::Etc::SourceParts=/dev/null
      -o "Dir::State::Lists=$lists/lists" -o APT::Sandbox::User=)
    if [ ! -e "$lists/complete" ]; then
      mkdir -p "$lists/lists/partial"
      printf '%s\n' 'Types: deb-src' 'URIs: http://deb.debian.org/debian' 'Suites: bookworm' 'Components: main' \
        'Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg' >"$lists/sources.sources"
      apt-get "${options[@]}" -qq update || die "apt-get could not read the list of sources"
      touch "$lists/complete"
    fi
    (cd "$lists" && apt-get "${options[@]}" -qq source --download-only "$package" >/dev/null) ||
      die "apt-get could not fetch the source of $package"
    [ -e "$lists/$file" ] || die "Debian has another version of $package now; tests/bench/material.sh names $file"
    mv "$lists/$file" "$repo/build/bench/$file"
  fi
  sha256sum --check --quiet <<<"$sum  $repo/build/bench/$file" || die "build/bench/$file has another checksum"
}

make_material() {
  local directory=$1 files=$2 cache=$repo/build/bench/npm-cache unpacked
  mkdir -p "$repo/build/bench" "$directory"
  fetch_source "${perl_source[@]}"
  fetch_source "${lua_source[@]}"
  if [ ! -e "$cache" ]; then
    say "fetches $npm_package and what it needs from npm"
    unpacked=$(mktemp -d)
    npm install --prefix "$unpacked" --cache "$cache.new" --ignore-scripts --no-audit --no-fund --loglevel=error \
      "$npm_package" >/dev/null </dev/null || die "npm could not fetch $npm_package"
    rm -rf "$unpacked" "$cache.new/_logs"
    mv "$cache.new" "$cache"
  fi
  cp -r "$cache" "$directory/npm-cache"
  # Unpacking is measured, decompression is not.
  xz -dc "$repo/build/bench/${perl_source[1]}" >"$directory/perl.tar"
  gzip -dc "$repo/build/bench/${lua_source[1]}" >"$directory/lua.tar"
  unpacked=$(mktemp -d "$directory/unpacked.XXXXXX")
  tar -xf "$directory/perl.tar" -C "$unpacked" --strip-components=1
  git -C "$unpacked" init -q -b main
  git -C "$unpacked" add -A -f
  git -C "$unpacked" -c user.name=bench -c user.email=bench@localhost commit -q -m "the source of Perl"
  git clone -q --bare "$unpacked" "$directory/perl.git"
  rm -rf "$unpacked"
  gcc -O2 -static -o "$directory/files" "$repo/tests/bench/files.c"
  /usr/bin/python3 - "$directory/tree" "$files" <<'PYTHON'
import os
import sys
tree, count = sys.argv[1], int(sys.argv[2])
for i in range(count):
    folder = f"{tree}/{i // 2500}/{i // 50}"
    if i % 50 == 0:
        os.makedirs(folder)
    with open(f"{folder}/{i}.txt", "w", encoding="ascii") as file:
        file.write(f"file {i}\n" * 20)
PYTHON
}
