"""rsyslog and syslog-ng with a configuration of their own, which write what they receive as lines of JSON."""

import json
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "cli"))
from harness import free_port, wait_for  # noqa: E402

RSYSLOG = """
global(maxMessageSize="64k" workDirectory="{directory}" parser.escapeControlCharactersOnReceive="{escape}")
module(load="imptcp")
module(load="imudp")
module(load="imuxsock" SysSock.Use="off")
input(type="imptcp" address="127.0.0.1" port="{port}" maxFrameSize="200000")
input(type="imudp" address="127.0.0.1" port="{port}")
input(type="imuxsock" Socket="{socket}" RateLimit.Interval="0" UseSpecialParser="off" ParseHostname="off")
template(name="records" type="list" option.jsonf="on") {{
  property(outname="pri" name="pri" format="jsonf")
  property(outname="time" name="timereported" dateFormat="rfc3339" format="jsonf")
  property(outname="app" name="app-name" format="jsonf")
  property(outname="instance" name="procid" format="jsonf")
  property(outname="stream" name="msgid" format="jsonf")
  property(outname="data" name="structured-data" format="jsonf")
  property(outname="text" name="msg" format="jsonf")
}}
action(type="omfile" file="{file}" template="records")
"""

SYSLOG_NG = """
@version: 3.38
options {{ log-msg-size(65536); keep-hostname(yes); use-dns(no); stats-freq(0); flush-lines(1); }};
source s {{
  syslog(ip("127.0.0.1") port({port}) transport("tcp"));
  unix-dgram("{socket}");
}};
destination d {{ file("{file}" template(
  "$(format-json --leave-initial-dot pri=int64($PRI) app=$PROGRAM instance=$PID stream=$MSGID data=$SDATA text=$MSG)\\n")); }};
log {{ source(s); destination(d); }};
"""


class SyslogServer:
    def __init__(self, escape="off"):
        # Not /tmp: it is a tmpfs inside of an instance.
        self.directory = tempfile.mkdtemp(prefix="cofferdam-syslog.", dir="/var/tmp")
        os.chmod(self.directory, 0o755)
        self.port = free_port()
        self.socket = os.path.join(self.directory, "log")
        self.file = os.path.join(self.directory, "records.jsonl")
        self.escape = escape
        self.process = None
        self.messages = open(os.path.join(self.directory, "messages"), "ab")  # pylint: disable=consider-using-with
        self.start()

    def command(self):
        raise NotImplementedError

    def configure(self, text):
        path = os.path.join(self.directory, "conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.format(**vars(self)))
        return path

    def listens(self):
        with open("/proc/net/tcp", encoding="ascii") as file:
            return os.path.exists(self.socket) and any(f":{self.port:04X} " in row and " 0A " in row for row in file)

    def start(self):
        if os.path.exists(self.socket):
            os.unlink(self.socket)
        command, env = self.command()
        self.process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=self.messages,
                                        stderr=self.messages, cwd=self.directory)
        wait_for(self.listens, f"{command[0]} to listen", 20)

    def stop(self):
        self.process.terminate()
        self.process.wait(20)

    def records(self):
        try:
            with open(self.file, "rb") as file:
                return [json.loads(line.decode("utf-8", "replace")) for line in file if line.endswith(b"\n")]
        except FileNotFoundError:
            return []

    def received(self, count, seconds=10):
        wait_for(lambda: len(self.records()) >= count, f"{count} records (there are {len(self.records())})", seconds)
        return self.records()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.messages.close()
        shutil.rmtree(self.directory)


class Rsyslog(SyslogServer):
    name = "rsyslog"

    def command(self):
        return ["/usr/sbin/rsyslogd", "-n", "-f", self.configure(RSYSLOG), "-i", os.path.join(self.directory, "pid")], None


class SyslogNg(SyslogServer):
    name = "syslog-ng"
    root = os.environ["SYSLOG_NG"]

    def command(self):
        own = os.path.join(self.root, "usr/lib/syslog-ng")
        files = [part for option, name in (("-R", "persist"), ("-p", "pid"), ("-c", "control"))
                 for part in (option, os.path.join(self.directory, name))]
        return ([os.path.join(self.root, "usr/sbin/syslog-ng"), "-F", "--no-caps", "-f", self.configure(SYSLOG_NG),
                 "--module-path", os.path.join(own, "3.38"), *files],
                {**os.environ, "LD_LIBRARY_PATH": f"{self.root}/usr/lib/x86_64-linux-gnu:{own}"})


SERVERS = [Rsyslog, SyslogNg]
