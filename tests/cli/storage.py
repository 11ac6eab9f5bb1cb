#!/usr/bin/python3
"""Rule 1 from outside: writes outside the mounts fail, writes inside succeed and are gone, and each is in the report."""

import os
import shutil
import socket
import tempfile

from harness import ROOT, STRAY, check, contains, equal, main, same_tree, test, tree

# Runs inside: does each operation and prints "name: ok" or "name: ERRNO".
DO = r"""
import errno, os, socket, sys
def attempt(name, function, *args):
    try:
        function(*args)
        print(f"{name}: ok", flush=True)
    except OSError as error:
        print(f"{name}: {errno.errorcode.get(error.errno, error.errno)}", flush=True)
def write(path, data=b"new"):
    with open(path, "wb") as file:
        file.write(data)
"""


def outcomes(result):
    return dict(line.split(": ", 1) for line in result.messages())


def policy(place, text):
    place.file("cofferdam.yaml", "version: 1\nextends: twelve-factor\n" + text)


@test
def writes_elsewhere_are_refused(place):
    targets = [os.path.join(folder, STRAY) for folder in
               ("/etc", "/usr", "/", "/opt", "/boot", "/lib", "/var/lib", place.out, place.base)]
    result = place.python(DO + "for path in sys.argv[1:]: attempt(path, write, path)", *targets)
    for path, outcome in outcomes(result).items():
        check(outcome in ("EROFS", "EACCES"), f"{path}: {outcome}")
    equal(len(outcomes(result)), len(targets), "attempts")
    own = [event for event in result.of("write") if event["path"] == os.path.join(place.out, STRAY)]
    check(own and own[0]["outcome"] == "refused", f"no refused write event: {own}")
    check([f for f in result.report["findings"] if f["code"].startswith("CD1")], "no CD1xx finding")


@test
def every_way_to_write_elsewhere_is_refused(place):
    place.file("../../out/there", "kept")
    code = DO + r"""
there, out = sys.argv[1] + "/there", sys.argv[1]
attempt("write", write, there)
attempt("append", lambda: open(there, "ab").close())
attempt("truncate", os.truncate, there, 0)
attempt("unlink", os.unlink, there)
attempt("rename", os.rename, there, there + "2")
attempt("rename in", os.rename, "own", out + "/own")
attempt("link", os.link, there, out + "/link")
attempt("symlink", os.symlink, "x", out + "/symlink")
attempt("mkdir", os.mkdir, out + "/dir")
attempt("rmdir", os.rmdir, out)
attempt("mkfifo", os.mkfifo, out + "/fifo")
attempt("chmod", os.chmod, there, 0o777)
attempt("chown", os.chown, there, os.getuid(), os.getgid())
attempt("utime", os.utime, there)
attempt("setxattr", os.setxattr, there, "user.x", b"1")
attempt("socket", socket.socket(socket.AF_UNIX).bind, out + "/socket")
"""
    place.file("own", "own")
    before = tree(place.base)
    result = place.python(code, place.out)
    found = outcomes(result)
    equal(len(found), 16, f"attempts ({found}, {result.err})")
    for name, outcome in found.items():
        check(outcome in ("EROFS", "EACCES", "EPERM", "EXDEV", "EBUSY", "ENOTEMPTY"), f"{name}: {outcome}")
    after = tree(place.base)
    for made_by_us in (place.report_file, place.events_file, place.out):
        before.pop(made_by_us, None), after.pop(made_by_us, None)
    same_tree(before, after, "the directory outside")


