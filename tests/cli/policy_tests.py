#!/usr/bin/env python3
"""cofferdam test as a user meets it: what passes, what fails and what is said about it, formats, jobs, interruption."""

import json
import os
import re
import signal
import subprocess
import time
import xml.etree.ElementTree as xml

from harness import BINARY, check, contains, equal, main, test, wait_for

HEAD = "version: 1\npolicy: twelve-factor\ncases:\n"
GOOD = HEAD + "  - {name: good, script: echo hello, expect: {stdout: hello}}\n"
BAD = HEAD + "  - {name: bad, script: echo hello, expect: {stdout: bye}}\n"
# Reaches for a database that only the app may use.
HELPER = """
  - name: a helper
    files:
      helper.py: |
        import socket
        socket.socket().connect_ex(("127.0.0.1", 5432))
      app.py: |
        import subprocess
        subprocess.run(["python3", "helper.py"])
    command: [python3, app.py]
"""


def run(place, text, *options, env=None, name="a.test.yaml", **kwargs):
    if text is not None:
        place.file(name, text)
    return place.cofferdam("test", *options, env={"CI": "", **(env or {})}, **kwargs)


def output(result):
    return result.out.decode()


def json_of(place, text, *options, **kwargs):
    return json.loads(run(place, text, "--format", "json", *options, **kwargs).out)


def problems(place, text, **kwargs):
    return [problem["message"] for case in json_of(place, text, **kwargs)["cases"] for problem in case["problems"]]


def passes(place, text, **kwargs):
    result = run(place, text, **kwargs)
    equal(result.code, 0, "exit; " + output(result) + result.err)


def fails(place, text, *parts):
    result = run(place, text)
    equal(result.code, 1, "exit; " + output(result) + result.err)
    for part in parts:
        contains(output(result), part, "what is said")


def refused(place, text, *parts):
    result = run(place, text)
    equal(result.code, 2, "exit; " + output(result) + result.err)
    for part in parts:
        contains(result.err, part, "what is said")


@test
def a_case_that_is_as_expected_passes(place):
    result = run(place, GOOD)
    equal(result.code, 0, "exit")
    contains(output(result), "1 passed, 0 failed", "the last line")


@test
def what_differs_is_said_with_its_place(place):
    fails(place, BAD, "a.test.yaml:4:54: stdout is not as expected: line 1 should be 'bye' and is 'hello'")


@test
def an_unexpected_finding_fails_and_brings_its_fix_and_its_row(place):
    fails(place, HEAD + HELPER, "not expected: CD202 (error) by python3 at 127.0.0.1:5432", "fix: ", "app.also",
          '- {code: CD202, process: "python3", destination: "127.0.0.1:5432"}')


@test
def the_row_that_is_printed_makes_the_case_pass(place):
    row = re.search(r"- (\{code: CD202.*\})", output(run(place, HEAD + HELPER))).group(1)
    passes(place, HEAD + HELPER + f"    expect:\n      findings:\n        - {row}\n")


@test
def a_finding_that_does_not_come_fails(place):
    fails(place, HEAD + "  - {name: one, script: echo x, expect: {findings: [CD201]}}\n",
          "a.test.yaml:4:53: expected CD201, which did not come", "no finding came at all")


@test
def findings_are_told_apart_by_process_destination_and_count(place):
    for wrong in ("process: psql", 'destination: "127.0.0.2:5432"', "count: 2", "severity: warning"):
        text = HEAD + HELPER + "    expect:\n      findings: [{code: CD202, " + wrong + "}]\n"
        check(any("expected" in message for message in problems(place, text)), f"{wrong}: it passed")


@test
def other_findings_are_permitted_by_name_only(place):
    passes(place, HEAD + HELPER + "    expect: {other_findings: true}\n")


@test
def exit_and_signal(place):
    passes(place, HEAD + "  - {name: one, script: exit 3, expect: {exit: 3}}\n"
           "  - {name: two, script: 'kill -SEGV $$', expect: {signal: SIGSEGV}}\n")
    fails(place, HEAD + "  - {name: one, script: 'echo why >&2; exit 3'}\n", "expected exit 0, got 3", "why")


