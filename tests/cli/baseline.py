#!/usr/bin/python3
"""--baseline and --update-baseline: known findings don't fail a run, new ones do."""

import json
import os

from harness import check, contains, equal, main, test

UPLOAD = "mkdir -p media/$1; printf '\\211PNG\\r\\n\\032\\n' > media/$1/$2.png"
SESSION = "mkdir -p sessions; echo x > sessions/sess_$$"


def run(place, script, *words, update=False, baseline="known.jsonl", fail_on="warning"):
    options = ["--baseline", os.path.join(place.out, baseline), "--fail-on", fail_on]
    return place.sh(script, "app", *words, options=options + (["--update-baseline"] if update else []))


def entries(place):
    with open(os.path.join(place.out, "known.jsonl"), encoding="utf-8") as file:
        lines = file.read().splitlines()
    equal(json.loads(lines[0]), {"cofferdam_baseline": 1}, "first line")
    equal(lines[1:], sorted(lines[1:]), "the order of the others")
    return [(entry["code"], entry["what"]) for entry in map(json.loads, lines[1:])]


@test
def known_findings_pass_and_new_ones_fail(place):
    equal(run(place, UPLOAD, "a", "1", update=True).code, 0, "the run that writes it")
    equal(entries(place), [("CD110", "./media")], "its entries")
    again = run(place, UPLOAD, "b", "2")
    equal(again.code, 0, f"another upload: {again.err}")
    contains(again.err, "1 finding is known by", "what is told")
    check("CD110" not in again.err, again.err)
    more = run(place, UPLOAD + "; " + SESSION, "a", "1")
    equal(more.code, 3, f"with sessions in files: {more.err}")
    contains(more.err, "CD113", "the new one")
    check(any(finding["code"] == "CD110" for finding in more.report["findings"]), "the report has all of them")


@test
def what_no_longer_occurs_is_told_and_goes_with_the_next_update(place):
    run(place, UPLOAD + "; " + SESSION, "a", "1", update=True)
    equal([code for code, _ in entries(place)], ["CD110", "CD113"], "its entries")
    fewer = run(place, UPLOAD, "a", "1")
    equal(fewer.code, 0, fewer.err)
    contains(fewer.err, "did not occur: CD113", "what is told")
    run(place, UPLOAD, "a", "1", update=True)
    equal([code for code, _ in entries(place)], ["CD110"], "its entries then")


@test
def a_baseline_that_cannot_be_read_stops_the_run(place):
    place.file("broken.jsonl", '{"cofferdam_baseline":1}\n{"code":\n')
    for name, part in (("none.jsonl", "--update-baseline makes it"),
                       (os.path.join(place.project, "broken.jsonl"), "line 2")):
        result = run(place, "echo ran", baseline=name)
        equal((result.code, result.out), (125, b""), name)
        contains(result.err, part, name)
    result = place.cofferdam("run", "--update-baseline", "--", "true")
    contains(result.err, "needs the file", "without a name")


@test
def a_report_leaves_known_findings_out(place):
    run(place, UPLOAD, "a", "1", update=True)
    run(place, UPLOAD + "; " + SESSION, "a", "1")
    for form in ("text", "json", "html", "sarif", "junit"):
        page = place.cofferdam("report", place.report_file, "-f", form, "--baseline", os.path.join(place.out, "known.jsonl"))
        equal(page.code, 0, page.err)
        check(b"CD113" in page.out and b"CD110" not in page.out, f"{form}: {page.out[:500]}")


@test
def a_rehearsal_has_one_too(place):
    options = ["--baseline", os.path.join(place.out, "known.jsonl"), "--fail-on", "warning"]
    words = ("--", "/bin/sh", "-c", UPLOAD, "app", "a", "1")
    equal(place.cofferdam("rehearse", *options, "--update-baseline", *words).code, 0, "the first")
    equal(place.cofferdam("rehearse", *options, *words).code, 0, "the second")
    equal(place.cofferdam("rehearse", "--fail-on", "warning", *words).code, 3, "without")


main()
