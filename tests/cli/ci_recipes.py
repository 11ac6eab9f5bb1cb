#!/usr/bin/python3
"""The recipes of examples/ci: each line that calls cofferdam does what it should, in the recipe's own order."""

import os
import re
import shlex
import subprocess

from harness import BINARY, check, contains, equal, main, test

EXAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples", "ci")
LINE = re.compile(r"^\s*(?:- run: |- |sh ')(cofferdam [^'\n]*?)'?$", re.MULTILINE)
UPLOAD = "mkdir -p media\nprintf '\\211PNG\\r\\n\\032\\n' > media/a.png\n"
CASE = """version: 1
cases:
  - name: prints
    policy: ../cofferdam.yaml
    script: echo hello
    expect: {stdout: {contains: hello}}
"""


def lines_of(recipe):
    with open(os.path.join(EXAMPLES, recipe), encoding="utf-8") as file:
        lines = LINE.findall(file.read())
    check(len(lines) >= 5, f"lines of {recipe}: {lines}")
    return lines


def call(place, line):
    os.makedirs(os.path.join(place.project, "out"), exist_ok=True)
    words = line.replace("cofferdam ", shlex.quote(BINARY) + " ", 1)
    return subprocess.run(["/bin/sh", "-c", words], cwd=place.project, env={**place.env, "CI": "true"}, check=False,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)


def follow(place, recipe):
    place.file("cofferdam.yaml", "version: 1\nextends: twelve-factor\n")
    place.file("ci/visit.sh", UPLOAD)
    place.file("ci/shop.test.yaml", CASE)
    written = place.cofferdam("run", "--baseline", "baseline.jsonl", "--update-baseline", "--", "sh", "ci/visit.sh")
    equal(written.code, 0, written.err)
    for line in lines_of(recipe):
        done = call(place, line)
        if not line.startswith("cofferdam doctor"):  # says what this machine can't enforce, which is another test's
            equal(done.returncode, 0, f"{line}: {done.stdout}{done.stderr}")

    place.file("ci/visit.sh", UPLOAD + "mkdir -p sessions; echo x > sessions/sess_1\n")
    for line in lines_of(recipe):
        done = call(place, line)
        wanted = 3 if line.startswith("cofferdam run") else 0
        if not line.startswith("cofferdam doctor"):
            equal(done.returncode, wanted, f"{line}, with a new finding: {done.stdout}{done.stderr}")
    with open(os.path.join(place.project, "out", "run.html"), encoding="utf-8") as file:
        contains(file.read(), "CD113", "the page")


@test
def github(place):
    follow(place, "github.yml")


@test
def gitlab(place):
    follow(place, "gitlab-ci.yml")


@test
def jenkins(place):
    follow(place, "Jenkinsfile")


main()
