"""Starts, watches and ends a tidewire server that belongs to one test.

In: the binary named by TIDEWIRE_BIN, a data folder, extra environment. Out: an object that knows the endpoint the
server printed, its process id and its log. Invariant: whoever starts a server here ends it, by its own process id.
Used by the suites that must kill, starve or watch a server instead of sharing the one behind TIDEWIRE_ENDPOINT.
"""

import os
import re
import signal
import subprocess
import tempfile
import time

LISTENING = re.compile(r"tidewire: listening on (https?://\S+)")
# A busy machine takes seconds for what takes milliseconds.
START_SECS_MAX = 120.0


class StartFailed(Exception):
    """The process ended, or stayed silent, before it said `Ready.`; the text is its log."""


class TidewireProcess:
    """One server process with its own data folder and log file."""

    def __init__(self, data_dir, binary=None, prefix=(), environment=None, arguments=(), port=0, mode="dev"):
        self.data_dir = str(data_dir)
        self.binary = binary or os.environ["TIDEWIRE_BIN"]
        self.prefix = list(prefix)
        self.environment = {**os.environ, **(environment or {})}
        self.arguments = list(arguments)
        self.port = port
        self.mode = mode
        self.process = None
        self.endpoint = None
        self.started_secs = None
        descriptor, self.log_path = tempfile.mkstemp(prefix="tidewire-", suffix=".log")
        os.close(descriptor)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.end()
        os.unlink(self.log_path)

    def start(self):
        """Starts the server and returns once it has printed `Ready.`."""
        began = time.monotonic()
        self.begin()
        self._await_ready(began + START_SECS_MAX)
        self.started_secs = time.monotonic() - began
        return self

    def begin(self):
        """Starts the server and returns at once."""
        command = [*self.prefix, self.binary, self.mode, "--listen", f"127.0.0.1:{self.port}", "--data-dir", self.data_dir]
        with open(self.log_path, "ab") as log:
            self.log_start = log.tell()
            self.process = subprocess.Popen(
                [*command, *self.arguments], stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=self.environment
            )

    def _await_ready(self, deadline):
        while time.monotonic() < deadline:
            ended = self.process.poll() is not None
            text = self.log_since_start()
            found = LISTENING.search(text)
            if found and re.search(r"^Ready\.", text, re.MULTILINE):
                self.endpoint = found.group(1)
                return
            if ended:
                raise StartFailed(f"exit code {self.process.returncode}\n{text}")
            time.sleep(0.005)
        self.end()
        raise StartFailed(f"not ready after {START_SECS_MAX} s\n{self.log_since_start()}")

    @property
    def pid(self):
        """The process id of the server itself, also when a tracer started it."""
        if not self.prefix:
            return self.process.pid
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children") as children:
            return int(children.read().split()[0])

    def log_since_start(self):
        """What the server has written since its latest start."""
        with open(self.log_path, "rb") as log:
            log.seek(self.log_start)
            return log.read().decode(errors="replace")

    def resident_mib(self):
        """Resident memory of the server now, in MiB."""
        with open(f"/proc/{self.pid}/status") as status:
            kib = next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))
        return kib / 1024

    def alive(self):
        """Whether the process is still there."""
        return self.process.poll() is None

    def kill(self):
        """Ends the server with SIGKILL, as a power cut would, and reaps it."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self, seconds=120):
        """Asks the server to stop (SIGTERM) and returns its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=seconds)

    def end(self):
        """Makes sure that nothing this object started is left."""
        if self.process is not None and self.process.poll() is None:
            if self.prefix:
                os.kill(self.pid, signal.SIGKILL)
            self.kill()
