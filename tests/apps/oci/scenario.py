#!/usr/bin/python3
"""What users of an engine see when cofferdam is its OCI runtime. Called by ./run.

    scenario.py WORK DOCKERD-DIR [TEST...]

The image cofferdam-test-oci is busybox with a VOLUME /data and a policy in /app; it knows nothing of cofferdam.
"""

import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "cli"))
sys.dont_write_bytecode = True
import harness  # noqa: E402
from harness import check, contains, equal, wait_for  # noqa: E402

WORK, DOCKERD = sys.argv[1:3]
del sys.argv[1:3]
IMAGE = "cofferdam-test-oci"
HOST_POLICIES = "/etc/cofferdam"
CONTAINERD = f"{DOCKERD}/exec/containerd/containerd.sock"
TESTS = []


def test(function):
    TESTS.append(function)
    return function


def command(*words, timeout=60, **kwargs):
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
                          timeout=timeout, check=False, **kwargs)
    done.all = done.stdout + done.stderr
    return done


def docker(*words, **kwargs):
    return command("docker", *words, **kwargs)


def run(*words, options=(), runtime="cofferdam"):
    return docker("run", "--rm", "--network", "none", f"--runtime={runtime}", *options, IMAGE, *words)


def inspect(name, what):
    return docker("inspect", name, "--format", what).stdout.strip()


class Place:
    """Containers of one test; all are gone at its end."""

    def __init__(self):
        self.names = []

    def start(self, script, options=()):
        name = f"cofferdam-test-oci-{os.getpid()}-{len(self.names)}"
        self.names.append(name)
        done = docker("run", "-d", "--name", name, "--network", "none", "--runtime=cofferdam", *options, IMAGE, "sh", "-c",
                      script)
        equal(done.returncode, 0, f"docker run ({done.stderr})")
        return name

    def remove(self):
        if self.names:
            docker("rm", "-f", *self.names)


SERVER = "trap 'echo bye; exit 3' TERM; echo up; while :; do sleep 0.05; done"


@test
def the_image_runs_as_ever(_):
    done = run()
    equal((done.returncode, done.stdout), (0, "served\n"), done.stderr)
    equal(run("sh", "-c", "exit 7").returncode, 7, "exit status")
    equal(run("sh", "-c", "kill -9 $$").returncode, 137, "exit status after a signal")
    equal(run("none-such").returncode, 127, "exit status of a command that is not there")
    equal(run("/etc").returncode, 126, "exit status of a directory")


@test
def as_any_user(_):
    done = run("id", options=["--user", "1234:99", "--read-only", "--cap-drop", "ALL"])
    equal(done.stdout, "uid=1234 gid=99 groups=99\n", "id")
    done = run("sh", "-c", "echo x >/tmp/a && echo x >/data/a && cat /data/a", options=["--user", "1000"])
    equal((done.returncode, done.stdout), (0, "x\n"), f"the volume's owner ({done.stderr})")


@test
def nothing_lands_on_a_disk(_):
    done = run("sh", "-c", "for at in /etc /app /usr /srv /root / /proc /sys; do echo x >$at/y && echo written to $at; done; "
                           "echo x >/tmp/y && echo x >/run/y && echo x >/dev/shm/y && echo memory; true")
    equal(done.stdout, "memory\n", "what could be written")
    contains(done.stderr, "CD101", "the refusal")
    contains(done.stderr, "lost     3 files", "the summary")


@test
def volumes_are_memory(_):
    done = run("sh", "-c", "cat /data/from-image; echo new >/data/new && cat /data/new; grep ' /data ' /proc/mounts")
    contains(done.stdout, "planned\nnew\ntmpfs /data tmpfs", f"what is in the volume ({done.stderr})")
    contains(done.stderr, "/data/new", "what was lost")
    directory = os.path.join(WORK, "bound")
    os.makedirs(directory, exist_ok=True)
    done = run("sh", "-c", "echo x >/bound/x", options=["-v", f"{directory}:/bound"])
    check(done.returncode != 0 and not os.listdir(directory), "a bind of the host was written")
    done = run("sh", "-c", "echo x >/data/x && cat /data/x", options=["--tmpfs", "/data"])
    equal(done.returncode, 1, "a tmpfs of the user's own is no row of the policy")


@test
def what_the_image_has_in_run_is_there(_):
    equal(run("cat", "/run/app/from-image").stdout, "planned\n", "/run")