@test
def writes_inside_are_gone_and_reported(place):
    for name in ("changed", "shortened", "removed", "moved", "mode", "untouched", "dir/inner"):
        place.file(name, "original")
    before = tree(place.home)
    code = DO + r"""
home = os.environ["HOME"]
attempt("create", write, "created", b"12345")
attempt("change", write, "changed", b"changed!!")
attempt("truncate", os.truncate, "shortened", 3)
attempt("unlink", os.unlink, "removed")
attempt("rename", os.rename, "moved", "moved-to")
attempt("chmod", os.chmod, "mode", 0o600)
attempt("mkdir", os.mkdir, "newdir")
attempt("create in it", write, "newdir/file", b"x" * 1000)
attempt("symlink", os.symlink, "created", "symlink")
attempt("link", os.link, "created", "hardlink")
attempt("fifo", os.mkfifo, "fifo")
attempt("socket", socket.socket(socket.AF_UNIX).bind, "socket")
attempt("remove tree", lambda: (os.unlink("dir/inner"), os.rmdir("dir")))
attempt("home", write, home + "/in-home", b"home")
attempt("tmp", write, "/tmp/" + sys.argv[1], b"tmp")
attempt("var tmp", write, "/var/tmp/" + sys.argv[1], b"var")
attempt("shm", write, "/dev/shm/" + sys.argv[1], b"shm")
attempt("read", lambda: open("untouched", "rb").read())
"""
    result = place.python(code, STRAY)
    equal({name: outcome for name, outcome in outcomes(result).items() if outcome != "ok"}, {}, f"outcomes {result.err}")
    same_tree(before, tree(place.home), "the home directory")
    for path in (f"/tmp/{STRAY}", f"/var/tmp/{STRAY}", f"/dev/shm/{STRAY}"):
        check(not os.path.exists(path), f"{path} is on the host")

    lost = {entry["path"]: entry for entry in result.report["lost"]}

    def change_of(name):
        path = name if name.startswith("/") else os.path.join(place.project, name)
        return lost[path]["change"] if path in lost else None

    wanted = {"created": "created", "changed": "modified", "shortened": "modified", "removed": "deleted",
              "moved": "deleted", "moved-to": "created", "mode": "metadata", "newdir": "created",
              "newdir/file": "created", "symlink": "created", "fifo": "created", "socket": "created",
              "untouched": None, f"/tmp/{STRAY}": "created", os.path.join(place.home, "in-home"): "created"}
    equal({name: change_of(name) for name in wanted}, wanted, "changes in the lost list")
    sizes = {name: lost[os.path.join(place.project, name)]["bytes"] for name in ("created", "changed", "newdir/file")}
    equal(sizes, {"created": 5, "changed": 9, "newdir/file": 1000}, "bytes")
    types = {name: lost[os.path.join(place.project, name)]["type"] for name in ("newdir", "symlink", "fifo", "socket")}
    equal(types, {"newdir": "directory", "symlink": "symlink", "fifo": "fifo", "socket": "socket"}, "types")
    equal(result.report["audit"]["disagreements"], 0, "disagreements")


@test
def every_write_is_an_event(place):
    place.file("a", "a")
    code = DO + r"""
attempt("create", write, "new")
attempt("truncate", os.truncate, "a", 0)
attempt("rename", os.rename, "a", "b")
attempt("link", os.link, "b", "c")
attempt("unlink", os.unlink, "c")
attempt("mkdir", os.mkdir, "d")
attempt("rmdir", os.rmdir, "d")
attempt("chmod", os.chmod, "b", 0o600)
attempt("utime", os.utime, "b")
attempt("symlink", os.symlink, "x", "s")
attempt("fifo", os.mkfifo, "f")
attempt("socket", socket.socket(socket.AF_UNIX).bind, "sock")
"""
    result = place.python(code)
    paths = {}
    for event in result.of("write"):
        paths.setdefault(os.path.basename(event["path"]), []).append(event["call"])
        equal(event["outcome"], "landed", f"outcome of {event}")
        check(os.path.basename(event["process"]["exe"]).startswith("python3"), f"process of {event}")
    for name in ("new", "a", "b", "c", "d", "f", "sock"):
        check(name in paths, f"no write event for {name}: {paths}")
    renames = [event for event in result.of("write") if event["call"].startswith("rename")]
    equal([(e["path"], e["to"]) for e in renames],
          [(os.path.join(place.project, "a"), os.path.join(place.project, "b"))], "rename")


@test
def writer_is_named(place):
    place.file("a", "content")
    result = place.sh("cp a b; echo done")
    entry = result.lost(os.path.join(place.project, "b"))
    check(entry, f"lost: {result.report['lost']}")
    writer = entry["writers"][0]
    check(writer["exe"].endswith("/cp"), f"writer: {writer}")
    equal(writer["argv"], ["cp", "a", "b"], "argv")
    equal(writer["lineage"], ["cp", "sh"], "lineage")
    equal(writer["count"], 1, "count")


@test
def unchanged_copy_up_is_no_change(place):
    place.file("file", "content")
    result = place.sh(": >> file")
    equal(result.lost(os.path.join(place.project, "file")), None, "entry of a file that was only opened for writing")


@test
def same_content_again(place):
    place.file("file", "content")
    result = place.sh("cat file > copy && cat copy > file; exec cat file")
    equal(result.messages(), ["content"], "content")
    equal(result.report["audit"]["disagreements"], 0, "disagreements")


@test
def keys_are_hidden(place):
    place.file("../.ssh/id_ed25519", "secret key", 0o600)
    place.file("../.netrc", "machine secret", 0o600)
    before = tree(place.home)
    result = place.sh("ls -a ~; cat ~/.ssh/id_ed25519; cat ~/.netrc; mkdir -p ~/.ssh && echo mine > ~/.ssh/new && cat ~/.ssh/new")
    messages = result.messages()
    check("secret key" not in messages and "machine secret" not in messages, f"a key is readable: {messages}")
    same_tree(before, tree(place.home), "the home directory")
    lost = [entry["path"] for entry in result.report["lost"] if entry["change"] == "deleted"]
    equal(lost, [], "hidden paths in the lost list")