@test
def texts(place):
    text = HEAD + "  - name: one\n    script: 'echo one two; echo three >&2'\n    expect:\n"
    passes(place, text + "      stdout: {contains: [one, two], lacks: three, regex: '^one [a-z]+$'}\n"
           "      stderr: three\n      logs: [{stream: stderr, message: {contains: ree}}]\n")
    said = problems(place, text + "      stdout: {contains: [one, 'no'], lacks: two, regex: '^two'}\n"
                    "      logs: [{stream: stderr, message: one}]\n")
    equal(len(said), 4, f"problems {said}")


@test
def losses(place):
    text = HEAD + "  - name: one\n    script: 'mkdir d; echo 1 > d/a.png; echo 2 > b.txt'\n    expect: "
    passes(place, text + "{lost: ['d/*.png', b.txt], other_losses: false}\n")
    said = problems(place, text + "{lost: ['*.gif', b.txt], other_losses: false}\n")
    check("*.gif" in said[0] and "d/a.png" in said[1], f"problems {said}")


@test
def connections(place):
    text = HEAD + "  - name: one\n    command: [python3, -c, \"import socket; " \
        "socket.socket().connect_ex(('127.0.0.1', 5432))\"]\n    expect: {connections: "
    passes(place, text + "{allowed: ['localhost:5432', {destination: '127.0.0.1:*', process: python3, count: 1}]}}\n")
    said = problems(place, text + "{refused: ['localhost:5432'], allowed: ['localhost:5433']}}\n")
    equal(len(said), 2, f"problems {said}")


@test
def replicas_have_a_storage_each(place):
    passes(place, HEAD + "  - name: one\n    replicas: 2\n    script: 'echo x > $COFFERDAM_INSTANCE.txt; sleep 0.5'\n"
           "    expect: {lost: [web.1.txt, web.2.txt], other_losses: false, other_findings: true}\n")


@test
def standard_input(place):
    passes(place, HEAD + "  - {name: one, command: [cat], stdin: 'to be read', expect: {stdout: to be read}}\n"
           "  - {name: two, command: [cat], expect: {stdout: ''}}\n")


@test
def duration(place):
    text = HEAD + "  - {name: one, script: sleep 0.3, expect: {duration: {%s}}}\n"
    passes(place, text % "at_least: 300ms, at_most: 20s")
    check("expected at most 200 ms" in problems(place, text % "at_most: 200ms")[0], "too long")
    check("expected at least 1200000 ms" in problems(place, text % "at_least: 20m")[0], "too short")


@test
def kept_files(place):
    text = HEAD + "  - name: one\n    files: {cache/old: x}\n    script: echo 1 > cache/new\n" \
        "    with: {storage: {mounts: [{path: ./cache, type: persistent}]}}\n" \
        "    expect: {host_unchanged: false, enforcement: {storage: partial}, other_findings: true, kept: [%s]}\n"
    passes(place, text % "cache/new")
    check("cache/other to be kept" in problems(place, text % "cache/other")[0], "a file that is not there")


@test
def a_service_is_ready_before_the_command_and_gone_after_the_case(place):
    passes(place, HEAD + """
  - name: one
    files: {page.txt: from the service}
    inherit: [COFFERDAM_TEST_ID]
    services:
      - command: [python3, -m, http.server, "${PORT}", --bind, 127.0.0.1]
        ready: {port: "${PORT}", http: /page.txt}
    command: [python3, -c, "import urllib.request as u; print(u.urlopen('http://127.0.0.1:${PORT}/page.txt').read())"]
    expect: {stdout: b'from the service'}
""")
    place.no_process_left("the service")


