"""Proofs of sdists (`trueup prove`): taken, if they are about an sdist that is there, and demanded."""

from __future__ import annotations

from packaging.utils import canonicalize_name

from trueup.features.serve.policies import Declarations, ProjectPolicy, Proofs
from trueup.features.serve.refusal import RefusedError
from trueup.features.serve.view import View
from trueup.model.errors import SourceError
from trueup.model.version import parse_version
from trueup.sources.proofrecord import RecordedProof, parse_proof
from trueup.sources.store.store import HostedFile, HostedRelease, Store

__all__ = ["check_proofs", "proofs_of", "take_proof"]

_PLACE = "the record"


def take_proof(store: Store, release: HostedRelease, data: bytes, *, who: str) -> HostedFile:
    """Keep a record about an sdist of a release; returns that sdist.

    Raises RefusedError for a document that is no proof, does not hold, or is about other bytes.
    """
    try:
        record = parse_proof(data, place=_PLACE)
    except SourceError as error:
        raise RefusedError(str(error), hint=error.hint) from error
    found = _sdist_of(record, release)
    if not record.holds:
        raise RefusedError(
            f"the proof of `{found.filename}` does not hold",
            hint="`trueup prove` says which field varies, and with what",
        )
    store.keep_proof(
        release.channel,
        found.sha256,
        data,
        project=release.project,
        version=release.version,
        filename=found.filename,
        who=who,
    )
    return found


def _sdist_of(record: RecordedProof, release: HostedRelease) -> HostedFile:
    """The sdist that a record is about."""
    sdists = _sdists(release)
    if (canonicalize_name(record.project), parse_version(record.version)) != (
        release.project,
        release.version,
    ):
        raise RefusedError(
            "the proof is about another release",
            found=f"`{record.project} {record.version}`",
            expected=f"`{release.project} {release.version}`",
        )
    if not sdists:
        raise RefusedError(
            f"{release.project} {release.version} has no sdist yet", hint="upload it first"
        )
    for file in sdists:
        if file.sha256 == record.sha256:
            return file
    raise RefusedError(
        "the proof is about another sdist",
        found="a folder" if record.sha256 is None else f"sha256 {record.sha256}",
        expected=" or ".join(f"sha256 {file.sha256} (`{file.filename}`)" for file in sdists),
        hint="prove the very file that is uploaded",
    )


def _sdists(release: HostedRelease) -> list[HostedFile]:
    # Only wheels have metadata of their own in the store.
    return [file for file in release.files if file.core_metadata is None]


def proofs_of(store: Store, release: HostedRelease) -> dict[str, bytes]:
    """The records that are there, by the file name of the sdist."""
    found = {file.filename: store.proof(release.channel, file.sha256) for file in _sdists(release)}
    return {name: record for name, record in found.items() if record is not None}


def check_proofs(store: Store, release: HostedRelease, policy: ProjectPolicy) -> None:
    """Raise RefusedError if a policy demands a proof that is not there."""
    if policy.proof is Proofs.OPTIONAL:
        return
    title = f"{release.project} {release.version}"
    sdists = _sdists(release)
    if not sdists:
        raise RefusedError(f"{title} has no sdist, and is to have one with a proof")
    there = proofs_of(store, release)
    for file in sdists:
        if file.filename not in there:
            raise RefusedError(
                f"`{file.filename}` has no proof; "
                f"`trueup prove {file.filename} --record proof.json` makes one",
                hint=f"send it to `POST {View(channel=release.channel).path}/api/{release.project}/"
                f"{release.version}/proof`",
            )
        declared = parse_proof(there[file.filename], place=_PLACE).declared
        if declared and policy.declarations is Declarations.IGNORED:
            raise RefusedError(
                f"the proof of `{file.filename}` holds only as declared, and declarations do not "
                "count here",
                found=f"{', '.join(f'`{field}`' for field in declared)} varies",
            )
