#!/usr/bin/python3
"""cofferdam check as a reviewer: what it finds, in which forms it says so, and that our own examples pass it."""

import glob
import json
import os
import re

from harness import REPO, check, contains, equal, main, test

QUESTIONABLE = """version: 1
extends: django
storage:
  mounts:
    - {path: /opt, type: read-only}
database:
  allow:
    - {from: any, to: "10.0.0.0/8:5432"}
    - 10.1.2.3:5432
environment: {set: {API_TOKEN: abc}}
"""


@test
def each_finding_has_its_place_and_its_fix(place):
    place.file("cofferdam.yaml", QUESTIONABLE)
    result = place.cofferdam("check")
    equal(result.code, 1, result.out)
    out = result.out if isinstance(result.out, str) else result.out.decode()
    for part in ("cofferdam.yaml:5:14: warning", "'10.1.2.3:5432' is allowed by '10.0.0.0/8:5432' at cofferdam.yaml:8 already",
                 "cofferdam.yaml:8:23: warning: every program", "'API_TOKEN' in clear text", "[CD950]", "[CD951]", "[CD912]"):
        contains(out, part, "what is said")


@test
def in_the_forms_of_programs(place):
    place.file("cofferdam.yaml", QUESTIONABLE)
    place.file("wrong.yaml", "version: 1\nstorge: {}\n")
    document = json.loads(place.cofferdam("check", "--format", "json").out)
    codes = sorted(each["code"] for each in document["files"][0]["diagnostics"])
    equal(codes, ["CD912", "CD950", "CD950", "CD951"], "codes")
    result = place.cofferdam("check", "--format", "sarif", "cofferdam.yaml", "wrong.yaml")
    equal(result.code, 2, "exit status of the worst")
    run = json.loads(result.out)["runs"][0]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    for each in run["results"]:
        equal(rules[each["ruleIndex"]], each["ruleId"], "the rule of a result")
    equal(run["results"][-1]["ruleId"], "CD902", "the mistake of the second file")
    contains(place.cofferdam("check", "--format", "xml").err, "text, json, sarif", "the forms that there are")


def policies_of_the_documents():
    for name in sorted(glob.glob(os.path.join(REPO, "docs", "*.md"))) + [os.path.join(REPO, "README.md")]:
        with open(name, encoding="utf-8") as file:
            blocks = re.findall(r"```yaml\n(.*?)```", file.read(), re.S)
        yield from ((os.path.basename(name), block) for block in blocks
                    if block.startswith("version: 1\n") and "\ncases:" not in block)


@test
def what_we_show_is_clean(place):
    blocks = list(policies_of_the_documents())
    check(len(blocks) >= 3, f"{len(blocks)} policies in the documents")
    for name, block in blocks:
        place.file("cofferdam.yaml", block)
        result = place.cofferdam("check", env={"DATABASE_URL": "postgres://db/shop"})
        equal(result.code, 0, f"{name}: {result.out}")


if __name__ == "__main__":
    main()
