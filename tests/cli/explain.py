#!/usr/bin/python3
"""`explain --as`, `--write` and `--effective`: what a run would do, said before there is a run."""

import errno
import os

from harness import check, contains, equal, main, test

HEAD = "version: 1\nextends: twelve-factor\n"


def explain(place, *arguments, env=None):
    result = place.cofferdam("explain", *arguments, env=env)
    lines = result.out.decode().splitlines()
    verdicts = {line[2:21].strip(): " ".join(line[22:].split()) for line in lines if line.startswith("  ")}
    return result, lines, verdicts


@test
def who_may_reach_the_database(place):
    env = {"DATABASE_URL": "postgres://user:hidden-secret@192.0.2.9:15432/db"}
    place.file("worker", "#!/bin/sh\n", 0o755)
    place.file("cofferdam.yaml", HEAD + "app:\n  also:\n    - ./worker\n")
    result, lines, verdicts = explain(place, "--as", "bash", "192.0.2.9:15432", env=env)
    equal(result.code, 1, "exit status")
    contains(lines[0], "/bash -> 192.0.2.9:15432 (postgres)", "first line")
    contains(verdicts["started by the app"], "refused [CD201] only the app itself", "started by the app")
    contains(verdicts["as the app itself"], "allowed", "as the app")
    contains(verdicts["in cofferdam shell"], "allowed", "as a one-off")
    result, _, verdicts = explain(place, "--as", "./worker", "192.0.2.9:15432", env=env)
    equal(result.code, 0, "exit status of a row of app.also")
    contains(verdicts["started by the app"], "counts as the app by app.also", "why")
    contains(verdicts["started by the app"], "cofferdam.yaml:5", "policy line")
    result, lines, verdicts = explain(place, "--as", "bash", "192.0.2.9:8000", env=env)
    equal((result.code, lines[0].endswith("(no database)")), (0, True), "another port")
    check("hidden-secret" not in result.out.decode() + result.err, "the password is shown")


@test
def the_line_that_decides(place):
    place.file("cofferdam.yaml", HEAD + "database:\n  allow:\n    - \"192.0.2.9:5432\"\n    - {from: one-off, to: \"192.0.2.8:5432\"}\n")
    _, _, verdicts = explain(place, "--as", "bash", "192.0.2.9:5432")
    contains(verdicts["as the app itself"], "allowed database.allow names it (database.allow, cofferdam.yaml:5)", "row")
    contains(verdicts["in cofferdam shell"], "refused [CD203]", "a one-off")
    _, _, verdicts = explain(place, "--as", "bash", "192.0.2.8:5432")
    contains(verdicts["as the app itself"], "refused [CD203]", "the app")
    contains(verdicts["in cofferdam shell"], "cofferdam.yaml:6", "row of the one-off")
    place.file("other.yaml", HEAD + "network: {egress: deny, allow: [\"192.0.2.7:443\"]}\n")
    result, _, verdicts = explain(place, "--policy", "other.yaml", "--as", "bash", "192.0.2.7:80")
    equal(result.code, 1, "exit status")
    for verdict in verdicts.values():
        contains(verdict, "refused [CD206]", "egress")
        contains(verdict, "other.yaml:3", "policy line")
    result, _, verdicts = explain(place, "--policy=other.yaml", "--as=bash", "192.0.2.7:443")
    equal((result.code, "network.allow names it" in verdicts["started by the app"]), (0, True), "a row of network.allow")


@test
def what_the_run_does_is_what_was_said(place):
    """The same destinations, predicted and tried; refused ones are refused before anything is sent."""
    place.file("cofferdam.yaml", HEAD + "database: {ports: [15433], allow: [\"127.0.0.1:15433\"]}\nnetwork: {egress: deny}\n")
    for destination in ("127.0.0.1:15433", "127.0.0.1:5432", "127.0.0.1:15434", "192.0.2.9:443", "[::1]:6379"):
        host, port = destination.rsplit(":", 1)
        result, _, _ = explain(place, "--as", "bash", destination)
        code = f"import subprocess; subprocess.run(['bash', '-c', ': < /dev/tcp/{host.strip('[]')}/{port}'])"
        codes = {f["code"] for f in place.python(code).report["findings"] if f["code"].startswith("CD20")}
        equal(bool(codes), result.code == 1, f"{destination}: refused by the run ({codes}) and by the prediction")


