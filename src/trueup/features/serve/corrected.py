"""The corrected view: one metadata for all wheels of a release, in wheels that really have it.

A sidecar that says something else than its wheel makes pip stop, and breaks the standard. So every
wheel of a release whose files differ and can be merged gets a *derived wheel*: the same payload,
the merged METADATA, and a build tag that makes installers prefer it. It is kept as a recipe over
the original, and listed before it, because Poetry and PDM read the first wheel of a page; the
originals stay, for locks that name their hashes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace

from packaging.utils import NormalizedName
from packaging.version import Version

from trueup.features.serve.derived import recipe_bytes
from trueup.features.serve.shelves import Shelf, file_path
from trueup.judge.release import judge_release
from trueup.model.artifact import Artifact, WheelName, parse_filename
from trueup.model.document import parse_document
from trueup.model.errors import TrueupError
from trueup.model.finding import Merged, ReleaseClass, ReleaseReport
from trueup.model.metadata import Unreadable
from trueup.model.release import Reading, Release, ReleaseFile
from trueup.sources.rewrite import Wheel
from trueup.sources.source import Listing
from trueup.sources.store.blobs import Blobs, blob_file
from trueup.sources.store.store import Store

__all__ = ["Corrected", "Keeper"]

_LABEL = "cons"
"""What the build tag of a derived wheel ends with."""


class Keeper:
    """Has the originals of derived wheels kept; one of a channel is kept already."""

    def keep(self, artifact: Artifact) -> None:
        """See to it that the blob is there; raises TrueupError if it cannot be had."""


class Corrected:
    """A shelf around a shelf: the same projects, with derived wheels where files differ.

    Of a project behind us only the ``newest`` releases are looked into, because each costs reading
    the metadata of all its files.
    """

    def __init__(
        self, inner: Shelf, store: Store, blobs: Blobs, keeper: Keeper, *, newest: int = 3
    ) -> None:
        self._inner = inner
        self._store = store
        self._blobs = blobs
        self._keeper = keeper
        self._newest = newest

    def owns(self, project: NormalizedName) -> bool:
        return self._inner.owns(project)

    def stale(self, project: NormalizedName) -> bool:
        return self._inner.stale(project)

    def read(self, artifact: Artifact, *, deep: bool = False) -> Reading:
        return self._inner.read(artifact, deep=deep)

    def listing(self, project: NormalizedName) -> Listing:
        listing = self._inner.listing(project)
        versions = listing.by_version()
        wanted = sorted(versions, reverse=True)[: self._newest]
        derived: list[Artifact] = []
        hidden: set[str] = set()
        for version in wanted:
            files = versions[version]
            if _may_differ(files):
                found, without = self._correct(project, version, files)
                derived += found
                hidden |= without
        kept = [file for file in listing.files if file.filename not in hidden]
        return Listing(
            project=project,
            files=[*derived, *kept],
            origin=listing.origin,
            status=listing.status,
        )

    def _correct(
        self, project: NormalizedName, version: Version, files: Sequence[Artifact]
    ) -> tuple[list[Artifact], set[str]]:
        """The derived wheels of a release, and the names of sdists that contradict them."""
        release = Release(
            project=project,
            version=version,
            files=tuple(
                ReleaseFile(artifact=file, reading=self._inner.read(file)) for file in files
            ),
            origin="corrected",
        )
        report = judge_release(release, suggest=True)
        if report.release_class is not ReleaseClass.MERGEABLE or report.at_least:
            return [], set()
        merged = report.merged
        if merged is None or merged.residue is not None:
            return [], set()
        derived = [self._derive(file, merged) for file in release.wheels if _can_be(file)]
        return derived, _contradicting(release, report)

    def _derive(self, file: ReleaseFile, merged: Merged) -> Artifact:
        """The wheel with the merged metadata, made now or kept from before."""
        original = file.artifact
        self._keeper.keep(original)
        sha256 = original.hashes["sha256"]
        size = self._blobs.size(sha256)
        if size is None:
            raise TrueupError("the original of a derived wheel is gone", place=(original.filename,))
        source = blob_file(self._blobs, sha256, size)
        wheel = Wheel(source, original.filename)
        metadata = _with_merged(wheel.read("METADATA") or b"", merged)
        build = _build(original)
        header = parse_document(wheel.read("WHEEL") or b"").with_values("build", [build])
        rewrite = wheel.rewrite({"METADATA": metadata, "WHEEL": bytes(header)})
        digest = hashlib.sha256()
        for chunk in rewrite.recipe.render(source):
            digest.update(chunk)
        filename = _filename(original.filename, build)
        self._store.keep_derived(
            sha256=digest.hexdigest(),
            original=sha256,
            filename=filename,
            size=rewrite.recipe.size,
            recipe=recipe_bytes(rewrite.recipe),
            core_metadata=metadata,
        )
        return replace(
            original,
            filename=filename,
            name=parse_filename(filename),
            url=file_path(digest.hexdigest(), filename),
            size=rewrite.recipe.size,
            hashes={"sha256": digest.hexdigest()},
            index_requires_python=merged.requires_python,
            core_metadata={"sha256": hashlib.sha256(metadata).hexdigest()},
        )


def _may_differ(files: Iterable[Artifact]) -> bool:
    """Whether reading the files could tell anything: sidecars of one hash say the same."""
    wheels = [file for file in files if file.is_wheel]
    known = {
        file.core_metadata.get("sha256") if file.core_metadata is not None else None
        for file in wheels
    }
    return len(wheels) > 1 and (len(known) > 1 or None in known)


def _can_be(file: ReleaseFile) -> bool:
    return "sha256" in file.artifact.hashes and not isinstance(file.reading.metadata, Unreadable)


def _contradicting(release: Release, report: ReleaseReport) -> set[str]:
    """Sdists that do not say what the corrected wheels say: a reader could take one for all."""
    merged = report.merged
    assert merged is not None
    wanted = frozenset(merged.requires_dist)
    return {
        file.filename
        for file in release.sdists
        if isinstance(file.reading.resolution, Unreadable)
        or frozenset(map(str, file.reading.resolution.requires_dist)) != wanted
    }


def _with_merged(data: bytes, merged: Merged) -> bytes:
    document = parse_document(data).with_values("requires-dist", merged.requires_dist)
    python = [merged.requires_python] if merged.requires_python is not None else []
    document = document.with_values("requires-python", python)
    return bytes(document.with_values("provides-extra", merged.provides_extra))


def _build(original: Artifact) -> str:
    """A build tag above the original's own (PEP 427: a number, then text)."""
    name = original.name
    assert isinstance(name, WheelName)
    number, text = name.build or (1, "")
    return f"{number}{text}{_LABEL}"


def _filename(original: str, build: str) -> str:
    name = parse_filename(original)
    parts = original.split("-")
    rest = parts[3:] if isinstance(name, WheelName) and name.build else parts[2:]
    return "-".join([*parts[:2], build, *rest])
