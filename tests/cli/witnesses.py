#!/usr/bin/python3
"""The two witnesses of the write audit, events and scan: they agree about the app, and a difference is told (CD104).

A difference is made by changing the instance's storage from outside, which no event can tell of.
"""

import subprocess
import sys

from harness import check, contains, equal, main, processes_with, test, wait_for


def from_outside(place, script, change):
    """Runs `script`, which says `ready` and waits; then `change(root of the instance)`, then the end of the run."""
    place.file("cofferdam.yaml", 'version: 1\nextends: none\nstorage: {mounts: [{path: /tmp, type: tmpfs}]}\n')
    process = place.start("/bin/sh", "-c", script + "; echo ready; exec sleep 1.5", options=["--format", "raw"])
    equal(process.stdout.readline(), b"ready\n", "the first line")

    def app():
        for pid in processes_with(place.marker):
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                if file.read().startswith(b"sleep"):
                    return pid
        return None
    # By a program of its own: what it may do is its own affair, and the app must not be disturbed.
    done = subprocess.run([sys.executable, "-c", change, f"/proc/{wait_for(app, 'the app')}/root"], check=False,
                          capture_output=True, text=True)
    result = place.finish(process)
    check(done.returncode == 0, f"the change from outside failed: {done.stderr}")
    return result


@test
def a_file_that_no_event_explains(place):
    result = from_outside(place, "echo x > /tmp/known",
                          "import sys; open(sys.argv[1] + '/tmp/planted', 'w').write('x')")
    equal(result.report["audit"]["disagreements"], 1, "disagreements")
    findings = result.findings("CD104")
    equal(len(findings), 1, "findings")
    contains(findings[0]["message"], "/tmp/planted", "the finding")
    check(result.lost("/tmp/planted") is not None, "the scan did not find the file")
    check("/tmp/known" not in findings[0]["message"], "the app's own file is named as well")


@test
def a_creation_that_left_nothing(place):
    result = from_outside(place, "mkdir /tmp/made /tmp/kept", "import os, sys; os.rmdir(sys.argv[1] + '/tmp/made')")
    equal(result.report["audit"]["disagreements"], 1, "disagreements")
    findings = result.findings("CD104")
    equal(len(findings), 1, "findings")
    contains(findings[0]["message"], "/tmp/made", "the finding")
    check(result.lost("/tmp/made") is None, "the scan found what is gone")


@test
def links_of_proc_and_nameless_files_are_explained(place):
    place.file("cofferdam.yaml", 'version: 1\nextends: none\nstorage: {mounts: [{path: /tmp, type: tmpfs}]}\n')
    result = place.python("""import os
os.chdir('/tmp')
for path in ('/proc/self/cwd/a', '/proc/thread-self/cwd/b', f'/proc/{os.getpid()}/root/tmp/c'):
    open(path, 'w').write('x')
nameless = os.open('.', os.O_TMPFILE | os.O_RDWR)
os.link(f'/proc/self/fd/{nameless}', 'named', dst_dir_fd=os.open('.', os.O_RDONLY))
os.symlink('d', 'dangling')
open('dangling', 'w').write('x')
""")
    equal(result.report["audit"]["disagreements"], 0, "disagreements")
    equal(result.code, 0, f"status; {result.messages('stderr')}")
    for name in ("a", "b", "c", "d", "named"):
        lost = result.lost(f"/tmp/{name}")
        check(lost is not None and lost["writers"], f"/tmp/{name} has no writer: {lost}")


main()