@test
def read_only_mount(place):
    place.file("static/logo", "logo")
    policy(place, "storage: {mounts: [{path: ./static, type: read-only}]}\n")
    result = place.sh("cat static/logo; echo; echo new > static/new || echo refused; echo ok > beside && cat beside")
    equal(result.messages(), ["logo", "refused", "ok"], f"output ({result.err})")


@test
def nested_mounts(place):
    place.file("data/cache/old", "old")
    policy(place, "storage: {mounts: [{path: ./data, type: read-only}, {path: ./data/cache, type: tmpfs, size: 1MiB}]}\n")
    result = place.sh("ls data/cache; echo x > data/y || echo refused; echo new > data/cache/new && cat data/cache/new")
    equal(result.messages(), ["refused", "new"], f"output ({result.err})")


@test
def persistent_mount_is_kept_and_said(place):
    place.file("cache/old", "old")
    policy(place, "storage: {mounts: [{path: ./cache, type: persistent}]}\n")
    result = place.sh("echo kept > cache/new; cat cache/old")
    equal(result.code, 0, f"exit status ({result.err})")
    with open(os.path.join(place.project, "cache", "new"), encoding="utf-8") as file:
        equal(file.read(), "kept\n", "the file on the host")
    equal([entry["path"] for entry in result.report["kept"]], [os.path.join(place.project, "cache/new")], "kept")
    levels = {row["rule"]: row["level"] for row in result.report["enforcement"]}
    equal(levels["storage"], "partial", "level of storage")


@test
def noexec_tmpfs(place):
    policy(place, "storage: {mounts: [{path: /tmp, type: tmpfs, size: 4MiB, exec: false}]}\n")
    result = place.sh(f"cp /bin/true /tmp/{STRAY}; /tmp/{STRAY} || echo refused")
    equal(result.messages(), ["refused"], "output")
    os.unlink(os.path.join(place.project, "cofferdam.yaml"))
    equal(place.sh(f"cp /bin/true /tmp/{STRAY}; /tmp/{STRAY} && echo runs").messages(), ["runs"], "exec is allowed by default")


@test
def full_tmpfs(place):
    policy(place, "storage: {mounts: [{path: ./data, type: tmpfs, size: 1MiB}]}\n")
    os.mkdir(os.path.join(place.project, "data"))
    code = DO + r"""
attempt("fill", write, "data/big", b"x" * 4_000_000)
os.unlink("data/big")
attempt("again", write, "data/small")
attempt("elsewhere", write, "/tmp/" + sys.argv[1], b"x" * 2_000_000)
sys.exit(5)
"""
    result = place.python(code, STRAY)
    equal(result.code, 5, f"exit status: the run goes on ({result.err})")
    equal(outcomes(result), {"fill": "ENOSPC", "again": "ok", "elsewhere": "ok"}, "outcomes")
    full = [f for f in result.report["findings"] if f["code"].startswith("CD1") and
            place.project + "/data" in (f.get("path", "") + f["message"])]
    check(full, f"no finding says that the mount was full: {result.report['findings']}")
    use = [entry for entry in result.report["storage"] if entry["path"] == os.path.join(place.project, "data")]
    equal(use[0]["size"], 1 << 20, "size in the report")


@test
def mount_that_does_not_exist(place):
    policy(place, "storage:\n  mounts:\n    - {path: ./no-such-directory, type: overlay}\n")
    result = place.run("echo", "started")
    equal(result.code, 125, "exit status")
    contains(result.err, "no-such-directory", "message")
    contains(result.err, "cofferdam.yaml:5", "place in the policy")
    equal(result.out, b"", "output of the app, which must not start")


@test
def keep_writes(place):
    keep = os.path.join(place.out, "kept")
    result = place.sh("mkdir -p media/a; printf 12345 > media/a/upload; printf tmp > /tmp/$0; rm -f gone; ln -s x link",
                      STRAY, options=["--keep-writes", keep])
    equal(result.code, 0, f"exit status ({result.err})")
    found = [os.path.join(folder, name) for folder, _, files in os.walk(keep) for name in files]
    uploads = [path for path in found if path.endswith(place.project + "/media/a/upload") or path.endswith("media/a/upload")]
    check(uploads, f"kept: {found}")
    with open(uploads[0], encoding="utf-8") as file:
        equal(file.read(), "12345", "content of the upload")
    check(any(path.endswith(STRAY) for path in found), f"kept: {found}")
    check(not os.path.exists(os.path.join(place.project, "media")), "the upload is in the project")


