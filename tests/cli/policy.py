#!/usr/bin/python3
"""`cofferdam check`, and what a run does with a policy that can't be used: nothing starts, every mistake has its place."""

import os
import re

from harness import check, contains, equal, main, test

HEAD = "version: 1\nextends: twelve-factor\n"


def bad(place, text, *parts, line=None, name="bad.yaml"):
    """The text must be refused by `check` with all of `parts` in its message, and by `run` with 125."""
    place.file(name, text)
    result = place.cofferdam("check", name)
    output = result.out.decode(errors="replace") + result.err
    check(result.code in (1, 2), f"check exits with {result.code}: {output}")
    for part in parts:
        contains(output, part, "message of check")
    if line:
        check(re.search(rf"{re.escape(name)}:{line}:\d+: ", output), f"no {name}:{line}:COLUMN in {output}")
    run = place.run("echo", "started", options=["--policy", name])
    equal(run.code, 125, f"exit status of run ({run.err})")
    equal(run.out, b"", "output of the app, which must not start")
    return output


@test
def shipped_policies_are_right(place):
    for name in ("twelve-factor", "django", "go", "node"):
        result = place.cofferdam("check", name)
        equal(result.code, 0, f"{name}: {result.err}{result.out.decode()}")
        equal(place.run("true", options=["--policy", name]).code, 0, f"run with {name}")


@test
def good_policy(place):
    place.file("cofferdam.yaml", HEAD + "storage: {mounts: [{path: /tmp, type: tmpfs, size: 1MiB}]}\n")
    equal(place.cofferdam("check", "cofferdam.yaml").code, 0, "check FILE")
    equal(place.cofferdam("check").code, 0, "check")


@test
def missing(place):
    result = place.cofferdam("check", "no-such.yaml")
    check(result.code in (1, 2), f"exit status {result.code}")
    contains(result.err + result.out.decode(), "no-such.yaml", "message")


@test
def empty(place):
    bad(place, "", "version")
    bad(place, "\n\n# only a comment\n", "version")


@test
def of_10_mib(place):
    bad(place, HEAD + "# " + "x" * (10 << 20) + "\n")


@test
def deeply_nested(place):
    bad(place, HEAD + "storage: " + "[" * 20000 + "]" * 20000 + "\n")
    bad(place, HEAD + "".join("  " * depth + "a:\n" for depth in range(1000)))


@test
def directory_as_policy(place):
    os.mkdir(os.path.join(place.project, "dir.yaml"))
    result = place.cofferdam("check", "dir.yaml")
    check(result.code in (1, 2), f"exit status {result.code}")
    equal(place.run("true", options=["--policy", "./dir.yaml"]).code, 125, "run")


@test
def device_as_policy(place):
    for path in ("/dev/zero", "/dev/null"):
        check(place.cofferdam("check", path, timeout=10).code in (1, 2), path)


@test
def tabs(place):
    bad(place, HEAD + "storage:\n\tmounts: []\n", "tab", line=4)


@test
def broken_yaml(place):
    bad(place, HEAD + "storage: {mounts: [\n")
    bad(place, HEAD + "a: 'unclosed\n")


@test
def binary(place):
    place.file("bad.yaml", b"version: 1\n\x00\xff\xfe\n")
    check(place.cofferdam("check", "bad.yaml").code in (1, 2), "exit status")


@test
def duplicate_keys(place):
    bad(place, HEAD + "database: {ports: [1]}\ndatabase: {ports: [2]}\n", "database", line=4)


@test
def unknown_key_has_the_nearest(place):
    output = bad(place, HEAD + "databse:\n  ports: [1]\n", "databse", "database", line=3)
    check("CD9" in output, f"code: {output}")
    bad(place, HEAD + "storage:\n  mounts:\n    - {path: /tmp, typ: tmpfs}\n", "typ", "type", line=5)


@test
def wrong_types(place):
    bad(place, HEAD + "database: 5\n", "database", line=3)
    bad(place, HEAD + "database:\n  ports: [seventy]\n", "seventy", line=4)
    bad(place, HEAD + "database:\n  ports: [70000]\n", "70000", line=4)
    bad(place, HEAD + "mode: locale\n", "locale", "local", line=3)
    bad(place, HEAD + "storage: {mounts: [{path: /tmp, type: tempfs}]}\n", "tempfs", "tmpfs", line=3)


