"""Shells that an application needs: each prints its exit status and what it said."""

import os, socket, subprocess, sys
os.makedirs(sys.argv[1], exist_ok=True)
os.chdir(sys.argv[1])
def says(name, *command, **more):
    done = subprocess.run(command, capture_output=True, text=True, **more)
    print(name, done.returncode, done.stdout.strip(), flush=True)
open("script", "w").write("echo a$1\n")
os.chmod("script", 0o755)
open("lines", "w").write("echo d1\n")
says("line", "sh", "-c", "echo a1")
says("system", "sh", "-c", "--", "echo a1")
says("script", "sh", "script", "1")
says("direct", "/bin/sh", "./script", "1")
says("pipe", "sh", input="echo a1\n")
says("arguments", "bash", "-s", "1", input="echo a$1\n")
says("file", "bash", "-e", stdin=open("lines"))
says("nothing", "bash", "-ic", "echo a1", stdin=subprocess.DEVNULL)
says("login", "bash", "-lc", "echo a1", stdin=subprocess.DEVNULL)
says("options", "bash", "-euo", "pipefail", "-c", "echo a1")
ours, theirs = socket.socketpair()  # as Node.js feeds its children
ours.sendall(b"echo a1; exit\n")
says("socketpair", "sh", stdin=theirs)
says("here", "bash", "-c", "bash <<< 'echo a1'")
