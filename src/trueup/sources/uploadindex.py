"""An index that takes releases in publishing sessions, as its client sees it.

Source: PEP 694 (draft of July 2026): addresses come from the index and are never made up, except the
root; the token goes to no other server than that of the root.
"""

from __future__ import annotations

import glob
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

import msgspec

from trueup.model.errors import SourceError, TrueupError, UsageError
from trueup.sources.rewrite import Wheel
from trueup.sources.transport import HttpSettings, new_client
from trueup.sources.url import origin_of, redact

if TYPE_CHECKING:
    import httpx2

__all__ = ["RemoteFile", "RemoteSession", "SessionLinks", "UploadError", "UploadIndex", "root_of"]

_TYPE = "application/vnd.pypi.upload.v2+json"
_META = {"api-version": "2.0"}
_MECHANISM = "http-post-bytes"
_PATIENCE = 600.0
"""Seconds: publishing compares all files of a release."""
_CHUNK = 1024 * 1024


class UploadError(SourceError):
    """The index refused; ``status`` is that of HTTP, ``notices`` say more, ``location`` leads to what
    is in the way.
    """

    def __init__(
        self, what: str, *, status: int = 0, notices: Sequence[str] = (),
        location: str | None = None, **named: Any,
    ) -> None:  # fmt: skip
        super().__init__(what, **named)
        self.status = status
        self.notices = tuple(notices)
        self.location = location


class RemoteFile(msgspec.Struct, frozen=True):
    """A file of a session; ``status`` is pending, processing, completed or error."""

    status: str
    link: str
    notices: tuple[str, ...] = ()


class SessionLinks(msgspec.Struct, frozen=True):
    """Where a session is asked for, and what can be done with it while it is open."""

    session: str
    upload: str | None = None
    publish: str | None = None
    stage: str | None = None


class RemoteSession(msgspec.Struct, frozen=True):
    """A session as the index tells it; ``status`` is open, processing, published, error, canceled."""

    links: SessionLinks
    status: str
    expires_at: str = msgspec.field(name="expires-at")
    files: dict[str, RemoteFile] = {}
    notices: tuple[str, ...] = ()

    @property
    def expires(self) -> datetime | None:
        """When it ends by itself; None if that cannot be read."""
        try:
            found = datetime.fromisoformat(self.expires_at)
        except ValueError:
            return None
        return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


class _Mechanism(msgspec.Struct, frozen=True):
    identifier: str
    file_url: str
    attestations_url: str | None = None


class _FileLinks(msgspec.Struct, frozen=True):
    complete: str
    status: str = msgspec.field(name="file-upload-session")


class _Announced(msgspec.Struct, frozen=True):
    links: _FileLinks
    mechanism: _Mechanism


class _Completed(msgspec.Struct, frozen=True):
    status: str
    notices: tuple[str, ...] = ()


_Body = TypeVar("_Body")


def root_of(address: str) -> str:
    """The root of sessions at an index, or at one of its channels.

    Raises UsageError for what is no address of the web.
    """
    if not address.startswith(("http://", "https://")):
        raise UsageError("no address of an index", found=f"`{redact(address)}`", expected="a URL")
    base = address.rstrip("/")
    for tail in ("/upload", "/legacy", "/simple"):
        base = base.removesuffix(tail)
    return f"{base}/upload/"


