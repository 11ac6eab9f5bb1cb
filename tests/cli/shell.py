#!/usr/bin/python3
"""`cofferdam shell`: a one-off instance with a terminal of its own, driven here through a pty as a person would."""

import fcntl
import os
import pty
import select
import shutil
import signal
import struct
import subprocess
import termios
import time

from harness import BINARY, Failure, check, contains, equal, main, same_tree, skip, test, tree, wait_for


class Terminal:
    """A person at a terminal: types, and waits for what appears."""

    def __init__(self, place, *command, rows=24, columns=80, term="dumb", stdin=None, stdout=None):
        self.seen = b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
                os.chdir(place.project)
                if stdin:
                    os.dup2(os.open(stdin, os.O_RDONLY), 0)
                if stdout:
                    os.dup2(os.open(stdout, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644), 1)
                os.execve(BINARY, [BINARY, "shell", *command], {**place.env, "TERM": term, "PS1": "inside> ", "ENV": ""})
            finally:
                os._exit(99)
        self.code = None

    def type(self, text):
        os.write(self.fd, text.encode())

    def until(self, text, seconds=15.0):
        """Waits until `text` appears after what was waited for before; returns what came until then."""
        end = time.monotonic() + seconds
        while text.encode() not in self.seen:
            if not self.read(end - time.monotonic()):
                raise Failure(f"waited for {text!r}, saw {self.seen.decode(errors='replace')!r}")
        before, _, self.seen = self.seen.partition(text.encode())
        return before.decode(errors="replace")

    def read(self, seconds):
        if seconds <= 0 or not select.select([self.fd], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            data = b""
        self.seen += data
        return bool(data)

    def resize(self, rows, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        os.kill(self.pid, signal.SIGWINCH)

    def wait(self, seconds=15.0):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.read(0.05)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.pid = 0
                self.code = os.waitstatus_to_exitcode(status)
                return self.code
        raise Failure(f"the shell did not end; saw {self.seen.decode(errors='replace')!r}")

    def close(self):
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.fd)


def with_terminal(place, use, *command, **kwargs):
    terminal = Terminal(place, *command, **kwargs)
    try:
        return use(terminal)
    finally:
        terminal.close()


@test
def interactive_shell(place):
    before = tree(place.home)

    def use(terminal):
        terminal.type("tty; test -t 0 && test -t 1 && test -t 2 && echo is-a-ter''minal\n")
        contains(terminal.until("is-a-terminal"), "/dev/pts/", "tty")
        terminal.type("pwd -P; echo written > new; cat new; echo $COFFERDAM $((40+2))\n")
        contains(terminal.until("1 42"), place.project, "pwd")
        terminal.type("exit 7\n")
        equal(terminal.wait(), 7, "exit status")

    with_terminal(place, use, "--", "/bin/sh", "-i")
    same_tree(before, tree(place.home), "the home directory")
    place.no_process_left()


@test
def default_command_is_a_shell(place):
    def use(terminal):
        terminal.type("echo shell-is-$((1+1)); exit\n")
        terminal.until("shell-is-2")
        equal(terminal.wait(), 0, "exit status")

    with_terminal(place, use)


@test
def job_control(place):
    def use(terminal):
        terminal.type("set -m; sleep 300 & jobs; echo jo''bs-listed\n")
        contains(terminal.until("jobs-listed"), "sleep 300", "jobs")
        terminal.type("fg\n")
        time.sleep(0.5)
        terminal.type("\x1a")  # Ctrl-Z
        time.sleep(0.5)
        terminal.type("jobs; echo sto''pped-listed\n")
        contains(terminal.until("stopped-listed").lower(), "stopped", "jobs after Ctrl-Z")
        terminal.type("kill -KILL %1; exit 0\n")
        time.sleep(0.3)
        terminal.type("exit 0\n")
        equal(terminal.wait(), 0, "exit status")

    with_terminal(place, use, "--", "/bin/bash", "--norc", "-i")


@test
def ctrl_c_is_for_the_command(place):
    def use(terminal):
        terminal.type("echo rea''dy; sleep 300\n")
        terminal.until("ready")
        time.sleep(0.5)
        terminal.type("\x03")
        time.sleep(0.3)
        terminal.type("echo still-he''re; exit 0\n")
        terminal.until("still-here")
        equal(terminal.wait(), 0, "exit status")

    with_terminal(place, use, "--", "/bin/bash", "--norc", "-i")


@test
def window_size(place):
    def use(terminal):
        terminal.type("echo si''ze $(stty size)\n")
        contains(terminal.until("\n", 5) + terminal.until("40 100"), "size", "first size")
        terminal.resize(50, 132)
        time.sleep(0.5)
        terminal.type("stty size; exit 0\n")
        terminal.until("50 132")
        equal(terminal.wait(), 0, "exit status")

    with_terminal(place, use, "--", "/bin/sh", "-i", rows=40, columns=100)


@test
def terminal_is_restored(place):
    def use(terminal):
        equal(terminal.wait(), 0, "exit status")

    parent, child = os.openpty()
    before = termios.tcgetattr(child)
    pid = os.fork()
    if pid == 0:
        try:
            os.setsid()
            fcntl.ioctl(child, termios.TIOCSCTTY, 0)
            for number in (0, 1, 2):
                os.dup2(child, number)
            os.chdir(place.project)
            os.execve(BINARY, [BINARY, "shell", "--", "true"], place.env)
        finally:
            os._exit(99)
    end = time.monotonic() + 15
    while time.monotonic() < end:
        if select.select([parent], [], [], 0.05)[0]:
            os.read(parent, 65536)
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            break
    else:
        os.kill(pid, signal.SIGKILL)
        raise Failure("cofferdam shell -- true did not end")
    equal(os.waitstatus_to_exitcode(status), 0, "exit status")
    equal(termios.tcgetattr(child), before, "terminal settings afterwards")
    os.close(parent)
    os.close(child)
    with_terminal(place, use, "--", "true")


@test
def without_a_terminal(place):
    result = place.cofferdam("shell", "--", "/bin/sh", "-c", "echo one; exit 3", data=b"")
    equal(result.code, 3, f"exit status ({result.err})")
    contains(result.out, b"one", "stdout")
    result = place.cofferdam("shell", "--", "cat", data=b"from the pipe\n")
    contains(result.out, b"from the pipe", "stdin")


@test
def redirected_output_is_bytes(place):
    """What `cofferdam shell -- pg_dump > dump.sql` needs: no terminal's line ends, and errors elsewhere."""
    script = "printf 'a\\nb\\0c\\n'; echo error >&2; test -t 1 || exit 4"
    for append in (False, True):
        path = os.path.join(place.out, "dump")
        with open(path, "ab" if append else "wb") as file:
            process = subprocess.run([BINARY, "shell", "--", "/bin/sh", "-c", script], cwd=place.project, env=place.env,
                                     stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.PIPE, timeout=30, check=False)
        equal(process.returncode, 4, f"exit status ({process.stderr})")
        contains(process.stderr, b"error\n", "stderr")
        with open(path, "rb") as file:
            equal(file.read(), b"a\nb\0c\n" * (2 if append else 1), "what the file got")
    with open(path, "wb") as file:
        subprocess.run([BINARY, "shell", "--", "/bin/sh", "-c", "echo 1; echo 2 >&2; echo 3; echo 4 >&2"], cwd=place.project,
                       env=place.env, stdin=subprocess.DEVNULL, stdout=file, stderr=file, timeout=30, check=True)
    with open(path, "rb") as file:
        contains(file.read(), b"1\n2\n3\n4\n", "both in one file, in order")


@test
def large_redirected_output(place):
    """More than pipes hold, with a reader that is slow to start."""
    with subprocess.Popen([BINARY, "shell", "--", "head", "-c", "5000000", "/dev/zero"], cwd=place.project, env=place.env,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        time.sleep(0.5)
        equal(len(process.stdout.read()), 5000000, "bytes")
        equal(process.wait(30), 0, "exit status")
    path = os.path.join(place.out, "large")
    with open(path, "wb") as file:
        subprocess.run([BINARY, "shell", "--", "head", "-c", "5000000", "/dev/zero"], cwd=place.project, env=place.env,
                       stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.DEVNULL, timeout=30, check=True)
    equal(os.path.getsize(path), 5000000, "bytes of the file")


@test
def redirected_input_with_a_terminal(place):
    """`cofferdam shell -- psql < script.sql` at a terminal: the file is the input, the terminal shows the output."""
    place.file("lines", "one\ntwo\n")

    def use(terminal):
        contains(terminal.until("end"), "got one\r\ngot two\r\n", "output")
        equal(terminal.wait(), 0, "exit status")

    with_terminal(place, use, "--", "/bin/sh", "-c", "test -t 0 || while read line; do echo got $line; done; echo e''nd",
                  stdin=os.path.join(place.project, "lines"))


@test
def a_question_on_the_terminal_while_output_goes_elsewhere(place):
    """As psql and pg_dump ask for passwords."""
    path = os.path.join(place.out, "answer")

    def use(terminal):
        terminal.until("Password:")
        terminal.type("hidden\n")
        equal(terminal.wait(), 0, "exit status")

    script = "printf 'Password: ' >/dev/tty; read word </dev/tty; echo $word"
    with_terminal(place, use, "--", "/bin/sh", "-c", script, stdout=path)
    with open(path, encoding="ascii") as file:
        equal(file.read(), "hidden\n", "what went into the file")


@test
def first_line(place):
    """Before anything else it says what this is."""

    def use(terminal):
        line = terminal.until("\n")
        contains(line, "files saved here are lost", "first line")
        contains(line, "not the running instance", "first line")
        terminal.until("inside> ")
        terminal.type("\x04")  # Ctrl-D
        equal(terminal.wait(), 0, "exit status")

    with_terminal(place, use, "--", "/bin/sh", "-i")


@test
def an_editor(place):
    if not shutil.which("vim", path=place.env["PATH"]):
        skip("vim")
    place.file("text", "first line\n")

    def use(terminal):
        terminal.type("vim -Nu NONE -n text\n")
        terminal.until("first line")
        terminal.type("osecond line\x1b")
        terminal.until("second line")
        terminal.type("\x1a")  # Ctrl-Z: it stops, the shell goes on
        terminal.until("inside> ")
        terminal.type("jobs; fg\n")
        terminal.until("second line")
        terminal.resize(30, 90)
        terminal.until("\x1b[29;")  # redrawn down to the new last lines
        terminal.type(":set lines? columns?\r")
        contains(terminal.until("columns=90"), "lines=30", "the size that vim sees")
        terminal.type(":wq\r")
        terminal.until("inside> ")
        terminal.type("cat text; echo do''ne\n")
        contains(terminal.until("done"), "second line", "the file inside")
        terminal.type("exit\n")
        equal(terminal.wait(), 0, "exit status")

    with_terminal(place, use, "--", "/bin/bash", "--norc", "-i", term="xterm")
    with open(os.path.join(place.project, "text"), encoding="ascii") as file:
        equal(file.read(), "first line\n", "the file on the host")


@test
def full_screen_programs(place):
    for program in ("less", "top"):
        if not shutil.which(program, path=place.env["PATH"]):
            skip(program)
    place.file("text", "".join(f"line {number}\n" for number in range(200)))

    def use(terminal):
        terminal.until("line 5")
        terminal.type("G")
        terminal.until("line 199")
        terminal.type("q")
        terminal.until("after-less")
        contains(terminal.until("COMMAND"), "Tasks", "top")
        terminal.type("q")
        equal(terminal.wait(), 0, "exit status")

    with_terminal(place, use, "--", "/bin/sh", "-c", "less text; echo aft''er-less; top -d 60", term="xterm")


@test
def a_pseudoterminal_inside(place):
    """A one-off may open more terminals: script, tmux, pexpect."""

    def use(terminal):
        terminal.until("inside-a-pty")
        equal(terminal.wait(), 0, "exit status")

    code = "import os, pty; os._exit(os.waitstatus_to_exitcode(pty.spawn(['sh', '-c', 'test -t 0 && echo inside-a-p''ty'])))"
    with_terminal(place, use, "--", "/usr/bin/python3", "-c", code)


@test
def stopped_from_outside(place):
    """The caller's terminal is its own again while the launcher is stopped."""

    def use(terminal):
        terminal.until("inside> ")
        check(not termios.tcgetattr(terminal.fd)[3] & termios.ICANON, "the terminal is not raw")
        os.kill(terminal.pid, signal.SIGTSTP)
        wait_for(lambda: termios.tcgetattr(terminal.fd)[3] & termios.ICANON, "the terminal to be as before")
        os.kill(terminal.pid, signal.SIGCONT)
        wait_for(lambda: not termios.tcgetattr(terminal.fd)[3] & termios.ICANON, "the terminal to be raw again")
        terminal.type("echo still-he''re; exit 0\n")
        terminal.until("still-here")
        equal(terminal.wait(), 0, "exit status")

    with_terminal(place, use, "--", "/bin/sh", "-i")


@test
def writes_elsewhere_are_refused(place):
    def use(terminal):
        terminal.type(f"echo x > {place.out}/x || echo refu''sed; exit 0\n")
        terminal.until("refused")
        equal(terminal.wait(), 0, "exit status")

    with_terminal(place, use, "--", "/bin/sh", "-i")
    check(not os.path.exists(os.path.join(place.out, "x")), "the write landed")


main()