@test
def doubts_and_sockets(place):
    _, lines, _ = explain(place, "--as", "bash", "localhost:6379", env={"CACHE_URL": "redis://192.0.2.9"})
    contains("\n".join(lines), "CACHE_URL names 192.0.2.9:6379, not this machine [CD205]", "doubt")
    _, lines, verdicts = explain(place, "--as", "bash", "unix:/run/postgresql/.s.PGSQL.5432")
    contains(lines[0], "(postgres)", "engine of a socket")
    contains(verdicts["started by the app"], "refused [CD201]", "a socket")


@test
def what_becomes_of_a_write(place):
    """Predicted, then tried: a file is made at each place, and the run says what became of it."""
    for directory in ("kept", "fixed", "keys", "uploads"):
        os.mkdir(os.path.join(place.project, directory))
    place.file("cofferdam.yaml", HEAD + "storage:\n  mounts:\n    - {path: ./kept, type: persistent}\n"
               "    - {path: ./fixed, type: read-only}\n    - {path: ./keys, type: hidden}\n")
    os.symlink("fixed", os.path.join(place.project, "link"))
    expected = {"uploads/a.png": ("written, and lost with the instance", 0), "kept/a": ("written, and kept on the host", 0),
                "fixed/a": ("refused (EROFS)", 1), "link/a": ("refused (EROFS)", 1), "keys/a": ("refused (ENOENT)", 1),
                "/tmp/a": ("written, and lost with the instance", 0), "/usr/a": ("refused (EROFS)", 1),
                "/dev/a": ("refused (EROFS)", 1), "no/such/../../b": ("written, and lost with the instance", 0)}
    for path, (words, code) in expected.items():
        result, lines, _ = explain(place, "--write", path)
        equal((lines[0].rsplit(": ", 1)[1], result.code), (words, code), path)
        run = place.python(f"import os; open({path.replace('no/such/../../', '')!r}, 'x')", options=())
        equal(run.code != 0, code == 1, f"{path}: the run fails when it was said that the write would ({run.err})")
        if code == 1:
            name = words.split("(")[1].rstrip(")")
            contains(run.out.decode(), os.strerror(getattr(errno, name)), f"error of {path}")
    equal(os.listdir(os.path.join(place.project, "kept")), ["a"], "what is kept on the host")
    equal(os.listdir(os.path.join(place.project, "uploads")), [], "what is lost")
    result, lines, _ = explain(place, "--write", "fixed/a")
    contains(lines[1], "storage.mounts, cofferdam.yaml:6", "the line that decides")
    result, lines, _ = explain(place, "--write=uploads/a.png")
    contains("\n".join(lines), "told as       CD110, uploads were saved locally", "the finding")
    contains("\n".join(lines), "send uploads to an object store", "the way out")


@test
def what_becomes_of_a_write_in_a_container(place):
    """Container mode works outside of a container, too, on what tmpfs mounts there are."""
    place.file("cofferdam.yaml", HEAD + "mode: container\n")
    name = "cofferdam-test-" + os.path.basename(place.base)
    for path in (f"/dev/shm/{name}", f"/usr/{name}", name):
        result, lines, _ = explain(place, "--write", path)
        run = place.python(f"import os; open({path!r}, 'x'); os.unlink({path!r})", options=())
        equal(result.code != 0, run.code != 0, f"{lines[0]}: predicted and tried ({run.err})")


