#!/usr/bin/python3
"""Runs the gallery under cofferdam, replaces its instance, and checks what its visitors see. Called by ./run.

    scenario.py local|docker --database URL --s3 URL --bucket NAME --objects DIR [--image IMAGE --user USER]

The same steps twice: with object storage, where nothing may be found or lost, and with MEDIA_ROOT, where the upload is both.
"""

import argparse
import json
import os
import sys
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
sys.dont_write_bytecode = True
from server import Docker, Server, fetch, harness, request  # noqa: E402
from harness import ROOT, check, contains, equal, same_tree, tree  # noqa: E402

SMALL = bytes(range(256)) * 40
# Above FILE_UPLOAD_MAX_MEMORY_SIZE (2.5 MiB): Django keeps it in a file below /tmp for as long as the request lasts.
LARGE = bytes(range(256)) * 4 * 3300


class Gallery(Server):
    ready = "/photos"

    def __init__(self, options):
        super().__init__(os.path.join(HERE, "project"), options)

    def variables(self):
        return {"DATABASE_URL": self.options.database, "MEDIA_ROOT": self.media}

    @property
    def media(self):
        return os.path.join(self.writable, "media")

    def gunicorn(self):
        return ["gunicorn", "--workers", "2", "--bind", f"127.0.0.1:{self.port}", "--access-logfile", "-",
                "gallery.wsgi"]

    def run(self):
        """Starts an instance: a new one each time, with storage of its own."""
        prefix = [] if isinstance(self, Docker) else self.cofferdam()  # there the ENTRYPOINT is cofferdam
        self.start(prefix + self.gunicorn())

    def stop(self):
        self.terminate()
        equal(self.wait(25), 0, "exit status after SIGTERM")


class GalleryWithObjectStorage(Gallery):
    def variables(self):
        return {**super().variables(), "AWS_S3_ENDPOINT_URL": self.options.s3, "AWS_STORAGE_BUCKET_NAME":
                self.options.bucket, "AWS_ACCESS_KEY_ID": "S3RVER", "AWS_SECRET_ACCESS_KEY": "S3RVER"}


class GalleryInDocker(Docker, Gallery):
    pass


class GalleryWithObjectStorageInDocker(Docker, GalleryWithObjectStorage):
    pass


def upload(server, name, data):
    """Posts a photo as a browser's form does; returns its number and the name under which it was stored."""
    boundary = uuid.uuid4().hex
    parts = (f'--{boundary}\r\nContent-Disposition: form-data; name="title"\r\n\r\n{name}\r\n'
             f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="{name}"\r\n'
             "Content-Type: application/octet-stream\r\n\r\n").encode()
    status, body = fetch(server.port, "/photos", parts + data + f"\r\n--{boundary}--\r\n".encode(),
                         {"Content-Type": f"multipart/form-data; boundary={boundary}"})
    equal(status, 201, f"POST /photos ({body[-200:]!r}; {server.text('stdout')[-1500:]})")
    photo = json.loads(body)
    equal(photo["bytes"], len(data), f"size of {name} in the storage")
    return photo


def shows(server, photo, data):
    status, body = fetch(server.port, f"/photos/{photo['id']}")
    equal(status, 200, f"GET of {photo['name']}")
    check(body == data, f"{photo['name']} came back changed: {len(body)} bytes for {len(data)}")


class Steps:
    def __init__(self, name, server):
        self.name, self.server, self.good = name, server, True
        self.before = tree(server.place.home)

    def step(self, what, function, *arguments):
        self.good = harness.run_one(f"apps/media/{self.name}/{what}", function, *arguments) and self.good

    def host_is_unchanged(self):
        same_tree(self.before, tree(self.server.place.home), "the home directory")
        self.server.place.no_process_left("every process of the instance")


def nothing_is_found(server, mode):
    result = server.result()
    # In Docker the report itself goes to a directory of the host that the test mounts at /out.
    findings = [finding for finding in result.report["findings"] if (finding["code"], finding["path"]) != ("CD108", "/out")]
    equal(findings, [], "findings")
    equal(result.report["lost"], [], "lost")
    equal(result.report["mode"], mode, "mode")
    levels = {row["rule"]: row["level"] for row in result.report["enforcement"]}
    equal({rule: levels.get(rule) for rule in ("storage", "database", "logs")},
          {"storage": "full", "database": "full", "logs": "full"}, "levels")
    equal(result.report["audit"]["disagreements"], 0, "disagreements between the events and the scan")


def large_upload_passed_through_tmp(server):
    """The proof that `nothing is found` is no blindness: the temporary file was seen, and was gone before the end."""
    paths = [event["path"] for event in server.result().of("write")]
    check(any(path.startswith("/tmp/") and path.endswith("upload.bin") for path in paths),
          f"no write event of Django's temporary file: {paths[:20]}")


