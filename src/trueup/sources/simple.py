"""Pages of the Simple API, as JSON or as HTML, read into listings.

Pure: bytes and an address in, a :class:`~trueup.sources.listed.ListedFiles` out. Unknown keys and
attributes are ignored, as PEP 629 and PEP 700 ask; a page that is something else is an error.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import unquote, urljoin, urlsplit

import msgspec
from packaging.utils import NormalizedName

from trueup.model.errors import LimitError, PageError
from trueup.sources.anchors import A_PROJECT_PAGE, read_anchors
from trueup.sources.listed import ListedFile, ListedFiles, version_text
from trueup.sources.shown import shown
from trueup.sources.url import redact, without_credentials

__all__ = ["ACCEPT", "MAX_PAGE_BYTES", "parse_page"]

ACCEPT = (
    "application/vnd.pypi.simple.v1+json, "
    "application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
)
"""What to ask an index for (PEP 691, "Version + Format Selection"): JSON first."""

MAX_PAGE_BYTES = 64 * 1024 * 1024
"""The largest real pages have about 10 MB (43,000 files)."""

_JSON_TYPE = re.compile(r"application/(?:vnd\.pypi\.simple\.v(?:\d+|latest)\+)?json", re.IGNORECASE)
_HTML_TYPE = re.compile(
    r"text/html|application/xhtml\+xml|application/vnd\.pypi\.simple\.v(?:\d+|latest)\+html",
    re.IGNORECASE,
)
# An address in full, without anything that needs care: what large pages consist of.
_PLAIN = re.compile(r"(https?://[a-z0-9.-]+/(?:[\w.~+-]+/)*([\w.~+-]+))(?:#([\w=&]*))?", re.ASCII)
_FRAGMENT = re.compile(r"(?:.*&)?(sha\d+(?:_\d+)?|md5|blake2b)=([0-9a-fA-F]+)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f/\\]")


class _Meta(msgspec.Struct, rename="kebab"):
    api_version: str = "1.0"


class _Status(msgspec.Struct):
    status: str | None = None


class _File(msgspec.Struct, rename="kebab"):
    filename: str
    url: str
    hashes: dict[str, str] = {}
    requires_python: str | None = None
    yanked: bool | str | None = False
    core_metadata: bool | dict[str, str] | msgspec.UnsetType | None = msgspec.UNSET
    dist_info_metadata: bool | dict[str, str] | msgspec.UnsetType | None = msgspec.UNSET
    size: Annotated[int, msgspec.Meta(ge=0, le=2**53)] | None = None
    upload_time: str | None = None
    provenance: object = None


class _Page(msgspec.Struct, rename="kebab"):
    files: list[_File]
    meta: _Meta = msgspec.field(default_factory=_Meta)
    project_status: _Status | str | None = None


_DECODER = msgspec.json.Decoder(_Page)


def parse_page(body: bytes, *, content_type: str, url: str, project: NormalizedName) -> ListedFiles:
    """Read one project page.

    ``content_type`` is the header as received (empty: told from the body), ``url`` the address
    that the page finally came from: relative links are resolved against it. Credentials in
    addresses are dropped.

    Raises PageError, with the address as its place, if the body is no project page (PEP 503, 691),
    has a major version other than 1 (PEP 629), or links to a place that an index may not link to;
    LimitError if it has more than :data:`MAX_PAGE_BYTES`.
    """
    url = without_credentials(url)
    try:
        if len(body) > MAX_PAGE_BYTES:
            raise page_too_large()
        if _is_json(body, content_type):
            return _parse_json(body, url, project)
        return _parse_html(body, content_type, url, project)
    except (PageError, LimitError) as error:
        raise error.within(redact(url)) from error.__cause__


def page_too_large() -> LimitError:
    """The error for a page beyond the limit, without its place."""
    return LimitError(
        "the page is too large",
        found=f"more than {MAX_PAGE_BYTES // 1024**2} MiB",
        expected=f"at most {MAX_PAGE_BYTES // 1024**2} MiB",
        hint="is this the address of an index?",
    )


def _is_json(body: bytes, content_type: str) -> bool:
    kind = content_type.split(";", 1)[0].strip()
    if _JSON_TYPE.fullmatch(kind):
        return True
    if _HTML_TYPE.fullmatch(kind):
        return False
    if kind and not kind.lower().startswith(("text/plain", "application/octet-stream")):
        raise PageError(
            "the page has an unexpected content type",
            found=f"`{shown(kind)}`",
            expected=A_PROJECT_PAGE,
        )
    return body[:64].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")


def _parse_json(body: bytes, url: str, project: NormalizedName) -> ListedFiles:
    try:
        page = _DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise PageError(
            "the page is not the JSON that PEP 691 describes",
            found=str(error),
            expected=A_PROJECT_PAGE,
        ) from error
    _check_version(page.meta.api_version)
    status = page.project_status
    files = [_json_file(file, url, project) for file in page.files]
    return ListedFiles(
        files=files,
        origin=url,
        advertises=any(file.core_metadata is not None for file in files),
        status=status.status if isinstance(status, _Status) else status,
    )


def _json_file(file: _File, url: str, project: NormalizedName) -> ListedFile:
    if not file.filename or _CONTROL.search(file.filename):
        raise PageError(
            "the page lists a file with a malformed name",
            found=f"`{shown(file.filename)}`",
            expected="a file name without path separators or control characters",
        )
    sidecar = file.core_metadata
    if sidecar is msgspec.UNSET:  # PEP 714: the old key counts only where the new one is missing.
        sidecar = file.dist_info_metadata
    core_metadata: dict[str, str] | None = None
    if sidecar is True:
        core_metadata = {}
    elif isinstance(sidecar, dict):
        core_metadata = _hashes(sidecar)
    yanked = file.yanked
    return ListedFile(
        filename=file.filename,
        version=version_text(file.filename, project),
        url=_link(url, _join(url, file.url), file.filename),
        size=file.size,
        hashes=_hashes(file.hashes),
        upload_time=_time(file.upload_time),
        requires_python=_text(file.requires_python),
        # PEP 691: only a truthy value means yanked, so an empty string does not.
        yanked=yanked if isinstance(yanked, str) and yanked else "" if yanked is True else None,
        core_metadata=core_metadata,
        provenance=_provenance(file.provenance),
    )


def _parse_html(body: bytes, content_type: str, url: str, project: NormalizedName) -> ListedFiles:
    try:
        found = read_anchors(_decoded(body, content_type))
    except (AssertionError, ValueError) as error:
        # html.parser of older Pythons asserts what a malformed declaration breaks.
        raise _no_page(body) from error
    if found.empty:
        raise _no_page(body)
    _check_version(found.meta.get("pypi:repository-version", "1.0"))
    base = _join(url, found.base) if found.base else url
    files = []
    for anchor in found.anchors:
        file = _html_file(anchor, base, project)
        if file is not None:
            files.append(file)
    if files and all(file.version is None and not _known(file) for file in files):
        # A login page or an error page, sent with status 200: an empty release would be a lie.
        raise PageError(
            "the page lists no file of any release",
            found=f"links such as `{shown(files[0].filename)}`",
            expected=A_PROJECT_PAGE,
            hint="is this the address of an index, and does it want a login?",
        )
    return ListedFiles(
        files=files,
        origin=url,
        advertises=any(file.core_metadata is not None for file in files),
        status=found.meta.get("pypi:project-status"),
    )


def _html_file(
    anchor: Mapping[str, str | None], base: str, project: NormalizedName
) -> ListedFile | None:
    href = (anchor.get("href") or "").strip()
    if not href or href.startswith(("#", "?")):
        return None
    plain = _PLAIN.fullmatch(href)
    if plain is not None:
        return _anchored(anchor, plain[1], plain[2], plain[3] or "", project)
    joined = _join(base, href)
    parts = urlsplit(joined)
    filename = unquote(parts.path.rpartition("/")[2])
    if parts.scheme.lower() not in ("http", "https", "file"):
        if version_text(filename, project) is None:
            return None  # `mailto:` and `javascript:` in the frame around the list
        raise _bad_link(filename, joined)
    if not filename:
        return None  # a link to a folder, such as `../`
    if _CONTROL.search(filename):
        raise PageError(
            "the page links to a file with a malformed name",
            found=f"`{shown(filename)}`",
            expected="a file name without path separators or control characters",
        )
    return _anchored(anchor, _link(base, joined, filename), filename, parts.fragment, project)


def _anchored(
    anchor: Mapping[str, str | None],
    url: str,
    filename: str,
    fragment: str,
    project: NormalizedName,
) -> ListedFile:
    # PEP 658 and PEP 714: the value is `true` or `name=hash`; the old attribute is a fallback.
    sidecar = anchor.get("data-core-metadata", anchor.get("data-dist-info-metadata"))
    return ListedFile(
        filename=filename,
        version=version_text(filename, project),
        url=url,
        size=None,
        hashes=_fragment_hashes(fragment),
        upload_time=None,
        requires_python=_text(anchor.get("data-requires-python")),
        yanked=(anchor["data-yanked"] or "") if "data-yanked" in anchor else None,
        core_metadata=_sidecar_hashes(sidecar),
        provenance=_provenance(anchor.get("data-provenance")),
    )


def _sidecar_hashes(value: str | None) -> dict[str, str] | None:
    if value is None or value.strip().lower() in ("", "false"):
        return None
    name, equals, digest = value.strip().partition("=")
    return _hashes({name: digest} if equals else {})


def _fragment_hashes(fragment: str) -> dict[str, str]:
    match = _FRAGMENT.match(fragment)
    return _hashes({match[1]: match[2]} if match else {})


def _hashes(values: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): digest.lower() for name, digest in values.items() if digest}


def _link(base: str, joined: str, filename: str) -> str:
    """A resolved link without fragment and credentials; refused where it may not lead."""
    parts = urlsplit(joined)
    allowed = ("http", "https", "file") if base.startswith("file:") else ("http", "https")
    if parts.scheme not in allowed or (parts.scheme != "file" and not parts.netloc):
        raise _bad_link(filename, joined)
    return without_credentials(joined.partition("#")[0])


def _bad_link(filename: str, joined: str) -> PageError:
    return PageError(
        f"the page links `{shown(filename)}` to a place that an index may not link to",
        found=f"`{shown(redact(joined))}`",
        expected="an http or https address",
    )


def _join(base: str, href: str) -> str:
    try:
        joined = urljoin(base, href)
        urlsplit(joined).port  # noqa: B018  (the property raises for a malformed port)
    except ValueError as error:
        raise PageError(
            "the page has a malformed link", found=f"`{shown(href)}`", expected="an address"
        ) from error
    return joined


def _check_version(text: str) -> None:
    # PEP 629: a client must refuse a major version that it does not know.
    if text.strip().partition(".")[0] != "1":
        raise PageError(
            "the page has an unknown version of the Simple API",
            found=f"`{shown(text)}`",
            expected="`1.x`",
            hint="a newer trueup may know it",
        )


def _no_page(body: bytes) -> PageError:
    start = body[:60].decode("ascii", "backslashreplace")
    return PageError(
        "the page is neither JSON nor HTML",
        found=f"`{shown(start)}`" if body.strip() else "an empty page",
        expected=A_PROJECT_PAGE,
        hint="is this the address of an index?",
    )


def _decoded(body: bytes, content_type: str) -> str:
    match = re.search(r"charset=\"?([\w-]+)", content_type, re.IGNORECASE)
    try:
        return body.decode(match[1] if match else "utf-8", "replace")
    except (LookupError, UnicodeError):
        return body.decode("utf-8", "replace")


def _time(text: str | None) -> datetime | None:
    """PEP 700: `yyyy-mm-ddThh:mm:ss.ffffffZ`; a time that cannot be read is not a time."""
    try:
        time = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _provenance(value: object) -> str | None:
    """PEP 740: a fully qualified address; drafts of it had a digest there, which leads nowhere."""
    if not isinstance(value, str) or not value.startswith(("https://", "http://")):
        return None
    try:
        return without_credentials(value) if urlsplit(value).hostname else None
    except ValueError:
        return None


def _text(value: str | None) -> str | None:
    return (value or "").strip() or None


def _known(file: ListedFile) -> bool:
    return file.filename.endswith((".whl", ".tar.gz", ".zip", ".egg", ".exe", ".msi", ".tar.bz2"))