@test
def a_service_that_does_not_get_ready_is_told_of_with_its_output(place):
    fails(place, HEAD + "  - name: one\n    script: echo x\n    services:\n"
          "      - {script: 'echo I am broken; exit 4', ready: {port: \"${PORT}\"}}\n", "ended with 4", "I am broken")
    fails(place, HEAD + "  - name: one\n    script: echo x\n    services:\n"
          "      - {command: [sleep, '60'], ready: {line: up, timeout: 200ms}}\n", "was not ready in time")


@test
def a_server_is_driven_and_stopped(place):
    text = HEAD + """
  - name: one
    command: [python3, -m, http.server, "${PORT}", --bind, 127.0.0.1]
    ready: {port: "${PORT}"}
    drive: python3 -c "import urllib.request as u; u.urlopen('http://127.0.0.1:${PORT}/%s')"
"""
    passes(place, text % "")
    fails(place, text % "missing", "the driver ended with 1", "404")


@test
def a_command_is_ready_by_a_line_that_it_prints(place):
    text = HEAD + "  - name: one\n    script: 'sleep 0.3; echo \"I am up\"; sleep 60'\n" \
                  "    ready: {line: '^I am up$', timeout: 5s}\n    drive: echo driven\n"
    passes(place, text)
    fails(place, text.replace("^I", "^We"), "the command was not ready for its driver in time")


@test
def cases_do_not_see_each_other(place):
    text = HEAD
    for number in range(6):
        text += f"  - name: case {number}\n    directory: material\n    script: 'ls; echo {number} > {number}.txt'\n" \
                "    services: [{script: 'exec sleep 60'}]\n    expect: {stdout: kept.txt}\n"
    place.file("material/kept.txt", "x")
    passes(place, text)
    equal(os.listdir(os.path.join(place.project, "material")), ["kept.txt"], "the material")


@test
def a_change_on_the_host_fails(place):
    text = HEAD + "  - name: one\n    script: sleep 0.3\n    drive: touch made\n"
    fails(place, text, "the case's directory changed on the host: made is new", "${SCRATCH}")
    passes(place, text + "    expect: {host_unchanged: false}\n")


@test
def inline_keys_extend_the_policy_and_keep_their_lines(place):
    text = HEAD + """
  - name: one
    command: [python3, -c, "import socket; socket.socket().connect_ex(('127.0.0.1', ${PORT}))"]
    with:
      database:
        ports: ["${PORT}"]
        allow: ["db.example:1"]
"""
    fails(place, text, "database.allow in a.test.yaml:10", "by python3 at 127.0.0.1:")


@test
def a_policy_of_a_file_means_the_directory_of_the_case(place):
    place.file("policies/own.yaml", "version: 1\nextends: ./base.yaml\n")
    place.file("policies/base.yaml", "version: 1\nstorage: {mounts: [{path: ./data, type: tmpfs}]}\n")
    passes(place, "version: 1\npolicy: policies/own.yaml\ncases:\n"
           "  - {name: one, files: {data/shown: x}, script: 'ls data; echo 1 > data/2', expect: {lost: [data/2]}}\n")


@test
def a_start_that_is_refused_passes_only_with_its_reason(place):
    text = HEAD + "  - name: one\n    script: echo x\n    with: {environment: {require: [SHOP_KEY]}}\n"
    fails(place, text, "cofferdam did not start the command", "SHOP_KEY")
    fails(place, text + "    expect: {exit: 125}\n", "must say why")
    passes(place, text + "    expect: {exit: 125, messages: {contains: SHOP_KEY}}\n")


@test
def a_rule_that_is_not_enforced_in_full_fails(place):
    text = HEAD + "  - name: one\n    script: echo x\n    with: {access: {debug: allow}}\n"
    fails(place, text, "the rule database is enforced in part here, expected in full", "enforcement: {database: partial}")
    passes(place, text + "    expect: {enforcement: {database: partial, access: partial}}\n")


@test
def a_timeout_kills_the_case_and_shows_what_it_printed(place):
    begin = time.monotonic()
    fails(place, HEAD + "  - {name: one, script: 'trap \"\" INT TERM; echo begun; sleep 60; sleep 60', timeout: 500ms, inherit: [COFFERDAM_TEST_ID]}\n",
          "still running after 500 ms", "begun")
    check(time.monotonic() - begin < 8, "it took too long")
    place.no_process_left()