def object_is_outside(server, photo, data):
    """The S3 server's own file, on the disk of the host."""
    found = [os.path.join(folder, name) for folder, _, names in os.walk(server.options.objects) for name in names
             if os.path.basename(photo["name"]) in name and os.path.getsize(os.path.join(folder, name)) == len(data)]
    check(found, f"no file of {photo['name']} below {server.options.objects}")
    with open(found[0], "rb") as file:
        check(file.read() == data, f"{found[0]} holds other bytes")


def upload_is_found(server, photo):
    """Some finding about storage names the upload, and the lost list shows it with its writer."""
    result = server.result()
    path = os.path.join(server.media, photo["name"])
    found = [finding for finding in result.report["findings"] if finding["code"].startswith("CD1") and
             (path in json.dumps(finding) or os.path.dirname(path) in json.dumps(finding))]
    check(found, f"no finding names {path}: {json.dumps(result.report['findings'])[:800]}")
    check(all(finding["fix"] for finding in found), f"a finding without a fix: {found}")
    lost = result.lost(path)
    check(lost, f"{path} is not in the lost list: {[entry['path'] for entry in result.report['lost']][:20]}")
    equal((lost["change"], lost["bytes"]), ("created", len(SMALL)), "what was lost")
    check(any("gunicorn" in part for writer in lost["writers"] for part in writer["lineage"] + writer["argv"]),
          f"gunicorn is no writer: {lost['writers']}")
    contains(server.text("stderr"), os.path.basename(path), "summary on stderr")


def the_right_way(name, server, mode):
    steps, photos = Steps(name, server), {}

    def upload_both():
        photos["small"], photos["large"] = upload(server, "small.bin", SMALL), upload(server, "large.bin", LARGE)

    def both_are_shown():
        shows(server, photos["small"], SMALL)
        shows(server, photos["large"], LARGE)

    try:
        steps.step("starts", server.run)
        steps.step("photos are uploaded", upload_both)
        steps.step("photos are shown", both_are_shown)
        steps.step("object is on the server's disk", lambda: object_is_outside(server, photos["small"], SMALL))
        steps.step("instance ends well", server.stop)
        steps.step("nothing is found and nothing is lost", nothing_is_found, server, mode)
        steps.step("temporary file of the large upload was seen", large_upload_passed_through_tmp, server)
        steps.step("another instance starts", server.run)
        steps.step("photos are still there", both_are_shown)
        steps.step("other instance ends well", server.stop)
        steps.step("nothing is found in the other instance", nothing_is_found, server, mode)
        steps.step("host is unchanged and no process is left", steps.host_is_unchanged)
        return explained(steps)
    finally:
        server.close()


def the_contrast(name, server):
    steps, seen = Steps(name, server), {}

    def upload_and_see():
        seen["photo"] = upload(server, "local.bin", SMALL)
        shows(server, seen["photo"], SMALL)

    def row_without_file():
        equal(fetch(server.port, f"/photos/{seen['photo']['id']}")[0], 410, "status of the photo")
        titles = [photo["title"] for photo in request(server.port, "/photos")[1]["photos"]]
        check("local.bin" in titles, f"the row is gone: {titles}")

    try:
        steps.step("starts", server.run)
        steps.step("photo is uploaded and shown", upload_and_see)
        steps.step("instance ends well", server.stop)
        steps.step("upload is found", lambda: upload_is_found(server, seen["photo"]))
        steps.step("another instance starts", server.run)
        steps.step("photo has a row and no file any more", row_without_file)
        steps.step("other instance ends well", server.stop)
        steps.step("host is unchanged and no process is left", steps.host_is_unchanged)
        return explained(steps)
    finally:
        server.close()


def explained(steps):
    if not steps.good:
        for stream in ("stdout", "stderr"):
            print(f"--- {stream} of the last run\n{steps.server.text(stream)[-3000:]}", file=sys.stderr)
    return steps.good


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("setting", choices=["local", "docker"])
    parser.add_argument("--database", required=True)
    parser.add_argument("--s3", required=True)
    parser.add_argument("--bucket", required=True)
    parser.add_argument("--objects", required=True)
    parser.add_argument("--image")
    parser.add_argument("--user")
    options = parser.parse_args()
    if options.setting == "docker":
        name, mode, kinds = f"docker-{options.user}", "container", (GalleryWithObjectStorageInDocker, GalleryInDocker)
    else:
        name, mode, kinds = "root" if ROOT else "user", "local", (GalleryWithObjectStorage, Gallery)
    good = the_right_way(f"{name}/object-storage", kinds[0](options), mode)
    good = the_contrast(f"{name}/media-root", kinds[1](options)) and good
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
