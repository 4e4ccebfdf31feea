"""Storages to test on: redis-server processes of their own, files, memory."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable, Optional

import pytest

import dialogstore

REDIS_SERVER = os.environ.get("DIALOGSTORE_TEST_REDIS_SERVER", "redis-server")


class RedisServer:
    """A redis-server on a port that was free, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = _free_port()
        self._process: Optional[subprocess.Popen[bytes]] = None

    def start(self) -> None:
        command = [REDIS_SERVER, "--port", str(self.port), "--bind", "127.0.0.1"]
        command += ["--dir", str(self.folder), "--save", "", "--appendonly", "no"]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if b"eady to accept connections" in line:
                return
        pytest.fail(f"{REDIS_SERVER} ended before it was ready")

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def pause(self) -> None:
        """It keeps its connections and answers nobody."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    @property
    def uri(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def statistic(self, name: str) -> int:
        """One of the numbers of INFO stats."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            connection.sendall(b"INFO stats\r\n")
            lines = connection.makefile("rb")
            size = int(lines.readline()[1:])
            text = lines.read(size).decode()
        return int(dict(line.split(":", 1) for line in text.splitlines() if ":" in line)[name])

    def command(self, *words: str) -> bytes:
        """The first line of the answer to one command."""
        request = f"*{len(words)}\r\n" + "".join(f"${len(w)}\r\n{w}\r\n" for w in words)
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            connection.sendall(request.encode())
            return connection.makefile("rb").readline().strip()


class LosingProxy:
    """Stands between clients and a server, and can lose the replies to saves: those are carried
    out, and nobody learns of it."""

    def __init__(self, server: RedisServer) -> None:
        self._server = server
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = []
        self._to_pass = 0  # saves whose replies still come
        self._is_armed = self._is_losing = False
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def uri(self) -> str:
        return f"redis://127.0.0.1:{self._listener.getsockname()[1]}"

    @contextlib.contextmanager
    def losing(self, after: int = 0) -> Iterator[None]:
        """Replies are lost from a script's on, `after` so many that come."""
        self._to_pass, self._is_armed = after, True
        try:
            yield
        finally:
            self._is_armed = self._is_losing = False
            self._cut()

    def close(self) -> None:
        self._listener.close()
        self._cut()

    def _cut(self) -> None:
        """Nothing that was lost comes later; clients connect again."""
        while self._sockets:
            with contextlib.suppress(OSError):
                self._sockets.pop().shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client = self._listener.accept()[0]
                server = socket.create_connection(("127.0.0.1", self._server.port))
                self._sockets += [client, server]
                for pair in ((client, server), (server, client)):
                    threading.Thread(
                        target=self._pump, args=(*pair, pair[0] is client), daemon=True
                    ).start()

    def _pump(self, source: socket.socket, target: socket.socket, is_client: bool) -> None:
        loses = False
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                if is_client and self._is_armed and b"EVALSHA" in data:
                    self._is_losing = self._to_pass == 0
                    self._to_pass -= 1
                loses = not is_client and (loses or self._is_losing)
                if not loses:
                    target.sendall(data)
        for each in (source, target):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    if shutil.which(REDIS_SERVER) is None:
        pytest.fail(f"{REDIS_SERVER} is not installed; tools/install-dependencies installs it")
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[RedisServer]:
    """One that a test may stop."""
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def proxy(redis_server: RedisServer) -> Iterator[LosingProxy]:
    proxy = LosingProxy(redis_server)
    yield proxy
    proxy.close()


@pytest.fixture
def redis_uri(redis_server: RedisServer) -> str:
    """A namespace of its own on the shared server."""
    return f"{redis_server.uri}?namespace={uuid.uuid4().hex}"


@pytest.fixture
def sqlite_uri(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/contexts.db?durable=no"


@pytest.fixture
def told_cache_uri(redis_uri: str) -> str:
    """Loads of what nobody else has changed ask nothing."""
    return f"{redis_uri}&cache=100&cache_max_staleness=1s"


@pytest.fixture(params=["redis", "told_cache", "sqlite", "memory"])
def uri(request: pytest.FixtureRequest) -> str:
    """Each store that a test of the contract runs on."""
    if request.param == "memory":
        return f"memory://{uuid.uuid4().hex}"
    found: str = request.getfixturevalue(f"{request.param}_uri")
    return found


@pytest.fixture
def storage(uri: str) -> Iterator[dialogstore.Storage]:
    with dialogstore.Storage(uri) as opened:
        yield opened


@pytest.fixture
def closing() -> Iterator[Callable[[Any], Any]]:
    """Gives a storage back, and closes it when the test has ended."""
    with contextlib.ExitStack() as stack:

        def kept(storage: Any) -> Any:
            stack.callback(storage.close)
            return storage

        yield kept


# A framework's storage: the one that the test's module knows as RedisContextStorage.


@pytest.fixture
def store(request: pytest.FixtureRequest, uri: str, closing: Callable[[Any], Any]) -> Any:
    return closing(request.module.RedisContextStorage(uri))


@pytest.fixture
def others(request: pytest.FixtureRequest, redis_uri: str, closing: Callable[[Any], Any]) -> Any:
    """What another bot has; its replies come."""
    return closing(request.module.RedisContextStorage(redis_uri))


@pytest.fixture
def losing(
    request: pytest.FixtureRequest,
    proxy: LosingProxy,
    redis_uri: str,
    closing: Callable[[Any], Any],
) -> Any:
    """One at the same dialogs as `others`, whose replies can be lost."""
    uri = f"{proxy.uri}?{redis_uri.partition('?')[2]}"
    return closing(request.module.RedisContextStorage(uri, timeout=1.0))


def run_python(program: str, *arguments: str) -> subprocess.Popen[str]:
    """A process of its own, which talks through its standard output."""
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )
