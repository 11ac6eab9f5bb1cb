#!/usr/bin/python3
"""Sizes of the instance's storage: limits on bytes and inodes, the warning before they are reached (CD107), the error when
they are (CD103), high-water marks and memory in the report, and what doctor and the start say about them."""

import json
import os

from harness import check, contains, equal, main, test

MIB = 1 << 20


def with_data(place, options):
    """A tmpfs at ./data; its row is line 5 of the policy."""
    place.file("cofferdam.yaml", "version: 1\nextends: twelve-factor\nstorage:\n  mounts:\n"
                                 f"    - {{path: ./data, type: tmpfs, {options}}}\n")
    os.makedirs(os.path.join(place.project, "data"), exist_ok=True)
    return os.path.join(place.project, "data")


def use_of(result, path):
    return next(entry for entry in result.report["storage"] if entry["path"] == path)


def only(result, code):
    findings = result.findings(code)
    equal(len(findings), 1, f"number of {code}: {result.report['findings']}")
    equal(findings[0]["count"], 1, f"count of {code}")
    return findings[0]


@test
def nearly_full_is_said_once_and_in_time(place):
    data = with_data(place, "size: 1MiB")
    result = place.python("import os, time\nos.mkdir('data/uploads')\nopen('data/uploads/a', 'wb').write(bytes(900_000))\n"
                          "time.sleep(0.4); open('data/uploads/b', 'wb').write(b'x'); time.sleep(0.3); print('alive')")
    equal((result.code, result.messages()), (0, ["alive"]), "the app goes on")
    finding = only(result, "CD107")
    equal(finding["severity"], "warning", "severity")
    contains(finding["message"], f"nearly full: {data} has used 85 % of its 1.0 MiB", "message")
    contains(finding["message"], f"of it in {data}/uploads", "message")
    contains(finding["fix"], "write size: 2MiB in", "fix")
    equal(finding["policy"]["line"], 5, "policy line")
    contains(result.err, f"{finding['message']} [CD107]", "said when it happens")
    equal(result.findings("CD103"), [], "it was never full")
    check(900_000 < use_of(result, data)["peak"] < MIB, f"{use_of(result, data)}")


@test
def inodes_run_out_before_bytes(place):
    data = with_data(place, "size: 8MiB, inodes: 200")
    result = place.python("import errno\nfor i in range(1000):\n    try:\n        open(f'data/{i}', 'w').close()\n"
                          "    except OSError as error:\n        print(errno.errorcode[error.errno], i); break")
    equal(result.messages(), ["ENOSPC 199"], "the root of the mount is one of them")
    finding = only(result, "CD103")
    contains(finding["message"], f"{data} has used its 200 files, directories and links", "message")
    contains(finding["message"], "8.0 MiB are free", "message")
    contains(finding["fix"], "inodes: 400 in", "fix")
    only(result, "CD107")
    use = use_of(result, data)
    equal((use["inodes"], use["inodes_peak"], use["peak"]), (200, 200, 0), "use")


@test
def without_a_limit_there_is_one_inode_for_each_page(place):
    data = with_data(place, "size: 64MiB")
    result = place.sh("mkdir data/d; : > data/f; ln data/f data/g; ln -s f data/h")
    use = use_of(result, data)
    equal((use["size"], use["inodes"], use["inodes_peak"]), (64 * MIB, 64 * MIB // 4096, 5), "use")
    use = use_of(result, place.project)
    equal((use["size"], use["inodes"]), (512 * MIB, 512 * MIB // 4096), "the tmpfs behind an overlay")


@test
def a_full_overlay_is_plain_in_the_summary(place):
    place.file("cofferdam.yaml", "version: 1\nextends: twelve-factor\nstorage:\n  mounts:\n    - {path: ., size: 4MiB}\n")
    result = place.sh("mkdir -p node_modules/big && head -c 6000000 /dev/zero > node_modules/big/index.js")
    check(result.code != 0, "the app meets ENOSPC")
    contains(result.err, f"storage is full: {place.project} has used its 4.0 MiB", "summary")
    contains(result.err.split("storage  full: ", 1)[1], "size: 8MiB", "what to do, in the summary")
    equal(use_of(result, place.project)["peak"], 4 * MIB, "peak")


@test
def a_burst_through_one_descriptor(place):
    """Filled over half a second and emptied again through a descriptor that is never opened again."""
    data = with_data(place, "size: 8MiB")
    result = place.python("import os, time\nfile = os.open('data/f', os.O_RDWR | os.O_CREAT)\n"
                          "for i in range(8):\n    os.write(file, bytes(1 << 20)); time.sleep(0.06)\n"
                          "time.sleep(0.3); os.ftruncate(file, 0); time.sleep(0.1); print('done')")
    equal(result.messages(), ["done"], "the app")
    only(result, "CD103")
    equal(use_of(result, data)["peak"], 8 * MIB, "peak")


@test
def bytes_of_tmpfs_are_memory(place):
    result = place.sh("head -c 50331648 /dev/zero > /dev/shm/a; sleep 0.4")
    instance = result.report["instances"][0]
    equal(instance["memory_tmpfs_peak"], 48 * MIB, "bytes in tmpfs")
    check(48 * MIB < instance["memory_peak"] < 80 * MIB, f"{instance}")
    equal(use_of(result, "/dev/shm")["peak"], 48 * MIB, "/dev/shm")


@test
def forks_that_share_their_memory_count_once(place):
    result = place.python("import os, time\nheld = os.urandom(40 << 20)\n"
                          "for _ in range(4):\n    if os.fork() == 0:\n        break\ntime.sleep(1.2)")
    peak = result.report["instances"][0]["memory_peak"]
    check(40 * MIB < peak < 90 * MIB, f"40 MiB shared by five processes are {peak / MIB:.0f} MiB")


@test
def processes_add_up(place):
    result = place.python("import os, time\nready, end = os.pipe(), os.pipe()\nfor _ in range(3):\n"
                          "    if os.fork() == 0:\n        held = os.urandom(30 << 20)\n        os.close(end[1])\n"
                          "        os.write(ready[1], b'x'); os.read(end[0], 1); os._exit(0)\n"
                          "for _ in range(3): os.read(ready[0], 1)\n"
                          "time.sleep(1.5)")
    peak = result.report["instances"][0]["memory_peak"]
    check(90 * MIB < peak < 150 * MIB, f"three times 30 MiB are {peak / MIB:.0f} MiB")


@test
def memory_is_looked_at_while_files_are_opened_all_the_time(place):
    result = place.python("import os, time\nheld = os.urandom(30 << 20); end = time.monotonic() + 0.9\n"
                          "while time.monotonic() < end:\n    open('/tmp/f', 'w').close()")
    peak = result.report["instances"][0]["memory_peak"]
    check(peak > 30 * MIB, f"30 MiB are {peak / MIB:.0f} MiB")


@test
def more_than_there_is_is_said_at_the_start(place):
    data = with_data(place, "size: 64TiB")
    result = place.run("true")
    equal(result.code, 0, f"it starts ({result.err})")
    contains(result.err, f"size: 65536GiB of {data} is more than the ", "stderr")


@test
def a_wrong_number_is_refused(place):
    for wrong, why in (("63", "too few"), ("1000000001", "too many"), ("1k", "no number of inodes")):
        with_data(place, f"inodes: {wrong}")
        result = place.run("true", report=False)
        equal(result.code, 125, f"{wrong}: exit status")
        contains(result.err, why, wrong)
    place.file("cofferdam.yaml", "version: 1\nextends: twelve-factor\nstorage:\n  mounts:\n"
                                 "    - {path: ./data, type: read-only, inodes: 100}\n")
    result = place.run("true", report=False)
    contains(result.err, "'inodes' does not apply to a read-only mount", "stderr")


@test
def doctor_lists_the_storage(place):
    data = with_data(place, "size: 1MiB, inodes: 77")
    result = place.cofferdam("doctor")
    equal(result.code, 0, f"exit status ({result.err})")
    text = result.out.decode()
    contains(text, "STORAGE", "table")
    row = next(line for line in text.splitlines() if line.endswith(data))
    equal(row.split()[:4], ["tmpfs", "1.0", "MiB", "77"], "row")
    contains(text, "it is taken from memory", "table")
    document = json.loads(place.cofferdam("doctor", "--json").out)
    check({"path": data, "kind": "tmpfs", "size": MIB, "inodes": 77, "advice": ""} in document["storage"],
          f"{document['storage']}")
    check(document["memory"]["machine"] > 64 * MIB, f"{document['memory']}")


main()
