"""Project pages as a crawl needs them: of a large page a tenth is looked at.

Pages in JSON are decoded into what is needed and nothing more; links are looked at when they are
followed. Anything else, and whatever is wrong, is left to the parser that `check` uses.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urljoin, urlsplit

import msgspec
from packaging.utils import NormalizedName

from trueup.model.artifact import Artifact, OtherName, parse_filename
from trueup.model.errors import PageError
from trueup.sources.listed import ListedFile, version_text
from trueup.sources.release import version_of
from trueup.sources.simple import MAX_PAGE_BYTES, parse_page
from trueup.sources.url import without_credentials

__all__ = ["PageFile", "address_of", "artifact_of", "read_page"]


class PageFile(msgspec.Struct, gc=False):
    """A file as its page lists it.

    ``kind`` is wheel, sdist or other; ``version`` in canonical form, empty where the name tells
    none; ``url`` as written; ``uploaded`` as written (PEP 700); ``sidecar`` is the sha256 of its
    metadata file, "" for one that is advertised without, None for none (PEP 658, PEP 714).
    """

    filename: str
    kind: str
    version: str
    url: str
    size: int | None
    sha256: str | None
    uploaded: str | None
    requires_python: str | None
    yanked: str | None
    sidecar: str | None


class _Hashes(msgspec.Struct, gc=False):
    sha256: str | None = None


class _Meta(msgspec.Struct, rename="kebab", gc=False):
    api_version: str = "1.0"


class _File(msgspec.Struct, rename="kebab", gc=False):
    filename: str
    url: str
    hashes: _Hashes = msgspec.field(default_factory=_Hashes)
    requires_python: str | None = None
    yanked: bool | str | None = False
    core_metadata: bool | _Hashes | msgspec.UnsetType | None = msgspec.UNSET
    dist_info_metadata: bool | _Hashes | msgspec.UnsetType | None = msgspec.UNSET
    size: int | None = None
    upload_time: str | None = None


class _Page(msgspec.Struct, rename="kebab", gc=False):
    files: list[_File]
    meta: _Meta = msgspec.field(default_factory=_Meta)


_DECODER = msgspec.json.Decoder(_Page)
_JSON = re.compile(r"application/(?:vnd\.pypi\.simple\.v(?:1|latest)\+)?json\b", re.IGNORECASE)
_STRANGE = re.compile(r"[\x00-\x1f\x7f-\x9f/\\]")
# An address in full, without anything that needs care.
_ADDRESS = re.compile(r"https?://[a-z0-9.-]+(?::\d{1,5})?/[\w./~+-]*", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}")


def read_page(
    body: bytes, *, content_type: str, url: str, project: NormalizedName
) -> list[PageFile]:
    """The files of a page, each name once: the first counts.

    Raises PageError for what is no page, LimitError for one beyond the limit; see
    :func:`~trueup.sources.simple.parse_page`.
    """
    if len(body) <= MAX_PAGE_BYTES and _JSON.match(content_type):
        try:
            page = _DECODER.decode(body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            page = None
        if page is not None and page.meta.api_version.partition(".")[0] == "1":
            names = {file.filename for file in page.files}
            if "" not in names and not _STRANGE.search("".join(names)):
                files = [_of_json(file, project) for file in page.files]
                return files if len(names) == len(files) else _once(files)
    # Another form, or something is wrong with it, and this says what.
    found = parse_page(body, content_type=content_type, url=url, project=project)
    return _once(_of_listed(file, project) for file in found.files)


def _of_json(file: _File, project: NormalizedName) -> PageFile:
    filename, yanked = file.filename, file.yanked
    version = version_text(filename, project)
    sidecar = file.core_metadata
    if sidecar is msgspec.UNSET:  # PEP 714: the old key counts only where the new one is missing.
        sidecar = file.dist_info_metadata
    return PageFile(
        filename,
        "other" if version is None else "wheel" if filename.endswith(".whl") else "sdist",
        _other_version(filename, project) if version is None else version,
        file.url,
        file.size,
        file.hashes.sha256,
        file.upload_time,
        file.requires_python,
        # PEP 691: only a truthy value means yanked, so an empty string does not.
        None if not yanked else "" if yanked is True else yanked,
        _digest(sidecar.sha256)
        if isinstance(sidecar, _Hashes)
        else ""
        if sidecar is True
        else None,
    )


def _digest(text: str | None) -> str:
    if text is None:
        return ""
    return text if _SHA256.fullmatch(text) else text.lower()


def _of_listed(file: ListedFile, project: NormalizedName) -> PageFile:
    version, uploaded = file.version, file.upload_time
    wheel = file.filename.endswith(".whl")
    return PageFile(
        file.filename,
        "other" if version is None else "wheel" if wheel else "sdist",
        _other_version(file.filename, project) if version is None else version,
        file.url,
        file.size,
        file.hashes.get("sha256"),
        uploaded.isoformat() if uploaded is not None else None,
        file.requires_python,
        file.yanked,
        None if file.core_metadata is None else file.core_metadata.get("sha256", ""),
    )


def _other_version(filename: str, project: NormalizedName) -> str:
    """The release that an egg or an installer is listed with."""
    name = parse_filename(filename, project)
    found = version_of(Artifact(filename=filename, url=filename, name=name), project)
    return "" if found is None else str(found)


def _once(files: Iterable[PageFile]) -> list[PageFile]:
    known: dict[str, PageFile] = {}
    for file in files:
        known.setdefault(file.filename, file)
    return list(known.values())


def address_of(file: PageFile, page: str) -> str:
    """The address of a file, its link resolved against that of its page.

    Raises PageError for a link to where an index may not lead.
    """
    if _ADDRESS.fullmatch(file.url):
        return file.url
    try:
        url = without_credentials(urljoin(page, file.url).partition("#")[0])
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
        parts.port  # noqa: B018  (the property raises for a malformed port)
    except ValueError:
        usable = False
    if not usable:
        raise PageError(
            "its page links it to a place that an index may not link to",
            expected="an http or https address",
        )
    return url


def artifact_of(file: PageFile, url: str, project: NormalizedName) -> Artifact:
    """A wheel or an sdist of a page, at its address."""
    name = parse_filename(file.filename, project)
    assert not isinstance(name, OtherName), file.filename
    return Artifact(
        filename=file.filename,
        url=url,
        name=name,
        size=file.size,
        hashes={"sha256": file.sha256.lower()} if file.sha256 else {},
    )
