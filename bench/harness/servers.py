"""A redis-server of the benchmark's own: a free port, a temporary folder, pinned to one core."""

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

DATABASES = 64
START_SECONDS = 10
PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


class ServerError(Exception):
    pass


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def encode(arguments):
    parts = [b"*%d\r\n" % len(arguments)]
    for argument in arguments:
        data = argument if isinstance(argument, bytes) else str(argument).encode()
        parts.append(b"$%d\r\n%s\r\n" % (len(data), data))
    return b"".join(parts)


def decode(request):
    """The arguments of an encoded command."""
    count, _, rest = request[1:].partition(b"\r\n")
    arguments = []
    for _ in range(int(count)):
        size, _, rest = rest[1:].partition(b"\r\n")
        arguments.append(rest[: int(size)])
        rest = rest[int(size) + 2 :]
    return arguments


class Client:
    """One connection. Not for what is measured."""

    def __init__(self, port):
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=120)
        self._file = self._socket.makefile("rb")

    def close(self):
        self._file.close()
        self._socket.close()

    def command(self, *arguments):
        return self.pipeline([arguments])[0]

    def pipeline(self, commands):
        self._socket.sendall(b"".join(map(encode, commands)))
        return [self._reply() for _ in commands]

    def _reply(self):
        line = self._file.readline()
        if not line:
            raise ServerError("the server closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest.decode()
        if kind == b"-":
            raise ServerError(rest.decode())
        if kind == b":":
            return int(rest)
        size = int(rest)
        if kind == b"*":
            return [self._reply() for _ in range(size)]
        return None if size < 0 else self._file.read(size + 2)[:-2]


class RedisServer:
    """`with RedisServer(core) as server:`"""

    def __init__(self, core, append_only=False):
        self._core = core
        self._append_only = append_only

    def __enter__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="dialogstore-bench-"))
        self.client = None
        end = time.monotonic() + START_SECONDS
        while self.client is None:
            self._start()
            try:
                self.client = self._connect(end)
            except BaseException:
                self.__exit__()
                raise
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()
        shutil.rmtree(self.folder)

    def _start(self):
        self.port = free_port()
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1"]
        command += ["--save", "", "--appendonly", "yes" if self._append_only else "no"]
        command += ["--auto-aof-rewrite-percentage", "0", "--databases", str(DATABASES)]
        command += ["--dir", str(self.folder), "--logfile", str(self.folder / "log")]
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, preexec_fn=self._prepare_process
        )

    def _prepare_process(self):
        # Whatever ends this process ends the server too.
        if ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
            raise OSError("prctl failed")
        if self._core is not None:
            os.sched_setaffinity(0, {self._core})

    def _connect(self, end):
        """None when someone else got the port first: then whoever answers there is a stranger."""
        while self._process.poll() is None:
            try:
                client = Client(self.port)
                if self._is_ours(client):
                    return client
                client.close()
            except OSError:
                pass
            if time.monotonic() > end:
                raise ServerError("redis-server does not answer")
            time.sleep(0.01)
        log = (self.folder / "log").read_text()
        if "Address already in use" in log and time.monotonic() < end:
            return None
        raise ServerError(f"redis-server does not start: {log}")

    def _is_ours(self, client):
        try:
            info = client.command("INFO", "server").decode()
        except ServerError:
            return False
        return f"process_id:{self._process.pid}\r\n" in info

    def uri(self, database=0):
        return f"redis://127.0.0.1:{self.port}/{database}"

    def info(self, field):
        for line in self.client.command("INFO", "all").decode().splitlines():
            name, _, value = line.partition(":")
            if name == field:
                return value
        raise ServerError(f"INFO has no {field}")

    def keys(self, database):
        self.client.command("SELECT", database)
        cursor, keys = b"0", []
        while True:
            cursor, some = self.client.command("SCAN", cursor, "COUNT", 1000)
            keys += some
            if cursor == b"0":
                return sorted(set(keys))

    def copy_database(self, source, target):
        """`target` becomes what `source` is."""
        self.client.pipeline([("SELECT", target), ("FLUSHDB", "SYNC")])
        keys = self.keys(source)
        for start in range(0, len(keys), 256):
            self.client.pipeline(
                [("COPY", key, key, "DB", target) for key in keys[start : start + 256]]
            )
