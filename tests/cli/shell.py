#!/usr/bin/python3
"""`cofferdam shell`: a one-off instance with a terminal of its own, driven here through a pty as a person would."""

import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time

from harness import BINARY, Failure, check, contains, equal, main, same_tree, test, tree


class Terminal:
    """A person at a terminal: types, and waits for what appears."""

    def __init__(self, place, *command, rows=24, columns=80):
        self.seen = b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
                os.chdir(place.project)
                os.execve(BINARY, [BINARY, "shell", *command], {**place.env, "TERM": "dumb", "PS1": "inside> ", "ENV": ""})
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
def writes_elsewhere_are_refused(place):
    def use(terminal):
        terminal.type(f"echo x > {place.out}/x || echo refu''sed; exit 0\n")
        terminal.until("refused")
        equal(terminal.wait(), 0, "exit status")

    with_terminal(place, use, "--", "/bin/sh", "-i")
    check(not os.path.exists(os.path.join(place.out, "x")), "the write landed")


main()