@test
def size_that_is_no_size(place):
    for size in ("big", "-5MiB", "5 bananas", "99999999999999999999GiB", "0"):
        bad(place, HEAD + f"storage:\n  mounts:\n    - {{path: /tmp, type: tmpfs, size: {size}}}\n", line=5)


@test
def anchors_aliases_tags_documents(place):
    bad(place, HEAD + "database: &a {ports: [1]}\n", line=3)
    bad(place, HEAD + "database: &a {ports: [1]}\nstorage: *a\n")
    bad(place, HEAD + "database: !!map {ports: [1]}\n", line=3)
    bad(place, HEAD + "---\nversion: 1\n")


@test
def over_broad_paths(place):
    for path in ("/", "/usr", "/proc", "/etc/.."):
        bad(place, HEAD + f"storage:\n  mounts:\n    - {{path: {path}, type: tmpfs}}\n", line=5)


@test
def version(place):
    bad(place, "extends: twelve-factor\n", "version")
    bad(place, "version: 2\n", "version", line=1)
    bad(place, "version: one\n", "version", line=1)


@test
def extends(place):
    bad(place, "version: 1\nextends: twelve-facter\n", "twelve-facter", "twelve-factor", line=2)
    bad(place, "version: 1\nextends: ./bad.yaml\n")
    place.file("base.yaml", HEAD + "environment: {set: {A: base, B: base}}\n")
    place.file("cofferdam.yaml", "version: 1\nextends: ./base.yaml\nenvironment: {set: {B: own}}\n")
    result = place.sh("echo $A $B")
    equal((result.code, result.messages()), (0, ["base own"]), f"maps merge by key ({result.err})")


@test
def all_mistakes_at_once(place):
    output = bad(place, HEAD + "databse: {}\nstorage:\n  mounts:\n    - {path: /tmp, type: tempfs}\nmode: x\n")
    lines = {int(line) for line in re.findall(r"bad\.yaml:(\d+):\d+: ", output)}
    check({3, 6, 7} <= lines, f"lines {lines} in {output}")


@test
def several_files(place):
    place.file("good.yaml", HEAD)
    place.file("bad.yaml", HEAD + "nonsense: 1\n")
    result = place.cofferdam("check", "good.yaml", "bad.yaml")
    check(result.code in (1, 2), f"exit status {result.code}")
    contains(result.out.decode() + result.err, "bad.yaml:3:1", "place")


@test
def discovery(place):
    place.file("cofferdam.yaml", HEAD + "environment: {set: {FROM: file}}\n")
    place.file("variable.yaml", HEAD + "environment: {set: {FROM: variable}}\n")
    place.file("option.yaml", HEAD + "environment: {set: {FROM: option}}\n")
    equal(place.sh("echo $FROM").messages(), ["file"], "./cofferdam.yaml")
    variable = {"COFFERDAM_POLICY": "variable.yaml"}
    equal(place.sh("echo $FROM", env=variable).messages(), ["variable"], "COFFERDAM_POLICY")
    equal(place.sh("echo $FROM", env=variable, options=["--policy", "option.yaml"]).messages(), ["option"], "--policy")
    os.unlink(os.path.join(place.project, "cofferdam.yaml"))
    result = place.sh("echo x$FROM")
    equal((result.messages(), result.report["policy"]), (["x"], "twelve-factor"), "none")


@test
def environment_keys(place):
    place.file("cofferdam.yaml", HEAD + "environment: {require: [NEEDED], drop: [UNWANTED], set: {GIVEN: \"1\"}}\n")
    result = place.run("true")
    equal(result.code, 125, "a required variable is missing")
    contains(result.err, "NEEDED", "message")
    result = place.sh("echo $NEEDED$UNWANTED$GIVEN", env={"NEEDED": "n", "UNWANTED": "u"})
    equal(result.messages(), ["n1"], "environment of the app")


main()