@test
def no_terminal_no_new_privileges(place):
    name = place.start(SERVER)
    done = docker("exec", name, "sh", "-c", "grep NoNewPrivs /proc/self/status; grep NoNewPrivs /proc/1/status")
    equal(re.findall(r"\d", done.stdout), ["1", "1"], f"no_new_privs ({done.stderr})")
    leader, follower = pty.openpty()
    done = subprocess.run(["docker", "exec", "-it", name, "sh"], stdin=follower, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=30, check=False)
    os.close(leader)
    os.close(follower)
    check(done.returncode != 0, "a terminal was opened")
    contains(done.stdout, "an instance that runs is not entered with a terminal", "what is said")
    contains(done.stdout, "docker run --rm -it", "the way out")


@test
def a_one_off_has_a_terminal_and_may_reach_the_database(_):
    def typed(command, options):
        leader, follower = pty.openpty()
        process = subprocess.Popen(["docker", "run", "--rm", "-it", "--network", "none", "--runtime=cofferdam", *options,
                                    IMAGE, *command], stdin=follower, stdout=follower, stderr=follower, close_fds=True)
        os.close(follower)
        os.write(leader, b"tty; echo the answer is $((6*7)); exit 5\n")
        out = b""
        try:
            while True:
                out += os.read(leader, 4096)
        except OSError:
            pass
        os.close(leader)
        return process.wait(30), out.decode()

    for user in ("0", "1000"):
        code, out = typed(["sh", "-i"], ["-l", "cofferdam.one-off=true", "--user", user])
        equal(code, 5, f"exit status: {out}")
        contains(out, "one-off instance: files saved here are lost", "what is said first")
        contains(out, "/dev/pts/", "the terminal")
        contains(out, "the answer is 42", "the shell's answer")
    code, out = typed(["sh", "-i"], [])
    check("the answer is 42" not in out, f"an interactive shell without asking: {out}")
    for options in (["-e", "COFFERDAM_ONE_OFF=1"], ["-l", "cofferdam.one-off=true"]):
        done = run("sh", "-c", "tr '\\0' ' ' </proc/1/cmdline", options=options)
        contains(done.stdout, "/dev/cofferdam/cofferdam shell", f"the first process with {options} ({done.stderr})")
    done = run("true", options=["-l", "cofferdam.one-off=perhaps"])
    check(done.returncode != 0, "a value that is none")
    contains(done.stderr, "must be true or false", "what is said")


@test
def the_life_of_a_container(place):
    name = place.start(SERVER, ["--health-cmd", "echo well", "--health-interval", "0.3s"])
    wait_for(lambda: inspect(name, "{{.State.Health.Status}}") == "healthy", "the health check")
    equal(docker("pause", name).returncode, 0, "pause")
    equal(inspect(name, "{{.State.Status}}"), "paused", "state")
    equal(docker("unpause", name).returncode, 0, "unpause")
    begin = time.monotonic()
    equal(docker("stop", name).returncode, 0, "stop")
    check(time.monotonic() - begin < 5, "the stop took too long")
    equal(inspect(name, "{{.State.ExitCode}}"), "3", "the app's own exit status")
    equal(docker("logs", name).stdout, "up\nbye\n", "logs")
    equal(docker("restart", "-t", "3", name).returncode, 0, "restart")
    wait_for(lambda: docker("logs", name).stdout.count("up") == 2, "the second start")
    equal(docker("kill", name).returncode, 0, "kill")
    wait_for(lambda: inspect(name, "{{.State.ExitCode}}") == "137", "the exit status of a kill")


@test
def the_launcher_is_the_first_process(place):
    for options in ([], ["--init"]):
        done = run("sh", "-c", "tr '\\0' ' ' </proc/1/cmdline", options=options)
        contains(done.stdout, "/dev/cofferdam/cofferdam run", f"the first process {options}")
    name = place.start(SERVER, ["--init"])
    wait_for(lambda: "up" in docker("logs", name).stdout, "the app")
    equal(docker("stop", name).returncode, 0, "stop")
    equal(inspect(name, "{{.State.ExitCode}}"), "3", "exit status")


