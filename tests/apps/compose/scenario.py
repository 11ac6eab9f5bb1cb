#!/usr/bin/python3
"""Drives examples/compose as its README does. Called by ./run.

    scenario.py EXAMPLE PROJECT

EXAMPLE is the directory of compose.yaml; the images are called PROJECT-SERVICE.
"""

import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
sys.dont_write_bytecode = True
from server import fetch, harness, request  # noqa: E402
from harness import check, contains, equal, wait_for  # noqa: E402

EXAMPLE, PROJECT = sys.argv[1:3]
SERVICES = ("web", "database", "storage", "logs")
PHOTO = bytes(range(256)) * 500


class Compose:
    """docker-compose with the example's own file and one more that names the images."""

    def __init__(self, folder):
        first = random.randrange(20000, 30000, 10)
        self.environment = {**os.environ, "SHOP_PORTS": f"{first}-{first + 9}", "COMPOSE_PROJECT_NAME": PROJECT}
        self.images = os.path.join(folder, "images.yaml")
        with open(self.images, "w", encoding="utf-8") as file:
            json.dump({"services": {name: {"image": f"{PROJECT}-{name}"} for name in SERVICES}}, file)

    def __call__(self, *arguments, files=(), timeout=60):
        command = ["docker-compose", "--ansi", "never"]
        for name in (os.path.join(EXAMPLE, "compose.yaml"), self.images, *files):
            command += ["--file", name]
        return subprocess.run([*command, *arguments], check=False, capture_output=True, text=True, timeout=timeout,
                              env=self.environment, stdin=subprocess.DEVNULL)

    def must(self, *arguments, **kwargs):
        result = self(*arguments, **kwargs)
        equal(result.returncode, 0, f"docker-compose {' '.join(arguments)} ({result.stderr[-1500:]})")
        return result.stdout

    def log(self, service):
        return self("logs", "--no-color", service).stdout

    def port(self, index=1):
        return int(self.must("port", "--index", str(index), "web", "8000").rpartition(":")[2])


def wait_until_it_answers(compose, index=1):
    def answers():
        try:
            return fetch(compose.port(index), "/")[0] == 200
        except OSError:
            return False

    wait_for(answers, f"web {index} to answer", 40)


def starts(compose):
    compose.must("up", "--detach", "--no-build")
    try:
        wait_until_it_answers(compose)
    except harness.Failure as failure:
        logs = "; ".join(f"{name}: {compose.log(name)[-700:]}" for name in SERVICES)
        raise harness.Failure(f"{failure} ({logs})") from None


def a_photo_is_kept(compose):
    status, answer = request(compose.port(), "/photos/sea.jpg", PHOTO)
    equal(status, 201, f"POST of a photo ({answer})")
    status, body = fetch(compose.port(), "/photos/sea.jpg")
    check((status, body) == (200, PHOTO), f"GET of the photo: {status}, {len(body)} bytes")
    equal(request(compose.port(), "/")[1]["photos"], ["sea.jpg"], "names in the database")


def object_is_in_the_storage(compose):
    found = compose.must("exec", "-T", "storage", "find", "/tmp/objects/shop", "-type", "f", "-size", f"{len(PHOTO)}c")
    contains(found, "sea.jpg", "files of the S3 server")


def row_is_in_the_database(compose):
    """`exec` is the developer's own way in: it is outside of cofferdam (docs/entrypoint.md)."""
    rows = compose.must("exec", "-T", "database", "psql", "-h", "/tmp", "-U", "shop", "-At", "-c",
                        "select name, bytes from photo", "shop")
    equal(rows.strip(), f"sea.jpg|{len(PHOTO)}", "rows")


def a_program_of_its_own_is_refused(compose):
    before = compose.log("database").count("connection authorized")
    status, answer = request(compose.port(), "/export")
    equal(status, 502, f"GET /export ({answer})")
    contains(answer["error"], "psql", "what psql said")
    equal(compose.log("database").count("connection authorized"), before, "connections at the database itself")
    log = compose.log("web")
    found = [line for line in log.splitlines() if "CD201" in line]
    check(any(":5432 refused" in line and "psql <- sh <- gunicorn" in line for line in found), f"the finding: {found}")