class UploadIndex:
    """Speaks to one index with one token; to be closed."""

    def __init__(
        self,
        address: str,
        token: str,
        *,
        environ: Mapping[str, str],
        settings: HttpSettings | None = None,
    ) -> None:
        self.root = root_of(address)
        self._token = token
        found = settings or HttpSettings(timeout=_PATIENCE)
        self._client = new_client(found, environ, insecure=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def open(self, project: str, version: str) -> RemoteSession:
        """A session for a release: a new one, or the one that it has. Raises UploadError."""
        try:
            answer = self._ask("POST", self.root, {"name": project, "version": version})
        except UploadError as error:
            if error.status == 404:
                raise UploadError(
                    "the index takes no sessions",
                    place=(redact(self.root),),
                    hint="`trueup serve --sessions` does; `twine upload` needs none",
                ) from error
            if error.status != 409 or error.location is None:
                raise
            known = self._session(self._ask("GET", error.location))
            if known.status != "open":
                raise UploadError(error.what, status=409, hint=error.hint) from error
            return known
        return self._session(answer)

    def status(self, session: RemoteSession) -> RemoteSession:
        """The session as it is now."""
        return self._session(self._ask("GET", session.links.session))

    def send(self, session: RemoteSession, path: Path) -> RemoteFile:
        """Announce a file, send it, have it compared; a file of that name is replaced.

        Raises UploadError, OSError.
        """
        known = session.files.get(path.name)
        if known is not None:
            self._ask("DELETE", known.link)
        size, digest = _measured(path)
        body: dict[str, object] = {
            "filename": path.name, "size": size, "hashes": {"sha256": digest},
            "mechanism": _MECHANISM,
        }  # fmt: skip
        metadata = _metadata(path)
        if metadata is not None:
            body["metadata"] = metadata
        made = self._ask("POST", _there(session.links.upload), body)
        announced = self._parsed(made, _Announced)
        if announced.mechanism.identifier != _MECHANISM:
            raise UploadError(
                "the index wants the file in another way",
                found=f"`{announced.mechanism.identifier[:60]}`",
                expected=f"`{_MECHANISM}`",
            )
        self._send(announced.mechanism.file_url, path, size)
        self._attest(announced.mechanism.attestations_url, path)
        done = self._parsed(self._ask("POST", announced.links.complete, {}), _Completed)
        return RemoteFile(status=done.status, link=announced.links.status, notices=done.notices)

    def publish(self, session: RemoteSession) -> RemoteSession:
        """Have the release shown; raises UploadError with the reasons why it is not."""
        return self._session(self._ask("POST", _there(session.links.publish), {}))

    def cancel(self, session: RemoteSession) -> None:
        """Give the session up with its files."""
        self._ask("DELETE", session.links.session)

    # --- HTTP ---------------------------------------------------------------------------------------

    def _send(self, url: str, path: Path, size: int) -> None:
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
        with path.open("rb") as file:
            chunks: Iterator[bytes] = iter(lambda: file.read(_CHUNK), b"")
            self._request("POST", url, content=chunks, headers=headers)

    def _attest(self, url: str | None, path: Path) -> None:
        """Attestations lie beside their file, one in each, as signers leave them."""
        beside = sorted(path.parent.glob(f"{glob.escape(path.name)}.*.attestation"))
        if not beside:
            return
        if url is None:
            raise UploadError("the index takes no attestations", place=(beside[0].name,))
        content = b"[" + b",".join(one.read_bytes() for one in beside) + b"]"
        headers = {"Content-Type": "application/json"}
        self._request("POST", url, content=content, headers=headers)

    def _ask(self, method: str, url: str, body: Mapping[str, object] | None = None) -> bytes:
        headers = {"Accept": _TYPE}
        if body is None:
            return self._request(method, url, headers=headers)
        content = msgspec.json.encode({"meta": _META, **body})
        return self._request(
            method, url, content=content, headers={**headers, "Content-Type": _TYPE}
        )

    def _request(self, method: str, url: str, **more: Any) -> bytes:
        import httpx2

        if origin_of(url) != origin_of(self.root):
            raise UploadError(
                "the index leads to another server, which gets no token of this one",
                found=f"`{redact(url)}`",
                place=(redact(self.root),),
            )
        auth = ("__token__", self._token)
        try:
            answer = self._client.request(method, url, auth=auth, **more)
        except httpx2.HTTPError as error:
            reason = str(error) or type(error).__name__
            raise UploadError(f"no answer: {redact(reason)}", place=(redact(self.root),)) from error
        if not answer.is_success:
            raise self._refused(answer)
        return answer.content

    def _refused(self, answer: httpx2.Response) -> UploadError:
        """Problem details (RFC 9457), or whatever else came."""
        said: dict[str, Any] = {}
        try:
            found = msgspec.json.decode(answer.content[:_CHUNK])
            said = found if isinstance(found, dict) else {}
        except (msgspec.MsgspecError, ValueError, RecursionError):
            pass
        what, _, hint = str(said.get("detail") or answer.reason_phrase).partition("\nhint: ")
        notices = said.get("notices")
        return UploadError(
            what or f"status {answer.status_code}",
            status=answer.status_code,
            hint=hint or None,
            notices=[str(one) for one in notices] if isinstance(notices, list) else (),
            location=answer.headers.get("location"),
        )

    def _session(self, answer: bytes) -> RemoteSession:
        return self._parsed(answer, RemoteSession)

    def _parsed(self, answer: bytes, kind: type[_Body]) -> _Body:
        try:
            return msgspec.json.decode(answer, type=kind)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise UploadError(
                f"an answer that PEP 694 does not know: {str(error)[:200]}",
                place=(redact(self.root),),
            ) from error


def _there(link: str | None) -> str:
    if link is None:
        raise UploadError("the session has ended", hint="begin again")
    return link


def _metadata(path: Path) -> str | None:
    """What a wheel says of itself, so that the index can object before the bytes travel."""
    if path.suffix != ".whl":
        return None
    try:
        with path.open("rb") as file:
            data = Wheel(file, path.name).read("METADATA")
        return None if data is None or len(data) > _CHUNK else data.decode()
    except (TrueupError, UnicodeDecodeError):
        # The index says what is wrong with it.
        return None


def _measured(path: Path) -> tuple[int, str]:
    """(bytes, sha256)."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return size, digest.hexdigest()
