"""The one test index: real HTTP on 127.0.0.1, every request counted, every fault on demand.

with IndexServer() as server:
    server.add("demo-1.0-py3-none-any.whl", wheel_bytes, sidecar=Sidecar.ADVERTISED, metadata=b"…")
    server.fault("/files/demo-1.0", Status(503), times=2)
    …                                   # point the code under test at `server.url`
    assert server.count(path="/files/") == 3
"""

from __future__ import annotations

import hashlib
import html
import json
import re
import ssl
import threading
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from enum import Enum
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, unquote, urlsplit

from packaging.utils import canonicalize_name

from trueup.model.artifact import OtherName, parse_filename

_JSON = "application/vnd.pypi.simple.v1+json"
_HTML = "application/vnd.pypi.simple.v1+html"


class Sidecar(Enum):
    """Whether a file has a `.metadata` next to it, and what the page says of it."""

    NONE = "none"
    ADVERTISED = "advertised, with its sha256"
    WITHOUT_HASH = "advertised as `true`"
    UNADVERTISED = "there, and the page does not say so"
    MISSING = "advertised, and not there"


class Ranges(Enum):
    """What the server makes of a `Range` header."""

    ALL = "answers it"
    IGNORED = "sends the whole file with status 200"
    NO_SUFFIX = "answers a suffix range with 416"
    NO_SUFFIX_501 = "answers a suffix range with 501"
    WRONG = "sends another range than was asked for"


@dataclass(frozen=True)
class Status:
    """Fault: an error status, with headers such as `Retry-After`."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Drop:
    """Fault: the connection closes before an answer."""


@dataclass(frozen=True)
class Truncate:
    """Fault: the connection closes after this many bytes of the body."""

    after: int


@dataclass(frozen=True)
class Hang:
    """Fault: silence for this many seconds (or until the server is healed or closed)."""

    seconds: float = 30.0


@dataclass(frozen=True)
class Redirect:
    """Fault: the answer sends the client elsewhere."""

    location: str
    status: int = 302


Fault = Status | Drop | Truncate | Hang | Redirect


@dataclass(frozen=True, kw_only=True)
class Request:
    """One line of the log: what was asked, and how it was answered (``sent``: bytes of body)."""

    method: str
    path: str
    headers: Mapping[str, str]
    status: int
    sent: int


@dataclass(kw_only=True)
class Served:
    """One file on the index, with all that its page says about it.

    ``sha256`` and ``metadata_sha256`` replace the true digests on the page ("" leaves the first
    out); ``link`` replaces the address; ``size`` None takes the true one.
    """

    filename: str
    data: bytes | Path
    metadata: bytes | None = None
    sidecar: Sidecar = Sidecar.NONE
    requires_python: str | None = None
    yanked: str | None = None
    upload_time: str | None = None
    sha256: str | None = None
    metadata_sha256: str | None = None
    size: int | None = None
    link: str | None = None

    @cached_property
    def body(self) -> bytes:
        return self.data if isinstance(self.data, bytes) else self.data.read_bytes()

    @cached_property
    def digest(self) -> str:
        return hashlib.sha256(self.body).hexdigest() if self.sha256 is None else self.sha256

    @property
    def core_metadata(self) -> bool | dict[str, str] | None:
        if self.sidecar in (Sidecar.NONE, Sidecar.UNADVERTISED):
            return None
        if self.sidecar is Sidecar.WITHOUT_HASH:
            return True
        digest = self.metadata_sha256 or hashlib.sha256(self.metadata or b"").hexdigest()
        return {"sha256": digest}


class IndexServer:
    """An index in a thread; use it as a context manager.

    ``as_json`` and ``as_html`` say which forms of pages it speaks; ``auth`` is the user name and
    password that it demands, ``tls`` makes it an https server; everything may be changed while it runs.
    """

    def __init__(
        self,
        *,
        as_json: bool = True,
        as_html: bool = True,
        ranges: Ranges = Ranges.ALL,
        etags: bool = True,
        auth: tuple[str, str] | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.as_json, self.as_html, self.ranges = as_json, as_html, ranges
        self.etags, self.auth = etags, auth
        self.status: str | None = None
        self.projects: dict[str, dict[str, Served]] = {}
        self.pages: dict[str, tuple[str, bytes, int]] = {}
        self.log: list[Request] = []
        self._faults: list[tuple[str, Fault, int]] = []
        self.lock = threading.Lock()
        self.healed = threading.Event()
        self.left_early = threading.Event()
        """Set when a client closed its connection before it had the whole answer."""
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.index = self
        self._scheme = "http" if tls is None else "https"
        if tls is not None:
            # The handshake is left to the thread of the connection: a bad one blocks nobody.
            self._server.socket = tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )

    @property
    def origin(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._server.server_address[1]}"

    @property
    def url(self) -> str:
        """The address of the index, to be given to installers."""
        return f"{self.origin}/simple/"

    def file_url(self, filename: str) -> str:
        return f"{self.origin}/files/{quote(filename)}"

    def add(
        self, filename: str, data: bytes | Path, *, project: str | None = None, **about: Any
    ) -> Served:
        """Put a file on the index; ``about`` are fields of :class:`Served`."""
        if project is None:
            name = parse_filename(filename)
            project = filename.split("-")[0] if isinstance(name, OtherName) else name.project
        served = Served(filename=filename, data=data, **about)
        self.projects.setdefault(canonicalize_name(project), {})[filename] = served
        return served

    def add_folder(self, folder: Path) -> None:
        """Put all files of a folder on the index."""
        for path in sorted(folder.iterdir()):
            if path.is_file():
                self.add(path.name, path)

    def page(
        self, path: str, body: bytes, content_type: str = "text/html", *, repeat: int = 1
    ) -> None:
        """Serve these bytes, ``repeat`` times over, at a path, whatever else would be there."""
        self.pages[path] = (content_type, body, repeat)

    def fault(self, path: str, fault: Fault, *, times: int = 1) -> None:
        """Answer the next ``times`` requests whose path holds ``path`` with a fault."""
        with self.lock:
            self._faults.append((path, fault, times))

    def heal(self) -> None:
        """Forget the faults that are left, and end silences."""
        with self.lock:
            self._faults.clear()
            self.healed.set()
            self.healed = threading.Event()

    def take_fault(self, path: str) -> Fault | None:
        with self.lock:
            for index, (pattern, fault, times) in enumerate(self._faults):
                if pattern in path:
                    if times > 1:
                        self._faults[index] = (pattern, fault, times - 1)
                    else:
                        del self._faults[index]
                    return fault
        return None

    def requests(
        self, *, method: str | None = None, path: str = "", status: int | None = None
    ) -> list[Request]:
        """The logged requests of a method, whose path holds ``path``, with a status."""
        with self.lock:
            return [
                request
                for request in self.log
                if method in (None, request.method)
                and path in request.path
                and status in (None, request.status)
            ]

    def count(self, *, method: str | None = None, path: str = "", status: int | None = None) -> int:
        return len(self.requests(method=method, path=path, status=status))

    def sent(self, *, path: str = "") -> int:
        """How many bytes of body were sent for paths that hold ``path``."""
        return sum(request.sent for request in self.requests(path=path))

    def forget(self) -> None:
        """Empty the log."""
        with self.lock:
            self.log.clear()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.healed.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    index: IndexServer

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away while it is served is no error here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 64 * 1024
    server: _Server

    def do_GET(self) -> None:
        try:
            self._answer()
            self.wfile.flush()
        except OSError:
            self.server.index.left_early.set()
            self.close_connection = True

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing is printed; the log is `IndexServer.log`."""

    def _log(self, status: int, sent: int) -> None:
        request = Request(
            method=self.command,
            path=unquote(self.path),
            headers={name.lower(): value for name, value in self.headers.items()},
            status=status,
            sent=sent,
        )
        with self.server.index.lock:
            self.server.index.log.append(request)

    def _answer(self) -> None:
        index = self.server.index
        path = unquote(urlsplit(self.path).path)
        match index.take_fault(path):
            case Status(status=status, headers=headers):
                return self._send(status, b"a fault", headers=headers)
            case Redirect(location=location, status=status):
                return self._send(status, b"", headers={"Location": location})
            case Drop():
                self._log(0, 0)
                self.close_connection = True
                return None
            case Hang(seconds=seconds):
                self._log(0, 0)
                index.healed.wait(seconds)
                self.close_connection = True
                return None
            case Truncate(after=after):
                return self._route(path, truncate=after)
            case None:
                return self._route(path)

    def _route(self, path: str, *, truncate: int | None = None) -> None:
        index = self.server.index
        if index.auth is not None:
            token = b64encode(":".join(index.auth).encode()).decode()
            if self.headers.get("Authorization") != f"Basic {token}":
                return self._send(401, b"", headers={"WWW-Authenticate": 'Basic realm="test"'})
        if path in index.pages:
            content_type, body, repeat = index.pages[path]
            return self._stream(content_type, body, repeat)
        simple = re.fullmatch(r"/simple/([^/]+)/", path)
        if simple and simple[1] in index.projects:
            return self._page(simple[1], truncate)
        if path.startswith("/files/"):
            filename = path.removeprefix("/files/")
            for files in index.projects.values():
                if filename in files:
                    return self._file(files[filename].body, truncate)
                bare = files.get(filename.removesuffix(".metadata"))
                absent = (Sidecar.NONE, Sidecar.MISSING)
                if bare and bare.metadata is not None and bare.sidecar not in absent:
                    return self._file(bare.metadata, truncate)
        return self._send(404, b"not found")

    def _page(self, project: str, truncate: int | None) -> None:
        index = self.server.index
        files = list(index.projects[project].values())
        if index.as_json and _JSON in self.headers.get("Accept", ""):
            content_type, body = _JSON, _json_page(index, project, files)
        elif index.as_html:
            content_type, body = _HTML, _html_page(index, files)
        else:
            return self._send(406, b"")
        headers = {"Content-Type": content_type, "Vary": "Accept"}
        if index.etags:
            headers["ETag"] = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
            if self.headers.get("If-None-Match") == headers["ETag"]:
                return self._send(304, b"", headers=headers)
        return self._send(200, body, headers=headers, truncate=truncate)

    def _file(self, body: bytes, truncate: int | None) -> None:
        index = self.server.index
        etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        headers = {"Content-Type": "application/octet-stream"}
        if index.etags:
            headers["ETag"] = etag
        wanted = self.headers.get("Range")
        if wanted is None or index.ranges is Ranges.IGNORED:
            return self._send(200, body, headers=headers, truncate=truncate)
        headers["Accept-Ranges"] = "bytes"
        if self.headers.get("If-Range", etag) != etag:
            return self._send(200, body, headers=headers, truncate=truncate)
        match = re.fullmatch(r"bytes=(\d*)-(\d*)", wanted)
        assert match is not None, f"unexpected range {wanted}"
        if not match[1]:
            if index.ranges is Ranges.NO_SUFFIX:
                return self._send(416, b"")
            if index.ranges is Ranges.NO_SUFFIX_501:
                return self._send(501, b"")
            start, end = max(0, len(body) - int(match[2])), len(body)
        else:
            start = int(match[1])
            end = min(int(match[2]) + 1, len(body)) if match[2] else len(body)
        if start >= len(body):
            return self._send(416, b"", headers={"Content-Range": f"bytes */{len(body)}"})
        if index.ranges is Ranges.WRONG:
            start, end = 0, max(1, (end - start) // 2)
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{len(body)}"
        return self._send(206, body[start:end], headers=headers, truncate=truncate)

    def _send(
        self,
        status: int,
        body: bytes,
        *,
        headers: Mapping[str, str] | None = None,
        truncate: int | None = None,
    ) -> None:
        shown = b"" if self.command == "HEAD" or status == 304 else body[:truncate]
        # Before the answer leaves: a client never sees one that the log does not have yet.
        self._log(status, len(shown))
        self.send_response(status)
        self.send_header("Last-Modified", formatdate(1_700_000_000, usegmt=True))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if status != 304:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(shown)
        if truncate is not None:
            self.close_connection = True

    def _stream(self, content_type: str, body: bytes, repeat: int) -> None:
        """A body that need not fit into memory, sent in chunks."""
        self._log(200, len(body) * repeat)
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for _ in range(repeat):
            self.wfile.write(f"{len(body):x}\r\n".encode() + body + b"\r\n")
        self.wfile.write(b"0\r\n\r\n")


def _json_page(index: IndexServer, project: str, files: list[Served]) -> bytes:
    page: dict[str, Any] = {"meta": {"api-version": "1.4"}, "name": project, "files": []}
    if index.status is not None:
        page["project-status"] = {"status": index.status}
    for file in files:
        entry: dict[str, Any] = {
            "filename": file.filename,
            "url": file.link or f"../../files/{quote(file.filename)}",
            "hashes": {"sha256": file.digest} if file.digest else {},
            "size": len(file.body) if file.size is None else file.size,
            "yanked": False if file.yanked is None else file.yanked or True,
        }
        if file.requires_python is not None:
            entry["requires-python"] = file.requires_python
        if file.upload_time is not None:
            entry["upload-time"] = file.upload_time
        if file.core_metadata is not None:
            entry["core-metadata"] = file.core_metadata
        page["files"].append(entry)
    return json.dumps(page).encode()


def _html_page(index: IndexServer, files: list[Served]) -> bytes:
    return "\n".join(_html_lines(index, files)).encode()


def _html_lines(index: IndexServer, files: list[Served]) -> Iterator[str]:
    yield "<!DOCTYPE html><html><head>"
    yield '<meta name="pypi:repository-version" content="1.4">'
    if index.status is not None:
        yield f'<meta name="pypi:project-status" content="{index.status}">'
    yield "</head><body>"
    for file in files:
        fragment = f"#sha256={file.digest}" if file.digest else ""
        link = file.link or f"../../files/{quote(file.filename)}{fragment}"
        attributes = f'href="{html.escape(link)}"'
        if file.requires_python is not None:
            attributes += f' data-requires-python="{html.escape(file.requires_python)}"'
        if file.yanked is not None:
            attributes += f' data-yanked="{html.escape(file.yanked)}"'
        match file.core_metadata:
            case True:
                attributes += ' data-core-metadata="true"'
            case {"sha256": digest}:
                attributes += f' data-core-metadata="sha256={digest}"'
        yield f"<a {attributes}>{file.filename}</a><br>"
    yield "</body></html>"