def logs_arrive_at_the_collector(compose):
    """The lines of the app, with their level and instance, and cofferdam's own findings."""
    def records():
        return [json.loads(line[line.index("{"):]) for line in compose.log("logs").splitlines() if '"stream"' in line]

    wait_for(lambda: any("photo sea.jpg saved" in record["text"] for record in records()), "the app's line", 10)
    saved = next(record for record in records() if "photo sea.jpg saved" in record["text"])
    equal((saved["instance"], saved["stream"], saved["level"]), ("web.1", "stdout", "info"), "the record")
    failed = [record for record in records() if "export failed" in record["text"]]
    check(failed and failed[0]["level"] in ("err", "error"), f"the app's own error: {failed}")
    wait_for(lambda: any("CD201" in json.dumps(record) for record in records() if record["stream"] == "cofferdam"),
             "the finding at the collector", 10)


def instances_share_nothing_local(compose):
    compose.must("up", "--detach", "--no-build", "--scale", "web=3", timeout=90)
    for index in (1, 2, 3):
        wait_until_it_answers(compose, index)
    ports = [compose.port(index) for index in (1, 2, 3)]
    equal(len(set(ports)), 3, f"ports {ports}")
    equal(len({request(port, "/")[1]["instance"] for port in ports}), 3, "instances")
    equal(request(ports[0], "/drafts/letter.txt", b"dear reader")[0], 201, "POST of a draft")
    equal([fetch(port, "/drafts/letter.txt")[0] for port in ports], [200, 404, 404], "where the draft is")
    equal([fetch(port, "/photos/sea.jpg")[0] for port in ports], [200, 200, 200], "where the photo is")


def stop_is_graceful(compose):
    begin = time.monotonic()
    compose.must("stop", "web")
    took = time.monotonic() - begin
    check(took < 15, f"docker-compose stop took {took:.1f} s")
    containers = compose.must("ps", "--quiet", "--all", "web").split()
    states = subprocess.run(["docker", "inspect", "--format", "{{.State.ExitCode}}", *containers], check=True,
                            capture_output=True, text=True).stdout.split()
    equal(states, ["0", "0", "0"], "exit statuses")
    check("CD503" not in compose.log("web"), "an instance was killed")


def what_was_saved_locally_is_reported(compose):
    log = compose.log("web")
    contains(log[log.find("exited 0") - 3000:], "/tmp/drafts/letter.txt (11 bytes, by gunicorn)", "the draft in the list")
    equal(re.findall(r"lost +(\d+) file", log), ["1"], "files that the three instances lost")


def entrypoint_without_command_is_explained(compose, folder):
    """A compose file that sets `entrypoint:` clears the CMD of the image."""
    override = os.path.join(folder, "entrypoint.yaml")
    with open(override, "w", encoding="utf-8") as file:
        json.dump({"services": {"web": {"entrypoint": ["/usr/local/bin/cofferdam", "run", "--"]}}}, file)
    result = compose("run", "--rm", "--no-deps", "web", files=[override])
    equal(result.returncode, 125, f"exit status ({result.stdout} {result.stderr})")
    contains(result.stdout + result.stderr, "compose's `entrypoint:` has cleared it; give `command:` too", "message")


def main():
    with tempfile.TemporaryDirectory(prefix="cofferdam-test.") as folder:
        compose = Compose(folder)
        steps = [starts, a_photo_is_kept, object_is_in_the_storage, row_is_in_the_database,
                 a_program_of_its_own_is_refused, logs_arrive_at_the_collector, instances_share_nothing_local,
                 stop_is_graceful, what_was_saved_locally_is_reported]
        good = True
        try:
            for step in steps:
                good = harness.run_one(f"apps/compose/{step.__name__}", step, compose) and good
                if not good and step is starts:
                    break
            good = harness.run_one("apps/compose/entrypoint_without_command_is_explained",
                                   entrypoint_without_command_is_explained, compose, folder) and good
        finally:
            compose("down", "--volumes", "--timeout", "1", timeout=90)
    sys.exit(0 if good else 1)


main()