@test
def skips_need_a_reason_and_fail_in_ci(place):
    text = GOOD + "  - {name: later, script: echo x, skip: no such machine}\n" \
                  "  - {name: tool, script: echo x, needs: [no-such-program]}\n"
    result = run(place, text)
    equal(result.code, 0, "exit")
    contains(output(result), "later: no such machine", "the reason")
    contains(output(result), "there is no no-such-program", "the reason")
    equal(run(place, text, env={"CI": "true"}).code, 1, "exit with CI")
    equal(run(place, text, "--allow-skips", env={"CI": "true"}).code, 0, "exit with CI and --allow-skips")


@test
def no_test_is_a_failure(place):
    for options in ((), ("--run", "nothing like it")):
        result = run(place, None if not options else GOOD, *options)
        equal(result.code, 1, "exit")
        contains(result.err, "test: no", "what is said")
    equal(place.cofferdam("test", "nowhere").code, 2, "exit for a place that is not there")


@test
def files_are_found_below_and_picked(place):
    run(place, GOOD, name="sub/one.test.yaml")
    run(place, BAD, name="node_modules/two.test.yaml")
    result = run(place, GOOD.replace("good", "better"), "--list")
    equal(output(result).splitlines(), ["a.test.yaml:4: better", "sub/one.test.yaml:4: good"], "the list")
    contains(output(run(place, None, "--run", "sub.*good")), "1 passed", "what was run")


@test
def mistakes_are_all_told_with_their_places(place):
    refused(place, "version: 1\npolicy: twelve-factr\ncases:\n"
            "  - name: one\n    comand: [x]\n    timeout: 5\n"
            "    expect: {findings: [CD999], stdout: {regex: '\\d'}}\n    with: {database: {alow: [x]}}\n",
            "a.test.yaml:5:5: error: unknown key 'comand'", "did you mean 'command'?",
            "a.test.yaml:6:14:", "a.test.yaml:7:25: error: 'CD999' is no code", "write [0-9]",
            "a.test.yaml:8:23: error: unknown key 'alow' in 'database'", "did you mean 'twelve-factor'")
    refused(place, "version: 1\ncases:\n  - {name: one, script: x}\n", "no policy")
    refused(place, HEAD + "  - {name: one}\n  - {name: one, script: x, command: [y]}\n", "runs nothing",
            "two cases named 'one'", "both 'command' and 'script'")
    refused(place, HEAD + "  - {name: one, script: x, files: {../up: x}, with: {extends: none}}\n",
            "no path inside", "can't have 'extends'")
    refused(place, HEAD + "  - {name: one, script: x, skip: ''}\n", "needs a reason")


@test
def tap_is_valid(place):
    lines = output(run(place, GOOD + BAD.split("cases:\n")[1] + "  - {name: 'later # x', script: x, skip: why}\n",
                       "--format", "tap")).splitlines()
    equal(lines[:2], ["TAP version 14", "1..3"], "the head")
    equal([line for line in lines if re.match("(not )?ok ", line)],
          ["ok 1 - a.test.yaml: good", "not ok 2 - a.test.yaml: bad", "ok 3 - a.test.yaml: later \\# x # SKIP why"],
          "the points")
    block = lines[lines.index("  ---"):lines.index("  ...")]
    check(all(line.startswith("  ") for line in block), f"the block {block}")


