#!/usr/bin/python3
"""Learns from applications while they are used, and uses them again under what was learned. Called by ./run.

    scenario.py DATABASE_URL REDIS_URL
"""

import os
import signal
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
sys.dont_write_bytecode = True
from server import Server, harness, request  # noqa: E402
from harness import ROOT, check, contains, equal, wait_for  # noqa: E402

DATABASE_URL, REDIS_URL = sys.argv[1:]
HEADING = "# What remains under this policy"


class Learner(Server):
    """An application that also writes to a directory outside of its project, as servers have them."""

    extends = "twelve-factor"
    refused = ()  # codes of what is refused under the policy, and stands in its comments
    folder = ""

    def __init__(self):
        super().__init__(os.path.join(HERE, self.folder), None)
        self.data = os.path.join(self.place.base, "data")
        os.mkdir(self.data)

    @property
    def policy_file(self):
        return os.path.join(self.place.project, "cofferdam.yaml")

    def command(self):
        raise NotImplementedError

    def use(self, learning):
        """What visitors do. The same in both runs, but for what the comments say will be refused."""
        raise NotImplementedError

    def expect(self, policy):
        """Of the policy."""

    def variables(self):
        return {"DATA": self.data, "PORT": str(self.port)}

    def learn(self):
        self.start([harness.BINARY, "learn", "--", *self.command()])
        self.use(True)
        self.process.send_signal(signal.SIGINT)
        equal(self.wait(30), 0, f"exit status of learn; stderr: {self.text('stderr')[-1500:]}")
        with open(self.policy_file, encoding="utf-8") as file:
            return file.read()

    def live(self):
        self.start([harness.BINARY, "run", "--report", self.place.report_file, "--", *self.command()])
        self.use(False)
        self.terminate()
        self.wait(30)
        return self.result().report["findings"]


def learned_and_lived(application):
    server = application()
    try:
        policy = server.learn()
        contains(policy, f"\nextends: {server.extends}\n", "what it extends")
        contains(policy, f'- {{path: "{server.data}", type: overlay, size: 16MiB}}', "the directory elsewhere")
        equal(os.listdir(server.data), [], "what the learning run left on the host")
        server.expect(policy)
        equal(server.place.cofferdam("check").code, 0, f"check of:\n{policy}")
        findings = server.live()
        told = policy[policy.find(HEADING):] if HEADING in policy else ""
        for finding in findings:
            check(finding["code"] in told, f"not told beforehand: {finding}\n{policy}")
        errors = {finding["code"] for finding in findings if finding["severity"] == "error"}
        equal(errors, set(server.refused), f"codes of errors under\n{policy}")
    finally:
        server.close()


class Django(Learner):
    """The guest book, with a client of the database that is none of the app's business."""

    folder = os.path.join("..", "django", "project")
    extends = "django"
    refused = ("CD201",)
    ready = "/media/none"

    def variables(self):
        return {**super().variables(), "DATABASE_URL": DATABASE_URL, "MEDIA_ROOT": self.data,
                "LOG_FILE": os.path.join(self.data, "app.log")}

    def command(self):
        return ["gunicorn", "--workers", "2", "--bind", f"127.0.0.1:{self.port}", "guestbook.wsgi"]

    def use(self, learning):
        for _ in range(6):
            equal(request(self.port, "/")[0], 200, "GET /")
        equal(request(self.port, "/upload?name=a.bin", data=b"x" * 5000)[0], 200, "POST /upload")
        equal(request(self.port, "/media/a.bin")[1].get("bytes"), 5000, "the upload")
        equal(request(self.port, "/psql")[1]["code"] == 0, learning, "whether psql reached the database")

    def expect(self, policy):
        contains(policy, "    - env:DATABASE_URL\n", "the database")
        check("app:\n" not in policy, f"psql became the app:\n{policy}")


class Node(Learner):
    """Workers of a cluster that count in Redis, found by REDIS_URL, and keep a cache in files."""

    folder = "node"
    extends = "node"

    def variables(self):
        return {**super().variables(), "REDIS_URL": REDIS_URL}

    def command(self):
        return ["node", "server.js"]

    def use(self, learning):
        counts = [request(self.port, "/")[1]["count"] for _ in range(8)]
        equal(counts, sorted(set(counts)), "the counts grow")

    def expect(self, policy):
        contains(policy, "    - env:REDIS_URL\n", "the database")


class Queue(Learner):
    """A start script that does not `exec`: the programs that it starts are the app, which only rows can tell."""

    folder = "queue"
    ready = "/done"

    def variables(self):
        return {**super().variables(), "REDIS_URL": REDIS_URL}

    def command(self):
        return ["sh", "start.sh"]

    def use(self, learning):
        before = request(self.port, "/done")[1]["done"]
        equal(request(self.port, "/ask", data=b"")[0], 200, "POST /ask")
        wait_for(lambda: request(self.port, "/done")[1]["done"] == before + 1, "the worker to have done it", 30)

    def expect(self, policy):
        for program in ("gunicorn", "celery"):
            check(any(program in line for line in policy.splitlines() if line.startswith("    - {exe:")),
                  f"no row for {program}:\n{policy}")


def main():
    failed = False
    who = "root" if ROOT else "user"
    for application in (Django, Node, Queue):
        failed |= not harness.run_one(f"apps/learn/{who}/{application.__name__.lower()}", learned_and_lived, application)
    sys.exit(1 if failed else 0)


main()
