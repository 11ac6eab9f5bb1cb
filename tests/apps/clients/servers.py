"""Servers of the test's own, each in a temporary directory and on a free port; as root they run as a system user."""

import glob
import os
import pwd
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "cli"))
from harness import ROOT, free_port, wait_for  # noqa: E402

ME = pwd.getpwuid(os.geteuid()).pw_name


def listens(port):
    with open("/proc/net/tcp", encoding="ascii") as file:
        return any(f":{port:04X} " in line and " 0A " in line for line in file)


class Server:
    owner = "nobody"

    def __init__(self):
        # Not /tmp: it is a tmpfs inside of an instance.
        self.directory = tempfile.mkdtemp(prefix="cofferdam-server.", dir="/var/tmp")
        os.chmod(self.directory, 0o755)
        self.port = free_port()
        self.process = None
        if ROOT:
            shutil.chown(self.directory, self.owner)
        self.log = open(os.path.join(self.directory, "log"), "ab")  # pylint: disable=consider-using-with

    def as_owner(self, *command):
        if not ROOT:
            return list(command)
        group = str(pwd.getpwnam(self.owner).pw_gid)
        return ["setpriv", "--reuid", self.owner, "--regid", group, "--clear-groups", *command]

    def call(self, *command):
        subprocess.run(self.as_owner(*command), check=True, stdout=self.log, stderr=self.log, cwd=self.directory,
                       stdin=subprocess.DEVNULL)

    def start(self, *command):
        self.process = subprocess.Popen(self.as_owner(*command), stdout=self.log, stderr=self.log,
                                        stdin=subprocess.DEVNULL, cwd=self.directory)
        wait_for(lambda: listens(self.port) and self.process.poll() is None, f"{command[0]} to listen", 30)

    def folder(self, path):
        """A directory for sockets that the server may write to."""
        os.makedirs(path, exist_ok=True)
        os.chmod(path, 0o755)
        if ROOT:
            shutil.chown(path, self.owner)
        return path

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(20)
        self.log.close()
        shutil.rmtree(self.directory, ignore_errors=True)


class PostgreSQL(Server):
    """Who connects by a socket is whom the kernel says (peer); by TCP, whoever they say they are."""

    owner = "postgres"

    def __init__(self, *sockets):
        super().__init__()
        programs = sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1]
        data = os.path.join(self.directory, "data")
        self.call(f"{programs}/initdb", "-D", data, "-U", ME, "--auth-local=peer", "--auth-host=trust", "--no-sync",
                  "--locale=C.UTF-8")
        folders = ",".join(self.folder(path) for path in sockets)
        self.start(f"{programs}/postgres", "-D", data, "-c", "listen_addresses=127.0.0.1", "-c", f"port={self.port}", "-c",
                   f"unix_socket_directories={folders}", "-c", "fsync=off", "-c", "shared_buffers=16MB", "-c",
                   "dynamic_shared_memory_type=mmap")
        self.socket = f"{sockets[0]}/.s.PGSQL.{self.port}"

    def stop(self):
        self.process.send_signal(3)  # at once; SIGTERM waits for the clients
        super().stop()


class MariaDB(Server):
    """`unix_socket` authentication for us by the socket; `app` by TCP with a password."""

    owner = "mysql"

    def __init__(self):
        super().__init__()
        data = os.path.join(self.directory, "data")
        self.socket = os.path.join(self.directory, "mysqld.sock")
        self.call("mariadb-install-db", "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=socket",
                  f"--auth-root-socket-user={ME}", "--skip-test-db", "--skip-name-resolve")
        init = os.path.join(self.directory, "init.sql")
        with open(init, "w", encoding="ascii") as file:
            file.write("CREATE USER app@'127.0.0.1' IDENTIFIED BY 'app-secret';\n")
        self.start("mariadbd", "--no-defaults", f"--datadir={data}", f"--socket={self.socket}", f"--port={self.port}",
                   "--bind-address=127.0.0.1", f"--init-file={init}", "--innodb-buffer-pool-size=8M",
                   "--innodb-flush-log-at-trx-commit=0", "--skip-log-bin", f"--pid-file={self.directory}/pid")


class Redis(Server):
    def __init__(self):
        super().__init__()
        self.start("redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", self.directory)


class Memcached(Server):
    def __init__(self):
        super().__init__()
        self.start("memcached", "-l", "127.0.0.1", "-p", str(self.port), "-U", "0")