@test
def junit_has_the_structure_of_junit_10(place):
    report = os.path.join(place.out, "tests.xml")
    text = GOOD + BAD.split("cases:\n")[1].replace("hello, ", "\"'a <b> & c' \\u0001\", ") + \
        "  - {name: later, script: x, skip: why}\n"
    result = run(place, text, "--format", "junit", "--report", report)
    contains(output(result), "FAIL  bad", "the human form on stdout")
    root = xml.parse(report).getroot()
    equal(root.tag, "testsuites", "the root")
    check(set(root.attrib) <= {"name", "time", "tests", "failures", "errors"}, f"{root.attrib}")
    for timed in root.iter():
        check(re.fullmatch(r"[0-9,]*(\.[0-9]*)?", timed.get("time", "0")), f"{timed.attrib}")
    for suite in root:
        equal(suite.tag, "testsuite", "its children")
        check(set(suite.attrib) <= {"name", "tests", "failures", "errors", "group", "time", "skipped", "timestamp",
                                    "hostname", "id", "package", "file", "log", "url"}, f"{suite.attrib}")
        check({"name", "tests", "failures", "errors"} <= set(suite.attrib), f"{suite.attrib}")
        equal([suite.get(key) for key in ("tests", "failures", "errors", "skipped")], ["3", "1", "0", "1"], "counts")
        for case in suite:
            equal(case.tag, "testcase", "its children")
            check(set(case.attrib) <= {"name", "time", "classname", "group"}, f"{case.attrib}")
            for child in case:
                check(child.tag in ("skipped", "error", "failure", "system-out", "system-err"), child.tag)
                check(set(child.attrib) <= {"message", "type"}, f"{child.attrib}")
    equal([[child.tag for child in case] for case in root[0]], [[], ["failure", "system-out"], ["skipped"]], "cases")


@test
def json_tells_of_each_problem(place):
    result = json_of(place, GOOD + BAD.split("cases:\n")[1])
    equal([result[key] for key in ("v", "passed", "failed", "skipped", "not_run")], [1, 1, 1, 0, 0], "the counts")
    case = result["cases"][1]
    equal([case[key] for key in ("file", "line", "name", "result", "exit", "stdout")],
          ["a.test.yaml", 5, "bad", "failed", 0, "hello\n"], "the case")
    equal(case["problems"][0]["line"], 5, "the line of the problem")


@test
def wrong_usage_is_told(place):
    for options in (["--format", "xml"], ["--jobs", "0"], ["--run", "("], ["--run", "\\d"], ["--jobz"]):
        result = run(place, GOOD, *options)
        equal(result.code, 2, f"exit of {options}")
        contains(result.err, "test: ", f"what is said of {options}")


@test
def fail_fast_stops(place):
    result = json_of(place, BAD + "".join(f"  - {{name: case {i}, script: echo x}}\n" for i in range(5)),
                     "--fail-fast", "--jobs", "1")
    equal((result["failed"], result["not_run"]), (1, 5), "what was run")


@test
def the_environment_is_the_same_everywhere(place):
    text = HEAD + "  - name: one\n    script: 'echo \"${DATABASE_URL-none} ${SHOP-none} ${KEPT-none}\"'\n" \
                  "    environment: {SHOP: toys}\n    inherit: [KEPT]\n    expect: {stdout: none toys mine}\n"
    passes(place, text, env={"DATABASE_URL": "postgres://elsewhere/x", "SHOP": "else", "KEPT": "mine"})


@test
def an_interrupt_ends_everything_and_tells_what_ran(place):
    up = os.path.join(place.out, "up")
    place.file("a.test.yaml", GOOD + "".join(
        f"  - {{name: slow {i}, script: sleep 60, inherit: [COFFERDAM_TEST_ID], "
        f"services: [{{script: 'touch {up}{i}; exec sleep 60'}}]}}\n" for i in range(3)))
    process = subprocess.Popen([BINARY, "test", "--jobs", "2"], cwd=place.project, env=place.env,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_for(lambda: os.path.exists(up + "0") and os.path.exists(up + "1"), "two cases to run")
    process.send_signal(signal.SIGINT)
    result = place.finish(process, timeout=15)
    equal(result.code, 130, "exit")
    contains(output(result), "ok    good", "what ran")
    contains(output(result), "interrupted", "the end")
    place.no_process_left()
    check(not os.path.exists(os.path.join(place.home, ".cofferdam")), "directories of cases are left")


if __name__ == "__main__":
    main()