@test
def policies_by_label_variable_and_image(_):
    done = run("sh", "-c", "echo x >/etc/y && echo free", options=["-l", "cofferdam.policy=off"])
    equal((done.returncode, done.stdout), (0, "free\n"), done.stderr)
    done = run("sh", "-c", "echo x >cache/y && echo x >/srv/y && echo x >/etc/y; ls /dev/cofferdam",
               options=["-e", "COFFERDAM_POLICY=/app/cofferdam.yaml"])
    contains(done.stderr, "/etc/y", "what is refused")
    contains(done.stderr, "lost     2 files", "what is lost")
    equal(done.stdout, "cofferdam\npolicy.yaml\n", "where the launcher is")
    done = run(options=["-e", "COFFERDAM_POLICY=/app/link.yaml"])
    check(done.returncode == 125 and "root:" not in done.stderr, f"the host's /etc/shadow was read ({done.stderr})")
    done = run(options=["-e", "COFFERDAM_POLICY=none-such"])
    equal(done.returncode, 125, "exit status")
    contains(done.stderr, "there is no shipped policy of that name", "docker's message")


@test
def policies_of_the_host(_):
    if os.path.exists(HOST_POLICIES):
        harness.skip(f"a machine without {HOST_POLICIES}")
    os.makedirs(f"{HOST_POLICIES}/policies")
    try:
        for name in ("policies/shop.yaml", "binding-policy.yaml"):
            with open(f"{HOST_POLICIES}/{name}", "w", encoding="utf-8") as file:
                file.write("version: 1\nextends: twelve-factor\nstorage: {mounts: [{path: /from-host, type: tmpfs}]}\n")
            with open(f"{HOST_POLICIES}/policies/wrong.yaml", "w", encoding="utf-8") as file:
                file.write("version: 1\nstorge: {}\n")
            wish = "shop" if name != "binding-policy.yaml" else "off"
            done = run("sh", "-c", "echo x >/from-host/y && echo written; echo x >/etc/y", options=[
                "-l", f"cofferdam.policy={wish}"])
            equal(done.stdout, "written\n", f"{name} ({done.stderr})")
            contains(done.stderr, "CD101", "the refusal")
            if wish == "off":
                break
            done = run(options=["-l", "cofferdam.policy=wrong"])
            equal(done.returncode, 125, "exit status")
            contains(done.stderr, "wrong.yaml:2", "the place of the mistake")
    finally:
        shutil.rmtree(HOST_POLICIES)


@test
def as_the_default_runtime(place):
    config = f"{WORK}/daemon.json"
    with open(config, encoding="utf-8") as file:
        given = json.load(file)
    with open(f"{DOCKERD}/pid", encoding="utf-8") as file:
        daemon = int(file.read())

    def use(settings, runtime):
        with open(config, "w", encoding="utf-8") as file:
            json.dump(settings, file)
        os.kill(daemon, signal.SIGHUP)
        wait_for(lambda: docker("info", "--format", "{{.DefaultRuntime}}").stdout.strip() == runtime, runtime)

    use({**given, "default-runtime": "cofferdam"}, "cofferdam")
    try:
        done = docker("run", "--rm", "--network", "none", IMAGE, "sh", "-c", "echo x >/etc/y || echo governed")
        equal(done.stdout, "governed\n", "a plain docker run")
        composed(place)
        in_a_swarm()
    finally:
        use({**given, "default-runtime": "runc"}, "runc")


def composed(_):
    file = f"{WORK}/compose.yaml"
    with open(file, "w", encoding="utf-8") as out:
        out.write(f"version: '3.7'\nservices:\n  web: {{image: {IMAGE}, network_mode: none, "
                  "command: [sh, -c, 'echo x >/etc/y || echo governed']}\n")
    done = command("docker-compose", "-p", "cofferdam-test-oci", "-f", file, "up", "--no-color")
    contains(done.stdout, "governed", f"docker-compose up ({done.stderr})")
    command("docker-compose", "-p", "cofferdam-test-oci", "-f", file, "down")


def in_a_swarm():
    equal(docker("swarm", "init", "--advertise-addr", "127.0.0.1").returncode, 0, "swarm init")
    try:
        service = "cofferdam-test-oci-service"

        def running(word):
            lines = docker("ps", "--filter", f"name={service}", "--format", "{{.ID}}").stdout.split()
            return sum(word in docker("logs", each).stdout for each in lines)

        script = "trap 'exit 0' TERM; echo x >/etc/y || echo $WORD; while :; do sleep 0.05; done"
        done = docker("service", "create", "--detach", "--name", service, "--replicas", "3", "--network", "host", "--env",
                      "WORD=first", IMAGE, "sh", "-c", script)
        equal(done.returncode, 0, done.stderr)
        wait_for(lambda: running("first") == 3, "three replicas", 40)
        done = docker("service", "update", "--detach", "--env-add", "WORD=second", service)
        equal(done.returncode, 0, done.stderr)
        wait_for(lambda: running("second") == 3 and running("first") == 0, "the rolling update", 60)
        docker("service", "rm", service)
        wait_for(lambda: not docker("ps", "-q", "--filter", f"name={service}").stdout, "the end of the service", 30)
    finally:
        docker("swarm", "leave", "--force")


