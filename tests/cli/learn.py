#!/usr/bin/python3
"""cofferdam learn: what it lets through, the policy that it writes, and that the app runs the same under it."""

import os
import signal
import socket
import subprocess
import threading

from harness import BINARY, ROOT, check, contains, equal, main, test

CONNECT = """
import os, socket, subprocess, sys
def reach(port):
    with socket.socket() as client:
        try: client.connect(("127.0.0.1", port)); return "reached"
        except OSError as error: return error.strerror
"""


class Listener:
    """Accepts connections and answers nothing, for as long as it is there."""

    def __init__(self, path=None):
        if path:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.bind(path)
        else:
            self.socket = socket.socket()
            self.socket.bind(("127.0.0.1", 0))
        self.socket.listen(64)
        self.port = None if path else self.socket.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                self.socket.accept()[0].close()
            except OSError:
                return


def learn(place, *words, **kwargs):
    return place.cofferdam("learn", *words, **kwargs)


def policy_of(place, name="cofferdam.yaml"):
    with open(os.path.join(place.project, name), encoding="utf-8") as file:
        return file.read()


def elsewhere(place):
    """A directory of the host that no shipped policy names."""
    directory = os.path.join(place.base, "data")
    os.makedirs(directory, exist_ok=True)
    return directory


def refusals(result):
    return [finding for finding in result.report["findings"] if finding["severity"] == "error"]


@test
def a_place_elsewhere_becomes_a_mount(place):
    data = elsewhere(place)
    place.file("app.py", f"""
import os, tempfile
os.makedirs("{data}/cache", exist_ok=True)
open("{data}/cache/a", "w").write("x" * 100)
tempfile.mkdtemp(dir="{data}")
print(len(os.listdir("{data}")))
""")
    result = learn(place, "-f", "raw", "--report", place.report_file, "--", "/usr/bin/python3", "app.py")
    equal((result.code, result.out), (0, b"2\n"), f"the learning run: {result.err}")
    levels = {row["rule"]: row["level"] for row in result.report["enforcement"]}
    equal((levels["storage"], levels["database"]), ("none", "none"), "what its report claims")
    equal(os.listdir(data), [], "nothing reached the host")
    policy = policy_of(place)
    contains(policy, f'- {{path: "{data}", type: overlay, size: 16MiB}}', "the mount")
    contains(policy, "extends: twelve-factor", "what it extends")
    equal(place.cofferdam("check", "cofferdam.yaml").code, 0, "check")
    again = place.run("/usr/bin/python3", "app.py")
    equal((again.code, again.messages()), (0, ["2"]), "the run under it")
    equal(refusals(again), [], "its refusals")


@test
def the_database_is_named_by_its_variable_and_secrets_stay_out(place):
    server, other = Listener(), Listener()
    place.file("app.py", CONNECT + f"print(reach({server.port}), reach({other.port}))")
    env = {"DATABASE_URL": f"postgres://shop:s3cr3tword@localhost:{server.port}/shop"}
    place.file("base.yaml", f"version: 1\nextends: twelve-factor\ndatabase: {{ports: [{other.port}]}}\n")
    result = learn(place, "-f", "raw", "-p", "base.yaml", "--", "/usr/bin/python3", "app.py", "--password=s3cr3tword", env=env)
    equal((result.code, result.out), (0, b"reached reached\n"), result.err)
    policy = policy_of(place)
    contains(policy, "    - env:DATABASE_URL\n", "the variable")
    contains(policy, f'    - "localhost:{other.port}"\n', "the one without")
    check("s3cr3t" not in policy, policy)
    again = place.run("/usr/bin/python3", "app.py", env=env)
    equal((again.messages(), refusals(again)), (["reached reached"], []), "the run under it")
    shell = place.cofferdam("shell", "--", "/usr/bin/python3", "app.py", env=env)
    contains(shell.out.decode(), "reached reached", f"a one-off: {shell.err}")


