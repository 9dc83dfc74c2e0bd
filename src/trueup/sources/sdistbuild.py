"""What an sdist asks for that its metadata does not tell: from a recorded proof, or by building it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from trueup.model.artifact import Artifact
from trueup.model.errors import TrueupError
from trueup.model.metadata import Metadata, Resolution, Unreadable
from trueup.model.proof import Condition
from trueup.model.requirement import parse_requirement
from trueup.sources.environment import Environments
from trueup.sources.index import IndexSource
from trueup.sources.proofrecord import RecordedProof, read_proof

__all__ = ["Proofs", "SandboxedBuild"]


class Proofs:
    """The recorded proofs (`trueup prove --record`) of some sdists, found by their sha256.

    Raises SourceError for a file that is no proof.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        self._found: dict[str, RecordedProof] = {}
        for path in paths:
            proof = read_proof(path)
            if proof.sha256 is not None and proof.holds:
                self._found[proof.sha256] = proof

    def says(self, sdist: Artifact, metadata: Metadata) -> Resolution | None:
        """All that any real build of the sdist asked for; None if no proof vouches for it."""
        proof = self._found.get(sdist.hashes.get("sha256", ""))
        said = metadata.resolution
        if proof is None or isinstance(said, Unreadable):
            return None
        lines = {line for found in proof.requires_dist for line in found}
        return replace(said, requires_dist=frozenset(map(parse_requirement, lines)))


class SandboxedBuild:
    """Builds the metadata of sdists in the sandbox, with the user's configured indexes."""

    def __init__(
        self, source: IndexSource, *, environ: Mapping[str, str], index: Iterable[str] = ()
    ) -> None:
        self._source = source
        self._environ = environ
        self._index = tuple(index)

    def __call__(self, sdist: Artifact) -> Resolution | Unreadable:
        """What the wheel that the sdist builds here asks for, or why it cannot be built."""
        with tempfile.TemporaryDirectory(prefix="trueup-") as folder:
            path = Path(sdist.url)
            if not path.is_file():
                try:
                    path = self._source.download(sdist, Path(folder))
                except TrueupError as error:
                    return _unbuilt(error)
            built = self.archive(path)
        return built if isinstance(built, Unreadable) else built.resolution

    def archive(self, path: Path) -> Metadata | Unreadable:
        """The metadata of the wheel that a packed tree builds here, or why it cannot be built."""
        # The libraries come with an extra; who allows no build does not need them.
        from trueup.sources.build import Builder, Situation
        from trueup.sources.sandbox import open_sandbox

        try:
            with Environments(
                source=self._source, environ=self._environ, index=self._index
            ) as environments:
                builder = Builder(path, sandbox=open_sandbox(), environments=environments)
                run = builder.metadata(Condition(name="baseline"), Situation())
        except TrueupError as error:
            return _unbuilt(error)
        if isinstance(run.metadata, Unreadable):
            return Unreadable(reason=f"cannot be built: {run.metadata.reason}")
        return run.metadata


def _unbuilt(error: TrueupError) -> Unreadable:
    hint = f"; {error.hint}" if error.hint else ""
    return Unreadable(reason=f"cannot be built: {error}{hint}")