def ctr(*words):
    return command("ctr", "--address", CONTAINERD, "-n", "cofferdam-test", *words)


@test
def under_containerd(_):
    tar = f"{WORK}/image.tar"
    equal(docker("save", IMAGE, "-o", tar).returncode, 0, "docker save")
    done = ctr("images", "import", tar)
    equal(done.returncode, 0, done.stderr)
    image = f"docker.io/library/{IMAGE}:latest"
    runtime = ["--runc-binary", f"{WORK}/cofferdam-oci", "--runtime", "io.containerd.runc.v2"]
    try:
        done = ctr("run", "--rm", *runtime, image, "c1", "sh", "-c", "echo x >/etc/y || echo governed; exit 5")
        equal((done.returncode, done.stdout), (5, "governed\n"), done.stderr)
        done = ctr("run", "--rm", "--annotation", "cofferdam.policy=off", *runtime, image, "c2", "sh", "-c",
                   "echo x >/etc/y && echo free")
        equal(done.stdout, "free\n", done.stderr)
        done = ctr("run", "--rm", "--annotation", "cofferdam.policy=none-such", *runtime, image, "c3", "true")
        check(done.returncode != 0, "an unknown policy")
        contains(done.stderr, "no shipped policy of that name", "the message")
    finally:
        ctr("images", "rm", image)


def exported(to, *words):
    policy = f"{WORK}/exported.yaml"
    with open(policy, "w", encoding="utf-8") as file:
        file.write("version: 1\nextends: twelve-factor\nstorage: {mounts: [{path: /cache, type: tmpfs, size: 1MiB}]}\n"
                   "limits: {memory: 64MiB, processes: 50, open_files: 99}\nenvironment: {set: {WORD: 'a $b'}}\n")
    done = command(harness.BINARY, "export", "--to", to, "--policy", policy, "--image", IMAGE, "--name",
                   "cofferdam-test-oci-exported", *words)
    equal(done.returncode, 0, done.stderr)
    return done.stdout


@test
def what_is_exported_runs(_):
    script = ("echo x >/cache/y && echo x >/tmp/y && echo scratch; (echo x >/etc/y) 2>/dev/null || echo read-only; ulimit -n; echo \"$WORD\"; "
              "grep -h . /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null")
    wanted = "scratch\nread-only\n99\na $b\n67108864\n"
    line = exported("docker", "--", "sh", "-c", script).replace("docker run", "docker run --rm --network none", 1)
    equal(command("sh", "-c", line).stdout, wanted, line)
    text = exported("compose", "--", "sh", "-c", script)
    file = f"{WORK}/exported-compose.yaml"
    with open(file, "w", encoding="utf-8") as out:
        out.write(text.replace("    init: true\n", "    init: true\n    network_mode: none\n"))
    done = command("docker-compose", "-p", "cofferdam-test-oci", "-f", file, "up", "--no-color", "--no-log-prefix")
    command("docker-compose", "-p", "cofferdam-test-oci", "-f", file, "down")
    contains(done.stdout, wanted, f"docker-compose up ({done.stderr})")


@test
def without_a_runtime_nothing_starts(_):
    environment = {**os.environ, "COFFERDAM_OCI_RUNTIME": "/none-such"}
    log = f"{WORK}/runtime.log"
    done = command(f"{WORK}/cofferdam-oci", "--log", log, "--log-format", "json", "create", "--bundle", WORK, "x",
                   env=environment)
    equal((done.returncode, done.all), (1, ""), "exit status and output")
    with open(log, encoding="utf-8") as file:
        entry = json.loads(file.read())
    equal(entry["level"], "error", "level")
    contains(entry["msg"], "/none-such", "the message")
    done = command(f"{WORK}/cofferdam-oci", "--log", log, "create", "--bundle", "/none-such", "x")
    equal(done.returncode, 1, "exit status without a bundle")
    done = command(f"{WORK}/cofferdam-oci", "--version")
    contains(done.stdout, "runc version", "what passes through")


if __name__ == "__main__":
    harness.run_all("apps/oci", TESTS, Place)