@test
def a_worker_gets_a_row_and_a_client_gets_none(place):
    server = Listener()
    env = {"DATABASE_URL": f"postgres://localhost:{server.port}/shop"}
    place.file("worker.py", CONNECT + "print('worker', reach(int(sys.argv[1])))")
    place.file("tool.sh", f"#!/bin/bash\n: > /dev/tcp/127.0.0.1/{server.port} && echo tool reached\n", 0o755)
    place.file("app.py", CONNECT + f"""
print(reach({server.port}), flush=True)
subprocess.run([sys.executable, "worker.py", "{server.port}"])
subprocess.run(["./tool.sh"])
""")
    result = learn(place, "-f", "raw", "--", "/usr/bin/python3", "app.py", env=env)
    equal(result.out, b"reached\nworker reached\ntool reached\n", f"nothing is refused: {result.err}")
    policy = policy_of(place)
    contains(policy, 'argv: ["*", "worker.py"]', "the worker's row")
    check("- {exe: bash" not in policy and "tool.sh\"" not in policy, policy)
    contains(policy, "CD201", "the client, as a comment")
    again = place.run("/usr/bin/python3", "app.py", env=env)
    equal(again.messages()[:2], ["reached", "worker reached"], "the run under it")
    equal([finding["code"] for finding in refusals(again)], ["CD201"], "what the comments say")


@test
def a_socket_of_the_host_becomes_a_row(place):
    path = os.path.join(place.project, "clock.sock")
    with Listener(path).socket:
        place.file("app.py", f"""
import socket
client = socket.socket(socket.AF_UNIX)
client.connect("{path}")
print("reached")
""")
        result = learn(place, "-f", "raw", "--", "/usr/bin/python3", "app.py")
        equal(result.out, b"reached\n", result.err)
        contains(policy_of(place), f'sockets:\n  # A service of this machine, used by app.py.\n  - "{path}"', "the row")
        again = place.run("/usr/bin/python3", "app.py")
        equal((again.messages(), refusals(again)), (["reached"], []), "the run under it")


@test
def what_will_be_lost_stands_in_its_comments(place):
    result = learn(place, "--", "/bin/sh", "-c", "mkdir media; printf '\\211PNG\\r\\n\\032\\n' > media/a.png; echo x > visits")
    equal(result.code, 0, result.err)
    policy = policy_of(place)
    contains(policy, "# - CD110", "the upload")
    contains(policy, "# - CD102 1 other file", "the rest")
    check(not os.path.exists(os.path.join(place.project, "media")), "nothing reached the project")


