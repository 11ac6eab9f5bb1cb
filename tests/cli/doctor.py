#!/usr/bin/python3
"""`cofferdam doctor`: what this machine can enforce, for people and as JSON, and that runs agree with it."""

import json

import doctor_levels
from harness import check, contains, equal, main, test


@test
def table(place):
    result = place.cofferdam("doctor")
    equal(result.code, 0, f"exit status ({result.err})")
    text = result.out.decode()
    for part in ("storage", "database", "logs", "access", "full", "local"):
        contains(text, part, "table")
    check("\x1b" not in text, "colours without a terminal")


@test
def as_json(place):
    result = place.cofferdam("doctor", "--json")
    equal(result.code, 0, f"exit status ({result.err})")
    document = json.loads(result.out)
    equal(doctor_levels.wrong(document, "local"), [], "levels")
    for row in doctor_levels.rows_of(document):
        check(row["mechanism"], f"mechanism of {row}")
        check(row["level"] == "full" or row.get("advice"), f"advice of {row}")


@test
def runs_agree(place):
    rows = {row["rule"]: row["level"] for row in doctor_levels.rows_of(json.loads(place.cofferdam("doctor", "--json").out))}
    report = {row["rule"]: row["level"] for row in place.run("true").report["enforcement"]}
    equal({rule: rows.get(rule) for rule in report}, report, "levels of doctor and of a run")


@test
def touches_nothing(place):
    place.file("file", "content")
    from harness import same_tree, tree  # pylint: disable=import-outside-toplevel
    before = tree(place.base)
    with open("/proc/mounts", encoding="utf-8") as file:
        mounts = file.read()
    place.cofferdam("doctor")
    same_tree(before, tree(place.base), "the directories of the test")
    with open("/proc/mounts", encoding="utf-8") as file:
        equal(file.read(), mounts, "mounts")
    place.no_process_left()


main()
