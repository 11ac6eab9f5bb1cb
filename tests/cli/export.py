#!/usr/bin/python3
"""cofferdam export: what comes out is what the engines read, and what is missing is told."""

import shlex
import subprocess

import harness
from harness import BINARY, check, contains, equal, test


def export(place, *words):
    return subprocess.run([BINARY, "export", *words], cwd=place.project, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=30, check=False)


@test
def the_command_of_docker(place):
    done = export(place, "--to", "docker", "--image", "shop:1", "--", "serve", "it's $HOME")
    equal(done.returncode, 0, done.stderr)
    words = shlex.split(done.stdout.replace("\\\n", " "))
    equal(words[:2], ["docker", "run"], "the command")
    equal(words[-3:], ["shop:1", "serve", "it's $HOME"], "image and command")
    check("--read-only" in words and "--cap-drop" in words, done.stdout)
    contains(done.stderr, "not enforced by docker itself", "what is missing")


@test
def strict_fails_when_something_is_missing(place):
    equal(export(place, "--to", "kubernetes", "--strict").returncode, 1, "exit status")
    equal(export(place, "--to", "compose", "--strict", "--runtime", "cofferdam").returncode, 0, "with the runtime")


@test
def mistakes(place):
    for words, part in (([], "--to is missing"), (["--to", "vm"], "must be docker, compose or kubernetes"),
                        (["--to", "docker", "--port", "x"], "1 to 65535"),
                        (["--to", "docker", "--workdir", "app"], "absolute"),
                        (["--to", "docker", "--policy", "none-such"], "none-such")):
        done = export(place, *words)
        equal((done.returncode, done.stdout), (2, ""), str(words))
        contains(done.stderr, part, str(words))


if __name__ == "__main__":
    harness.main()