@test
def the_policy_as_one_file(place):
    place.file("cofferdam.yaml", HEAD + "storage:\n  mounts:\n    - {path: /tmp, type: tmpfs, size: 1GiB}\n"
               "environment: {set: {GREETING: \"it's # here\"}}\n")
    result, lines, _ = explain(place, "--effective")
    equal(result.code, 0, "exit status")
    contains(result.out.decode(), '- {path: "/tmp", type: tmpfs, size: 1GiB}  # cofferdam.yaml:5', "own row")
    contains(result.out.decode(), "# twelve-factor (built in):", "shipped row")
    contains(result.out.decode(), "stop_grace: 10s  # default", "what no file says")
    contains(result.out.decode(), '"GREETING": "it\'s # here"  # cofferdam.yaml:6', "own variable")
    place.file("whole.yaml", result.out.decode())
    equal(place.cofferdam("check", "whole.yaml").code, 0, "the page is a policy")
    again = [line.split("  # ")[0] for line in explain(place, "--effective", "--policy", "whole.yaml")[1][1:]]
    equal(again, [line.split("  # ")[0] for line in lines[1:]], "the same policy")
    place.file("bad.yaml", "version: 1\nstorge: {}\n")
    equal(explain(place, "--policy", "bad.yaml", "--effective")[0].code, 2, "an invalid policy")
    equal(explain(place, "--policy", "bad.yaml", "--write", "x")[0].code, 2, "an invalid policy")


@test
def a_policy_as_text(place):
    place.file("cofferdam.yaml", HEAD)
    text = lambda yaml: ("--policy-text", yaml)
    result, _, _ = explain(place, *text("network: {egress: deny}"), "--as", "bash", "192.0.2.9:443")
    equal(result.code, 1, "a connection that the text refuses")
    contains(result.out.decode(), "(inline policy):1", "the line that decides")
    result, _, _ = explain(place, *text("storage: {mounts: [{path: ./fixed, type: read-only}]}"), "--write", "fixed/a")
    contains(result.err, "(inline policy):1", "a mount that is not there")
    place.file("fixed/b", "")
    result, _, _ = explain(place, *text("storage: {mounts: [{path: ./fixed, type: read-only}]}"), "--write", "fixed/a")
    contains(result.out.decode(), "refused", "a write that the text refuses")
    result, _, _ = explain(place, *text("run: {stop_grace: 3s}"), "--effective")
    contains(result.out.decode(), "stop_grace: 3s  # (inline policy):1", "where the value was written")
    result = place.cofferdam("check", *text("storge: {}"))
    equal(result.code, 2, "check of a text that is not valid")
    contains(result.out.decode(), "(inline policy):1:1: error", "the place of the mistake")
    for command in ("shell", "rehearse"):
        result = place.cofferdam(command, *text('environment: {set: {X: "from the text"}}'), "--", "sh", "-c", "echo $X")
        contains(result.out.decode(), "from the text", f"a variable in {command}")


@test
def a_code_with_the_rule_behind_it(place):
    lines = place.cofferdam("explain", "cd201").out.decode().splitlines()
    equal(lines[0], "CD201 (error): a process that is not the app wanted the database", "title")
    check("  rule          the database is reachable only from inside the application" in lines, f"the rule in {lines}")


@test
def mistakes(place):
    for arguments, text in ((("--as", "bash"), "--as PROGRAM DESTINATION"), (("--as",), "'--as' is missing"),
                            (("--as", "bash", "nowhere"), "has no port"), (("--as", "bash", "a:1", "--what"), "--what"),
                            (("--write",), "'--write' is missing"), (("--write", "x", "y"), "too many: y"),
                            (("--effective", "--write", "x"), "at a time"), (("--policy", "node"), "goes with --as"),
                            (("--policy-text", "mode: local"), "goes with --as"),
                            (("CD999",), "no such code: CD999"),
                            (("--as", "bash", "10.0.0.0/8:1"), "no single destination")):
        result, _, _ = explain(place, *arguments)
        equal(result.code, 2, f"exit status of {arguments}")
        contains(result.err, text, f"message of {arguments}")
    result, _, _ = explain(place, "--as", "no-such-program", "127.0.0.1:1")
    equal(result.code, 127, "exit status of a program that is not there")


main()
