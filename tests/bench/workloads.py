#!/usr/bin/python3
"""One workload, run inside of a contestant: prepares it, times it, prints its seconds.

    workloads.py NAME MATERIAL WORK

MATERIAL holds what material.sh made and is only read. WORK is a directory that does not exist yet and is on the
contestant's own storage; copies that belong to the preparation are not timed. A workload that is over too soon to be
timed is repeated, and the time is that of one repetition.
"""

import os
import shutil
import subprocess
import sys
import time

SQLITE = """
import sqlite3
base = sqlite3.connect("rows.sqlite3", isolation_level=None)
base.execute("pragma synchronous = off")  # the disk's own latency is not what is compared
base.execute("create table entry (id integer primary key, text text)")
for i in range(1000):
    base.execute("insert into entry (text) values (?)", (f"entry {i}",))
"""
NPM = ["npm", "install", "--offline", "--cache", "cache", "--ignore-scripts", "--no-audit", "--no-fund",
       "--loglevel=error", "s3rver@3.7.1"]


def nothing(_material):
    pass


def unpack_lua(material):
    subprocess.run(["tar", "-xf", f"{material}/lua.tar"], check=True)


def copy_npm_cache(material):
    shutil.copytree(f"{material}/npm-cache", "cache")
    with open("package.json", "w", encoding="ascii") as file:
        file.write("{}")


def empty_file(_material):
    with open("data", "w", encoding="ascii"):
        pass


# name: (preparation, command with MATERIAL in it, repetitions)
WORKLOADS = {
    "untar": (nothing, ["tar", "-xf", "MATERIAL/perl.tar"], 1),
    "make": (unpack_lua, ["make", "-s", "-j2", "-C", "lua-5.4.4/src", "posix"], 1),
    "npm": (copy_npm_cache, NPM, 1),
    "clone": (nothing, ["git", "clone", "--quiet", "file://MATERIAL/perl.git", "clone"], 1),
    "find": (nothing, ["find", "MATERIAL/tree", "-type", "f", "-newer", "/"], 5),
    "grep": (nothing, ["grep", "-r", "no such text", "MATERIAL/tree"], 1),
    "sqlite": (nothing, [sys.executable, "-c", SQLITE], 1),
    "opens": (empty_file, ["MATERIAL/files", "w", "data", "10000"], 1),
}


def run(name, material, work):
    prepare, command, times = WORKLOADS[name]
    command = [part.replace("MATERIAL", material) for part in command]
    os.mkdir(work)
    os.chdir(work)
    prepare(material)
    if times > 1:
        subprocess.run(command, check=False, stdout=subprocess.DEVNULL)  # warm caches
    start = time.perf_counter()
    for _ in range(times):
        code = subprocess.run(command, check=False, stdout=subprocess.DEVNULL).returncode
        if code > (1 if name == "grep" else 0):  # grep finds nothing
            sys.exit(f"{command[0]}: exit status {code}")
    print((time.perf_counter() - start) / times)


if __name__ == "__main__":
    run(*sys.argv[1:])
