#!/usr/bin/python3
"""identity.py CASE ARGUMENT: an application in Python that starts itself once more, as an attacker would.

Rule (b) of the identity counts a child that runs the app's executable with the app's script and arguments as the app
(that is how reloaders work). Each case here is code of somebody else in such a disguise; when it runs it dials the
database. The cases are for the interpreter that runs this file.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time

CASE = sys.argv[1] if len(sys.argv) > 1 else os.environ["FED_CASE"]
SCRATCH = os.environ["SCRATCH"]
SELF = os.path.abspath(sys.argv[0] or "-")
DIAL = (f"import os, socket; s = socket.create_connection(('127.0.0.1', {os.environ['DB_PORT']}), 3); "
        f"s.sendall(b'{os.environ['RUN_ID']} {CASE}\\n'); os._exit(0)")
GUARDED = f"try:\n    exec({DIAL!r})\nexcept OSError:\n    os._exit(1)\n"


def again(options=(), script=SELF, env=None, data="", cwd=None):
    """Runs the interpreter with `options`, then the script and arguments of this very process."""
    subprocess.run([sys.executable, *options, script, *sys.argv[1:]], env=env, input=data, text=True, cwd=cwd,
                   stderr=subprocess.DEVNULL, check=False, timeout=5)


def code_file(*names):
    """A file in a directory of the attacker's with code that dials when it is imported."""
    path = os.path.join(SCRATCH, *names)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="ascii") as file:
        file.write("import os\n" + GUARDED)
    return os.path.dirname(path)


def other_code():
    """I2: the same interpreter with other code."""
    subprocess.run([sys.executable, "-c", DIAL, *sys.argv[1:]], stderr=subprocess.DEVNULL, check=False)


def code_in_option():
    """I2b: -cCODE in one argument looks like an option before the script."""
    again(["-c" + DIAL])


def code_named_like_script():
    """I2c: in `-Sc CODE` the code is no value of an option that is known, but a link by that name leads to the script."""
    os.chdir(SCRATCH)
    os.symlink(os.path.relpath(SELF, SCRATCH), "exec(input())")
    again(["-Sc"], script="exec(input())", data=DIAL + "\n")


def module_named_like_script():
    """I2d: the same with a module."""
    folder = code_file("evil.py")
    os.symlink(os.path.relpath(SELF, folder), os.path.join(folder, "evil"))
    again(["-Bm"], script="evil", cwd=folder)


def import_path():
    """I9: modules of the attacker's before those of the app."""
    again(env={**os.environ, "PYTHONPATH": code_file("path", "sitecustomize.py")})


def import_path_behind_padding():
    """I9b: the same behind more environment than somebody may want to read."""
    padding = {f"PAD{i}": "x" * 100000 for i in range(4)}
    loaders = {name: value for name, value in os.environ.items() if name.startswith(("PYTHON", "LD_"))}
    again(env={**loaders, **padding, **os.environ, "PYTHONPATH": code_file("padded", "sitecustomize.py")})


def home():
    """I9c: the user's own site-packages are in the home directory that the environment names."""
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    folder = code_file("home", ".local", "lib", version, "site-packages", "usercustomize.py")
    again(env={**os.environ, "HOME": folder.split("/.local")[0]})


def interactive():
    """I9d: an option reads more code from standard input once the script has ended."""
    again(["-i"], data=DIAL + "\n")


def other_directory():
    """I9e: the app runs as `-m identity`; elsewhere a module of that name is somebody else's."""
    folder = code_file("elsewhere", "identity.py")
    subprocess.run([sys.executable, "-m", "identity", *sys.argv[1:]], cwd=folder, stderr=subprocess.DEVNULL, check=False)


def server_options():
    """I9f: options of a server from its environment (gunicorn's --config is Python code)."""
    again(env={**os.environ, "SECOND": "1", "GUNICORN_CMD_ARGS": "--config /tmp/evil.py"})


def virtual_environment(argv0, path=None):
    """Python looks for its modules beside what argv[0], or argv[0] on PATH, names: here an environment of the attacker's."""
    folder = os.path.join(SCRATCH, "venv")
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    packages = os.path.join(folder, "lib", version, "site-packages")
    os.makedirs(packages)
    os.mkdir(os.path.join(folder, "bin"))
    os.symlink(os.path.realpath(sys.executable), os.path.join(folder, "bin", "python3"))
    with open(os.path.join(folder, "pyvenv.cfg"), "w", encoding="ascii") as written:
        written.write("home = /usr/bin\n")
    with open(os.path.join(packages, "evil.pth"), "w", encoding="ascii") as written:
        written.write(f"import os; exec({GUARDED!r})\n")
    subprocess.run([argv0.format(folder), *sys.argv], executable=sys.executable, stderr=subprocess.DEVNULL, check=False,
                   env={**os.environ, "SECOND": "1", **({"PATH": path.format(folder)} if path else {})}, timeout=5)


def foreign_environment():
    """I9g: argv[0] in a virtual environment of the attacker's."""
    virtual_environment("{}/bin/python3")


