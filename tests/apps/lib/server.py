"""What the real applications share: an HTTP server in a place of its own, started, asked and stopped as its users would.

A test derives its application from Server and says what it needs in `variables`; the same class with Docker before it
(`class InDocker(Docker, TheApplication)`) is the application in a container whose ENTRYPOINT is cofferdam.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "cli"))
sys.dont_write_bytecode = True
import harness  # noqa: E402
from harness import Place, check, equal, free_port, wait_for  # noqa: E402


def fetch(port, path, data=None, headers=None, timeout=20):
    """Sends a real HTTP request; returns the status and the bytes of the body."""
    url = f"http://127.0.0.1:{port}{path}"
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers or {}), timeout=timeout) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def request(port, path, data=None, timeout=20):
    """Sends a real HTTP request; returns the status and the JSON body."""
    status, body = fetch(port, path, data, timeout=timeout)
    try:
        return status, json.loads(body)
    except ValueError:
        return status, {"body": body.decode(errors="replace")[:500]}


class Server:
    """A copy of `project` in a new home directory. `writable` is where the application may save files."""

    policy = "twelve-factor"
    ready = "/"  # answers, with whatever status below 500, once the server is up

    def __init__(self, project, options):
        self.options = options
        self.place = Place()
        self.port = free_port()
        self.writable = self.place.project
        self.process = None
        shutil.copytree(project, self.place.project, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))

    def variables(self):
        return {}

    def environment(self):
        return {**self.place.env, "PYTHONUNBUFFERED": "1", **self.variables()}

    def cofferdam(self):
        return [harness.BINARY, "run", "--policy", self.policy, "--report", self.place.report_file,
                "--events", self.place.events_file, "--"]

    def start(self, command):
        with open(self.out("stdout"), "wb") as out, open(self.out("stderr"), "wb") as err:
            self.process = subprocess.Popen(command, cwd=self.place.project, env=self.environment(),
                                            stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        self.wait_until_it_answers()

    def out(self, stream):
        return os.path.join(self.place.out, stream)

    def text(self, stream):
        with open(self.out(stream), encoding="utf-8", errors="replace") as file:
            return file.read()

    def result(self):
        """What the ended run left: its report and its events."""
        return harness.Result(0, b"", "", self.place)

    def alive(self):
        return self.process.poll() is None

    def wait_until_it_answers(self):
        def answers():
            check(self.alive(), f"the server ended at its start; stderr: {self.text('stderr')[-2000:]}; "
                                f"stdout: {self.text('stdout')[-1000:]}")
            try:
                return fetch(self.port, self.ready)[0] < 500
            except OSError:
                return False

        wait_for(answers, f"the server to answer; stderr: {self.text('stderr')[-500:]}", 30)

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def wait(self, seconds):
        return self.process.wait(seconds)

    def close(self):
        if self.process and self.alive():
            self.process.kill()
            self.process.wait()
        self.place.remove()


class Docker(Server):
    """An unmodified `docker run`: default profile, no added capability, a read-only root, one tmpfs.

    Needs `options.image`, whose ENTRYPOINT is cofferdam (image.sh), and `options.user`.
    """

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.writable = "/tmp"
        self.name = "cofferdam-test-" + self.place.marker[-12:]
        os.chmod(self.place.out, 0o777)

    def docker(self, *arguments, **kwargs):
        return subprocess.run(["docker", *arguments], check=False, capture_output=True, text=True, **kwargs)

    def start(self, command):
        self.docker("rm", "--force", self.name)  # a replaced instance
        environment = {**self.environment(), "HOME": "/root" if self.options.user == "root" else "/"}
        variables = [part for name in environment for part in ("--env", f"{name}={environment[name]}")]
        user = [] if self.options.user == "root" else ["--user", self.options.user]
        result = self.docker("run", "--detach", "--name", self.name, "--network", "host", "--read-only", "--tmpfs",
                             "/tmp", "--volume", f"{self.place.out}:/out", "--workdir", "/app", *user, *variables,
                             self.options.image, *command)
        equal(result.returncode, 0, f"docker run ({result.stderr.strip()})")
        self.wait_until_it_answers()

    def text(self, stream):
        result = self.docker("logs", self.name)
        return result.stdout if stream == "stdout" else result.stderr

    def alive(self):
        return self.docker("inspect", "--format", "{{.State.Running}}", self.name).stdout.strip() == "true"

    def terminate(self):
        subprocess.Popen(["docker", "stop", "--time", "20", self.name], stdout=subprocess.DEVNULL)

    def wait(self, seconds):
        return int(self.docker("wait", self.name, timeout=seconds).stdout)

    def close(self):
        self.docker("rm", "--force", self.name)
        self.place.remove()
