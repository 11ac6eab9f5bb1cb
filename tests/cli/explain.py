#!/usr/bin/python3
"""`explain --as PROGRAM DESTINATION`: what a run would do with a connection, said before there is a run."""

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
def mistakes(place):
    for arguments, text in ((("--as", "bash"), "--as PROGRAM DESTINATION"), (("--as",), "needs a value"),
                            (("--as", "bash", "nowhere"), "has no port"), (("--as", "bash", "a:1", "--what"), "--what"),
                            (("--as", "bash", "10.0.0.0/8:1"), "no single destination")):
        result, _, _ = explain(place, *arguments)
        equal(result.code, 2, f"exit status of {arguments}")
        contains(result.err, text, f"message of {arguments}")
    result, _, _ = explain(place, "--as", "no-such-program", "127.0.0.1:1")
    equal(result.code, 127, "exit status of a program that is not there")


main()
