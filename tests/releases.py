"""Releases made from a few words, for tests of the model and the judgement."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from packaging.utils import canonicalize_name
from packaging.version import Version

from trueup.model.artifact import Artifact, parse_filename
from trueup.model.declaration import Declaration
from trueup.model.metadata import Unreadable, parse_metadata
from trueup.model.release import How, Reading, Release, ReleaseFile

__all__ = ["metadata_text", "release", "sdist", "wheel"]


def metadata_text(
    *,
    name: str = "demo",
    version: str = "1.0",
    requires: Sequence[str] = (),
    python: str | None = None,
    extras: Sequence[str] = (),
    metadata_version: str = "2.4",
    headers: Sequence[tuple[str, str]] = (),
    body: str = "",
) -> str:
    """The text of a METADATA or PKG-INFO file."""
    lines = [("Metadata-Version", metadata_version), ("Name", name), ("Version", version)]
    if python is not None:
        lines.append(("Requires-Python", python))
    lines += [("Requires-Dist", line) for line in requires]
    lines += [("Provides-Extra", extra) for extra in extras]
    text = "".join(f"{key}: {value}\n" for key, value in [*lines, *headers])
    return f"{text}\n{body}" if body else text


def _file(
    filename: str,
    text: str | Unreadable,
    *,
    page_python: str | None = None,
    yanked: str | None = None,
    uploaded: datetime | None = None,
    declaration: Declaration | Unreadable | None = None,
) -> ReleaseFile:
    return ReleaseFile(
        artifact=Artifact(
            filename=filename,
            url=f"https://index.test/{filename}",
            name=parse_filename(filename, "demo"),
            index_requires_python=page_python,
            yanked=yanked,
            upload_time=uploaded,
        ),
        reading=Reading(
            metadata=text if isinstance(text, Unreadable) else parse_metadata(text.encode()),
            how=How.FILE,
            declaration=declaration,
        ),
    )


def wheel(
    tags: str,
    requires: Sequence[str] = (),
    *,
    build: str = "",
    label: str = "",
    version: str = "1.0",
    page_python: str | None = None,
    yanked: str | None = None,
    uploaded: datetime | None = None,
    python: str | None = None,
    extras: Sequence[str] = (),
    metadata_version: str = "2.4",
    headers: Sequence[tuple[str, str]] = (),
    unreadable: str | None = None,
) -> ReleaseFile:
    """A wheel of `demo` 1.0, such as ``wheel("cp312-cp312-win_amd64", ["numpy"])``."""
    parts = ["demo", version, *([build] if build else []), tags, *([label] if label else [])]
    text = metadata_text(
        requires=requires,
        python=python,
        extras=extras,
        metadata_version=metadata_version,
        headers=headers,
    )
    return _file(
        "-".join(parts) + ".whl",
        Unreadable(reason=unreadable) if unreadable else text,
        page_python=page_python,
        yanked=yanked,
        uploaded=uploaded,
    )


def sdist(
    requires: Sequence[str] = (),
    *,
    dynamic: Sequence[str] = (),
    python: str | None = None,
    extras: Sequence[str] = (),
    metadata_version: str = "2.4",
    headers: Sequence[tuple[str, str]] = (),
    uploaded: datetime | None = None,
    declaration: Declaration | Unreadable | None = None,
) -> ReleaseFile:
    """The sdist of `demo` 1.0."""
    text = metadata_text(
        requires=requires,
        python=python,
        extras=extras,
        metadata_version=metadata_version,
        headers=[*(("Dynamic", field) for field in dynamic), *headers],
    )
    return _file("demo-1.0.tar.gz", text, uploaded=uploaded, declaration=declaration)


def release(*files: ReleaseFile, siblings: Iterable[str] = ()) -> Release:
    """A release of `demo` 1.0 with these files."""
    return Release(
        project=canonicalize_name("demo"),
        version=Version("1.0"),
        files=files,
        origin="https://index.test/simple/demo/",
        siblings=tuple(Version(text) for text in siblings),
    )
