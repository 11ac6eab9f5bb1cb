#!/usr/bin/python3
"""What `cofferdam run` exits with: the app's own status, 128+N, 125, 126, 127; and what it says then."""

from harness import ROOT, check, contains, equal, main, test


@test
def app_status_is_ours(place):
    for code in (0, 1, 7, 255):
        equal(place.sh(f"exit {code}").code, code, f"exit {code}")


@test
def signal_is_128_plus_n(place):
    for name, number in (("TERM", 15), ("KILL", 9), ("SEGV", 11), ("INT", 2)):
        result = place.sh(f"kill -{name} $$")
        equal(result.code, 128 + number, f"SIG{name}")
        equal(result.report["instances"][0]["exit"], {"code": None, "signal": number}, "exit in the report")


@test
def exit_is_in_the_report(place):
    result = place.sh("exit 7")
    equal(result.report["instances"][0]["exit"], {"code": 7, "signal": None}, "exit in the report")
    equal(result.of("exited")[0]["code"], 7, "exited event")
    equal(result.report["command"], ["/bin/sh", "-c", "exit 7"], "command in the report")


@test
def command_not_found_is_127(place):
    for command in ("no-such-command", "./no-such-file", "/no/such/file"):
        result = place.run(command)
        equal(result.code, 127, command)
        contains(result.err, command, "message")


@test
def not_executable_is_126(place):
    place.file("plain.txt", "text\n", 0o644)
    result = place.run("./plain.txt")
    equal(result.code, 126, "a file without x")
    contains(result.err, "plain.txt", "message")


@test
def directory_is_126(place):
    for command in (".", "/etc", place.home):
        equal(place.run(command).code, 126, command)


@test
def no_program_format_is_126(place):
    place.file("data", b"\x00\x01\x02\x03 no program", 0o755)
    equal(place.run("./data").code, 126, "no ELF file and no script")


@test
def missing_interpreter_is_named(place):
    place.file("script", "#!/no/such/interpreter\n", 0o755)
    result = place.run("./script")
    check(result.code in (126, 127), f"exit status {result.code}")
    contains(result.err, "/no/such/interpreter", "message")


@test
def script_in_the_project_runs(place):
    place.file("script", "#!/bin/sh\nexit 9\n", 0o755)
    equal(place.run("./script").code, 9, "exit status")


@test
def no_command_is_125(place):
    for arguments in (["run"], ["run", "--"]):
        result = place.cofferdam(*arguments)
        equal(result.code, 125, " ".join(arguments))
        contains(result.err.lower(), "command", "message")


@test
def empty_command_is_an_error(place):
    result = place.cofferdam("run", "--", "")
    check(result.code in (125, 127), f"exit status {result.code}")


@test
def unknown_option_is_125(place):
    result = place.cofferdam("run", "--no-such-option", "--", "true")
    equal(result.code, 125, "exit status")
    contains(result.err, "no-such-option", "message")


@test
def options_of_the_command_are_its_own(place):
    result = place.run("echo", "--policy", "-v", "--", "--format=x", options=["--format", "raw"])
    equal(result.out, b"--policy -v -- --format=x\n", "arguments")


@test
def separator_is_optional(place):
    result = place.cofferdam("run", "--format", "raw", "echo", "--version", "a b")
    equal((result.code, result.out), (0, b"--version a b\n"), "echo without --")


@test
def unknown_subcommand_is_2(place):
    result = place.cofferdam("rnu", "--", "true")
    equal(result.code, 2, "exit status")
    contains(result.err, "run", "nearest match")
    equal(place.cofferdam().code, 2, "no subcommand")


@test
def help_and_version(place):
    for option in ("--help", "help"):
        result = place.cofferdam(option)
        if option == "help" and result.code == 2:
            continue
        equal(result.code, 0, option)
        contains(result.out.decode(), "run", option)
    result = place.cofferdam("--version")
    equal(result.code, 0, "--version")
    contains(result.out.decode(), "cofferdam", "--version")
    equal(place.cofferdam("run", "--help").code, 0, "run --help")


@test
def missing_policy_is_125(place):
    result = place.run("echo", "started", options=["--policy", "no/such/policy.yaml"])
    equal(result.code, 125, "exit status")
    contains(result.err, "no/such/policy.yaml", "message")
    equal(result.out, b"", "output of the app, which must not start")


@test
def unwritable_report_is_125_before_the_start(place):
    for option in ("--report", "--events"):
        result = place.run("sh", "-c", "echo started", options=[option, "/no/such/directory/file"], report=False)
        equal(result.code, 125, option)
        contains(result.err, "/no/such/directory/file", "message")
        equal(result.out, b"", "output of the app, which must not start")


@test
def user_option(place):
    if not ROOT:
        result = place.run("true", options=["--user", "root"])
        equal(result.code, 125, "an ordinary user asks for another one")
        contains(result.err, "root", "message")
        return
    result = place.run("id", "-un", options=["--user", "games", "--format", "raw"])
    equal((result.code, result.out), (0, b"games\n"), "id -un")
    equal(place.run("true", options=["--user", "no-such-user"]).code, 125, "unknown user")


main()