def foreign_environment_on_path():
    """I9h: the same by PATH."""
    virtual_environment("python3", "{}/bin:/usr/bin:/bin")


def exchanged_link():
    """I2e: a link to the app's script leads to another one as soon as the launcher has looked."""
    evil, link = os.path.join(code_file("evil.py"), "evil.py"), os.path.join(SCRATCH, "link.py")
    for attempt in range(40):
        for target in (SELF, evil):
            os.symlink(target, link + "~")
            if target == evil:
                child = subprocess.Popen([sys.executable, link, *sys.argv[1:]], env={**os.environ, "SECOND": "1"},
                                         stderr=subprocess.DEVNULL)
                time.sleep(attempt / 4000)
            os.rename(link + "~", link)
        child.wait(5)


def shared_directory():
    """I2f: a process that shares its working directory (CLONE_FS) changes it as soon as the launcher has looked."""
    own, folder = os.getcwd(), code_file("identity.py")
    clone, with_directory = ctypes.CDLL(None, use_errno=True).syscall, 0x200 | signal.SIGCHLD
    for attempt in range(40):
        os.chdir(own)
        child = clone(56, with_directory, 0, 0, 0, 0)
        if child == 0:
            os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, "SECOND": "1"})
        if child < 0:
            return
        time.sleep(attempt / 4000)
        os.chdir(folder)
        os.waitpid(child, 0)


def fed():
    """I2g: the app itself was fed to an interpreter that was given no script."""
    subprocess.run([sys.executable], input=DIAL, text=True, stderr=subprocess.DEVNULL, check=False)


def forgotten():
    """I20: the launcher's record of an image is driven out by a thousand others, and a forged one asked for."""
    words = "\0".join([sys.executable, *sys.argv])
    variables = "\0".join(f"{name}={value}" for name, value in os.environ.items())
    program = os.path.join(SCRATCH, "f")
    with open(program, "w", encoding="ascii") as file:
        file.write(f"""import ctypes, subprocess
subprocess.run(["/bin/sh", "-c", "i=0; while [ $i -lt 1200 ]; do /bin/true; i=$((i+1)); done; exit 0"])
with open("/proc/self/stat") as stat: numbers = [int(field) for field in stat.read().rpartition(")")[2].split()[45:49]]
for begin, end, text in ((*numbers[:2], {words!r}), (*numbers[2:], {variables!r})):
    ctypes.memmove(begin, text.encode() + bytes(end - begin - len(text.encode())), end - begin)
ctypes.CDLL(None).syscall(218, 0)
{DIAL}
""")
    command = [sys.executable, program, ""]
    padding = "x" * (len(words) - len("\0".join(command)))  # what is seen of arguments has the length of the true ones
    subprocess.run([*command[:2], padding], check=False, timeout=30, env={**os.environ, "PADDING": "x" * 200})


def framework_variable():
    """I13b: the limit of rule (b): a framework's own variable names other code."""
    again(env={**os.environ, "SECOND": "1", "FLASK_APP": "/tmp/evil.py"})


def other_script():
    """I21: the app's interpreter is a row of app.also: it runs anything."""
    folder = code_file("evil.py")
    subprocess.run([sys.executable, os.path.join(folder, "evil.py")], stderr=subprocess.DEVNULL, check=False)


def planted_at_home():
    """I18: the limit of every re-exec: what it loads from a writable mount may be somebody else's by then."""
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    folder = os.path.join(os.environ["HOME"], ".local", "lib", version, "site-packages")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "usercustomize.py"), "w", encoding="ascii") as written:
        written.write("import os\n" + GUARDED)
    again()


def same_again():
    """I13: the limit of rule (b): the app's own script with the app's own arguments is the app."""
    if os.environ.get("SECOND") != "1":
        again(env={**os.environ, "SECOND": "1"})
    else:
        exec(DIAL)  # pylint: disable=exec-used


CASES = {"I2": other_code, "I2b": code_in_option, "I2c": code_named_like_script, "I2d": module_named_like_script,
         "I9": import_path, "I9b": import_path_behind_padding, "I9c": home, "I9d": interactive, "I9e": other_directory,
         "I9f": server_options, "I9g": foreign_environment, "I9h": foreign_environment_on_path, "I2e": exchanged_link,
         "I2f": shared_directory, "I2g": fed, "I20": forgotten, "I21": other_script, "I13b": framework_variable,
         "I18": planted_at_home, "I13": same_again}

if __name__ == "__main__":
    if CASE in ("I9f", "I13b") and os.environ.get("SECOND") == "1":
        exec(DIAL)  # pylint: disable=exec-used
    elif CASE in ("I2e", "I2f", "I9g", "I9h") and os.environ.get("SECOND") == "1":
        os._exit(2)  # the app's own script was run: an attempt that came too early or too late
    elif not sys.flags.interactive or CASE != "I9d":
        CASES[CASE]()
    print(CASE, "ended", flush=True)