@test
def host_edit_is_seen(place):
    """A file that the host saves while the app runs, in place and by rename, is seen inside."""
    for name in ("in-place", "renamed"):
        place.file(name, "old")
    code = r"""
import sys, time
print("ready", flush=True)
wanted = {"in-place", "renamed", "created"}
end = time.monotonic() + 8
for name in ("in-place", "renamed", "created"):
    try: open(name).read()
    except OSError: pass
while wanted and time.monotonic() < end:
    for name in sorted(wanted):
        try:
            if open(name).read() == "new":
                print("seen", name, flush=True)
                wanted.discard(name)
        except OSError: pass
    time.sleep(0.05)
"""
    process = place.start("/usr/bin/python3", "-c", code, options=["--format", "raw"])
    equal(process.stdout.readline(), b"ready\n", "start")
    import time  # pylint: disable=import-outside-toplevel
    time.sleep(0.3)
    place.file("in-place", "new")
    place.file("renamed.new", "new")
    os.rename(os.path.join(place.project, "renamed.new"), os.path.join(place.project, "renamed"))
    place.file("created", "new")
    result = place.finish(process)
    equal(sorted(result.out.decode().split("\n")), ["", "seen created", "seen in-place", "seen renamed"], "what the app saw")
    equal([entry["path"] for entry in result.report["lost"]], [], "replayed files in the lost list")


@test
def own_identity_and_environment(place):
    code = ("import os; print(os.getuid(), os.getgid(), os.getcwd(), os.environ['COFFERDAM'], "
            "os.environ['COFFERDAM_INSTANCE'], os.environ['COFFERDAM_MODE'], os.environ['HOME'], sep='|')")
    result = place.python(code)
    wanted = f"{os.getuid()}|{os.getgid()}|{place.project}|1|web.1|local|{place.home}"
    equal(result.messages(), [wanted], "uid|gid|cwd|COFFERDAM*|HOME")


@test
def arguments_are_unchanged(place):
    arguments = ["", "a b", "-x", "ä\n", "*", "'\"\\"]
    result = place.python("import sys; print(sys.argv[1:])", *arguments)
    equal(result.messages(), [repr(arguments)], "argv")


@test
def no_descriptor_is_inherited(place):
    with socket.socket() as extra:
        os.set_inheritable(extra.fileno(), True)
        result = place.python("import os; print(sorted(os.listdir('/proc/self/fd')))", pass_fds=[extra.fileno()])
    equal(result.messages(), ["['0', '1', '2', '3']"], "descriptors (3 is listdir's own)")


@test
def working_directory_below_tmp(place):
    """A project below /tmp, which the policy covers with a tmpfs, is there all the same."""
    import shutil  # pylint: disable=import-outside-toplevel
    import tempfile  # pylint: disable=import-outside-toplevel
    directory = tempfile.mkdtemp(prefix="cofferdam-test.")
    try:
        with open(os.path.join(directory, "script"), "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\ncat data; echo; echo new > new; ls /tmp | wc -l\n")
        os.chmod(file.name, 0o755)
        with open(os.path.join(directory, "data"), "w", encoding="utf-8") as file:
            file.write("data")
        result = place.run("./script", cwd=directory)
        equal(result.messages()[:1], ["data"], f"output ({result.err})")
        check(not os.path.exists(os.path.join(directory, "new")), "the write is on the host")
        check(result.lost(os.path.join(directory, "new")), f"lost: {result.report['lost']}")
    finally:
        shutil.rmtree(directory)


@test
def processes_see_only_their_own(place):
    result = place.python("import os; print(os.getppid() <= 1, len([p for p in os.listdir('/proc') if p.isdigit()]) < 5)")
    equal(result.messages(), ["True True"], "parent is the instance's init; few processes in /proc")


@test
def no_new_privileges(place):
    result = place.sh("grep NoNewPrivs /proc/self/status; grep CapEff /proc/self/status")
    equal(result.messages()[0].split(), ["NoNewPrivs:", "1"], "no_new_privs")
    capabilities = int(result.messages()[1].split()[1], 16)
    check(not capabilities & (1 << 21), "CAP_SYS_ADMIN")
    if not ROOT:
        equal(capabilities, 0, "capabilities of an ordinary user")


@test
def file_of_the_host_below_a_tmpfs(place):
    """A row for a file, as for an X authority below /run: it is there, and its place is no loss."""
    folder = tempfile.mkdtemp(prefix="cofferdam-test.", dir="/tmp")
    path = os.path.join(folder, "file")
    try:
        with open(path, "w", encoding="ascii") as file:
            file.write("of the host\n")
        os.chmod(folder, 0o755)
        place.file("cofferdam.yaml", "version: 1\nextends: twelve-factor\nstorage:\n  mounts:\n"
                                     f"    - {{path: {path}, type: read-only}}\n")
        result = place.sh(f"cat {path}; echo x >{path} || echo refused")
        equal(result.messages(), ["of the host", "refused"], result.err)
        equal(result.report["lost"], [], "lost files")
    finally:
        shutil.rmtree(folder)


main()