@test
def a_server_is_learned_from_until_ctrl_c(place):
    place.file("app.py", "import signal\nprint('ready', flush=True)\nsignal.pause()\n")
    process = subprocess.Popen([BINARY, "learn", "-f", "raw", "--", "/usr/bin/python3", "app.py"], cwd=place.project,
                               env=place.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    equal(process.stdout.readline(), b"ready\n", "the app's first line")
    process.send_signal(signal.SIGINT)
    result = place.finish(process)
    equal(result.code, 0, result.err)
    contains(result.err, "was ended by signal 2; wrote cofferdam.yaml", "what is told")
    contains(result.err, "cofferdam run -- /usr/bin/python3 app.py", "how to go on")
    place.no_process_left()


@test
def an_app_that_fails_is_told(place):
    result = learn(place, "--", "/bin/sh", "-c", "exit 7")
    equal(result.code, 7, "exit status")
    contains(result.err, "the app failed", "the warning")
    check(os.path.exists(os.path.join(place.project, "cofferdam.yaml")), "the policy is written all the same")


@test
def several_runs_merge(place):
    data = elsewhere(place)
    learn(place, "--", "/bin/true")
    first = policy_of(place)
    place.file("cofferdam.yaml", first + "# my own words\nrun: {stop_grace: 3s}\n")
    place.file("app.sh", f"head -c 60000000 /dev/zero > {data}/a; echo done")
    result = learn(place, "--merge", "cofferdam.yaml", "-f", "raw", "--", "/bin/sh", "app.sh")
    equal((result.code, result.out), (0, b"done\n"), result.err)
    merged = policy_of(place)
    contains(merged, first + "# my own words\nrun: {stop_grace: 3s}\n", "what stood there")
    contains(merged, f'    - {{path: "{data}", type: overlay, size: 128MiB}}', "what is new")
    equal(learn(place, "--merge", "cofferdam.yaml", "--", "/bin/sh", "app.sh").code, 0, "once more")
    equal(policy_of(place).count(f'"{data}"'), 1, "a row is not written twice")
    place.file("app.sh", f"head -c 120000000 /dev/zero > {data}/a")
    equal(learn(place, "--merge", "cofferdam.yaml", "--", "/bin/sh", "app.sh").code, 0, "a larger run")
    contains(policy_of(place), "size: 256MiB", "the greater size")
    equal(place.cofferdam("check", "cofferdam.yaml").code, 0, "check")


@test
def a_file_that_is_there_is_kept(place):
    place.file("cofferdam.yaml", "version: 1\nextends: twelve-factor\n")
    result = learn(place, "--", "/bin/sh", "-c", "echo ran")
    equal((result.code, result.out), (125, b""), "refused before the start")
    contains(result.err, "--merge cofferdam.yaml", "the way out")
    equal(learn(place, "--force", "--", "/bin/true").code, 0, "--force")
    equal(learn(place, "-o", "other.yaml", "--", "/bin/true").code, 0, "--output")
    contains(policy_of(place, "other.yaml"), "cofferdam learn --merge other.yaml", "its heading")


@test
def the_network_can_be_bounded(place):
    result = learn(place, "--egress", "deny", "--", "/bin/true")
    equal(result.code, 0, result.err)
    contains(policy_of(place), "\nnetwork:\n  egress: deny\n", "the block")
    equal(place.cofferdam("check", "cofferdam.yaml").code, 0, "check")


@test
def the_shipped_policy_that_fits_is_extended(place):
    place.file("package.json", "{}")
    learn(place, "--", "/bin/true")
    contains(policy_of(place), "\nextends: node\n", "a project of node")
    place.file("base.yaml", "version: 1\nextends: django\n")
    learn(place, "--force", "--policy", "base.yaml", "--", "/bin/true")
    contains(policy_of(place), f'\nextends: "{place.project}/base.yaml"\n', "a policy of one's own")


@test
def names_that_try_to_be_policy_are_text(place):
    data = elsewhere(place)
    evil = os.path.join(data, "a\n    - {path: ~, type: persistent}\n#")
    os.makedirs(evil)
    result = learn(place, "--", "/bin/sh", "-c", 'echo x > "$1/x"; echo y > "$2"', "app", evil,
                   "b\nextends: none\n- {path: ~, type: persistent}")
    equal(result.code, 0, result.err)
    policy = policy_of(place)
    check("\n    - {path" not in policy and "\nextends: none" not in policy, policy)
    contains(policy, "because a policy can't hold its name", "what is said")


@test
def the_home_directory_is_the_users(place):
    if not ROOT:
        equal(learn(place, "--user", "root", "--", "/bin/true").code, 125, "only root runs as somebody else")
        return
    # `games` lives in /usr/games: what it writes there is refused in the end, and never the home of root's.
    result = learn(place, "--user", "games", "-f", "raw", "--", "/bin/sh", "-c", "echo $HOME; echo x > ~/x")
    equal(result.out, b"/usr/games\n", result.err)
    check("/usr/games" not in policy_of(place).split("# Written")[0], policy_of(place))


@test
def mistakes(place):
    for words, part in (([], "no command"), (["--egress", "allow", "--", "true"], "only deny"),
                        (["--merge", "a", "--output", "b", "--", "true"], "leave --output out"),
                        (["--merge", "none-such.yaml", "--", "true"], "there is no such file"),
                        (["-o", "none/such.yaml", "--", "true"], "no directory"),
                        (["-p", "none-such", "--", "true"], "none-such"),
                        (["--", "no-such-program"], "no-such-program")):
        result = learn(place, *words)
        check(result.code in (125, 127), f"{words}: {result.code}")
        contains(result.err, part, str(words))
    check(not os.path.exists(os.path.join(place.project, "cofferdam.yaml")), "nothing is written")


main()
