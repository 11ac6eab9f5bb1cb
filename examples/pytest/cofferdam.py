"""Running an application under cofferdam from a test: no plugin, no dependency, copy it and change it.

    with cofferdam.run(sys.executable, "shop.py") as app:
        port = app.wait_for(r"listening on (\\d+)")[1]
        ...
    assert not app.findings("error")

The binary is COFFERDAM, or the `cofferdam` on the PATH.
"""

import json
import os
import queue
import re
import subprocess
import tempfile
import threading
import time
from fnmatch import fnmatch

BINARY = os.environ.get("COFFERDAM", "cofferdam")


class App:
    """A run. Inside `with` it goes on; afterwards its report is there."""

    def __init__(self, command, policy=None, policy_text="", **kwargs):
        self._files = tempfile.TemporaryDirectory(prefix="cofferdam-")
        self._lines = queue.Queue()
        self.records, self.events, self.report, self.exit_code = [], [], None, None
        # The other end of this pipe is the life of the run: when this process is gone, however that happens, all of it is.
        alive, self._alive = os.pipe()
        options = ["--format", "json", "--parent-pipe", str(alive), "--report", self._path("report"),
                   "--events", self._path("events")]
        if policy:
            options += ["--policy", policy]
        if policy_text:
            options += ["--policy-text", policy_text]
        # Files, not pipes, for what is read at the end: nobody has to empty them meanwhile.
        with open(self._path("stderr"), "wb") as stderr:
            self._process = subprocess.Popen([BINARY, "run", *options, "--", *command], pass_fds=[alive], text=True,
                                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr, **kwargs)
        os.close(alive)
        threading.Thread(target=self._read, daemon=True).start()

    def _path(self, name):
        return os.path.join(self._files.name, name)

    def _read(self):
        for line in self._process.stdout:
            self._lines.put(json.loads(line))
        self._lines.put(None)

    def wait_for(self, pattern, seconds=10):
        """The match of the first record from here on whose message fits; fails when the app ends or the time is over."""
        end = time.monotonic() + seconds
        while True:
            try:
                record = self._lines.get(timeout=max(0, end - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"no {pattern!r} within {seconds} s; there was: {self.messages()}") from None
            if record is None:
                self._lines.put(None)
                raise AssertionError(f"the app ended without {pattern!r}; {self._messages_of_cofferdam()}")
            self.records.append(record)
            if found := re.search(pattern, record.get("message", "")):
                return found

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """Ends the app as production does (SIGTERM, a grace) and reads what it left. A second time changes nothing."""
        if self.report is None:
            self._process.terminate()
            self.finish()

    def finish(self, seconds=20):
        """Waits for the end by itself and reads what it left."""
        try:
            self.exit_code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise AssertionError(f"still running after {seconds} s") from None
        finally:
            os.close(self._alive)
        while (record := self._lines.get(timeout=seconds)) is not None:
            self.records.append(record)
        said = self._messages_of_cofferdam()
        # Without a report nothing ran: an invalid policy, or a rule that can't be enforced here. Never a pass.
        assert os.path.exists(self._path("report")), f"cofferdam did not start the app (exit {self.exit_code}): {said}"
        with open(self._path("report"), encoding="utf-8") as file:
            self.report = json.load(file)
        with open(self._path("events"), encoding="utf-8") as file:
            self.events = [json.loads(line) for line in file]
        self._files.cleanup()
        return self

    def _messages_of_cofferdam(self):
        with open(self._path("stderr"), encoding="utf-8", errors="replace") as file:
            return file.read().strip()

    def messages(self, stream="stdout"):
        return [record.get("message", "") for record in self.records if record["stream"] == stream]

    def findings(self, *what):
        """Those of these codes or severities; without any: errors and warnings. Readable as they are in an assertion."""
        what = what or ("error", "warning")
        return [f"{finding['code']} {finding['message']} (by {_lineage(finding)}); fix: {finding['fix']}"
                for finding in self.report["findings"] if finding["code"] in what or finding["severity"] in what]

    def lost(self, pattern):
        """Paths that the app wrote and that are gone, by glob: `uploads/*.png` at any depth."""
        return [entry["path"] for entry in self.report["lost"] if fnmatch(entry["path"], f"*/{pattern}")]

    def connections(self, verdict):
        """(program, destination) of those that were `allowed` or `refused`."""
        return {(_lineage(entry).split(" <- ")[0], entry["destination"])
                for entry in self.report["connections"] if entry["verdict"] == verdict}


def _lineage(entry):
    process = entry.get("process")
    return " <- ".join(process["lineage"]) if process else "unknown"


def run(*command, **kwargs):
    return App(command, **kwargs)
