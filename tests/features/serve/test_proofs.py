"""Records of proofs are taken for the very sdist that they are about, and demanded by policy."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from packaging.utils import NormalizedName
from packaging.version import Version

from tests.build import make_sdist, make_wheel
from tests.desks import add, digest, open_desk
from trueup.features.serve.desk import MAIN, Desk
from trueup.features.serve.policies import (
    Declarations,
    Policy,
    PolicyBook,
    PolicyTable,
    ProjectPolicy,
    Proofs,
)
from trueup.features.serve.proofs import proofs_of, take_proof
from trueup.features.serve.refusal import RefusedError
from trueup.model.finding import Case
from trueup.model.metadata import Unreadable
from trueup.model.proof import Beginning, FieldProof, Proof, Standing
from trueup.sources.proofrecord import proof_document
from trueup.sources.store.store import HostedRelease, State

DEMO, ONE = NormalizedName("demo"), Version("1.0")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with open_desk(tmp_path / "index") as found:
        found.policies = PolicyBook(
            default=ProjectPolicy(proof=Proofs.REQUIRED),
            tables=(
                PolicyTable(projects=("free",), policy=ProjectPolicy()),
                PolicyTable(
                    channels=("strict",),
                    policy=ProjectPolicy(proof=Proofs.REQUIRED, declarations=Declarations.IGNORED),
                ),
            ),
        )
        yield found


def record(sha256: str | None, standing: Standing = Standing.REPRODUCIBLE, **more: Any) -> bytes:
    """A proof without runs."""
    given = {"project": "Demo", "version": "1.0", "filename": "demo-1.0.tar.gz", **more}
    proof = Proof(
        beginning=Beginning(sha256=sha256, pkg_info=Unreadable(reason="left out"), **given),
        mechanism="none",
        runs=(),
        fields=(FieldProof(field="requires-dist", case=Case.DYNAMIC, standing=standing),),
    )
    return json.dumps(proof_document(proof, tool_version="1")).encode()


def staged(desk: Desk, channel: str = MAIN) -> HostedRelease:
    found = desk.store.release(channel, DEMO, ONE)
    assert found is not None
    return found


def publish(desk: Desk, channel: str = MAIN) -> None:
    desk.publish(channel, "demo", "1.0", who="tests")


def test_what_is_published_needs_the_proof_of_its_sdist(desk: Desk, tmp_path: Path) -> None:
    add(desk, make_wheel(tmp_path, "demo", "1.0"))
    with pytest.raises(RefusedError, match=r"demo 1\.0 has no sdist, and is to have one with"):
        publish(desk)
    sdist = make_sdist(tmp_path, "demo", "1.0")
    add(desk, sdist)
    with pytest.raises(RefusedError) as caught:
        publish(desk)
    assert "`trueup prove demo-1.0.tar.gz --record proof.json` makes one" in str(caught.value)
    assert caught.value.hint == "send it to `POST /api/demo/1.0/proof`"
    data = record(digest(sdist))
    assert take_proof(desk.store, staged(desk), data, who="me").filename == sdist.name
    publish(desk)
    assert staged(desk).state is State.PUBLISHED
    assert proofs_of(desk.store, staged(desk)) == {sdist.name: data}
    actions = [(entry["action"], entry["who"]) for entry in desk.store.audit()]
    assert ("proof", "me") in actions


def test_other_projects_need_none(desk: Desk, tmp_path: Path) -> None:
    add(desk, make_wheel(tmp_path, "free", "1.0"))
    desk.publish(MAIN, "free", "1.0", who="tests")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"sha256": "0" * 64}, "the proof is about another sdist: found sha256 0000"),
        ({"sha256": None}, "the proof is about another sdist: found a folder"),
        ({"project": "other"}, "another release: found `other 1.0`, expected `demo 1.0`"),
        ({"version": "1.1"}, "another release: found `Demo 1.1`"),
        ({"version": "one"}, "another release: found `Demo one`"),
        ({"standing": Standing.VARIES}, "the proof of `demo-1.0.tar.gz` does not hold"),
        ({"standing": Standing.BROKEN}, "the proof of `demo-1.0.tar.gz` does not hold"),
    ],
)
def test_a_proof_of_something_else(
    change: dict[str, Any], words: str, desk: Desk, tmp_path: Path
) -> None:
    sdist = make_sdist(tmp_path, "demo", "1.0")
    add(desk, sdist)
    with pytest.raises(RefusedError, match=re.escape(words)):
        take_proof(desk.store, staged(desk), record(**{"sha256": digest(sdist), **change}), who="")
    assert proofs_of(desk.store, staged(desk)) == {}


@pytest.mark.parametrize(
    "data",
    [
        b"", b"{}", b"[]", b"\xff", b"[" * 100_000, b'{"schema": "trueup.proof/2"}', b"1" * 10_000,
        b'{"schema": "trueup.proof/1"}',
        b'{"schema": "trueup.proof/1", "project": "demo", "version": "1", "sdist": [], "holds": 1}',
    ],
)  # fmt: skip
def test_what_is_no_record(data: bytes, desk: Desk, tmp_path: Path) -> None:
    add(desk, make_sdist(tmp_path, "demo", "1.0"))
    with pytest.raises(RefusedError, match="`the record`: is no proof"):
        take_proof(desk.store, staged(desk), data, who="")


def test_a_proof_belongs_to_its_channel(desk: Desk, tmp_path: Path) -> None:
    sdist = make_sdist(tmp_path, "demo", "1.0")
    add(desk, sdist)
    add(desk, sdist, "own")
    take_proof(desk.store, staged(desk, "own"), record(digest(sdist)), who="")
    publish(desk, "own")
    with pytest.raises(RefusedError, match="has no proof"):
        publish(desk)


def test_a_proof_that_holds_as_declared_where_declarations_do_not_count(
    desk: Desk, tmp_path: Path
) -> None:
    sdist = make_sdist(tmp_path, "demo", "1.0")
    data = record(digest(sdist), Standing.DECLARED)
    for channel in (MAIN, "strict"):
        add(desk, sdist, channel)
        take_proof(desk.store, staged(desk, channel), data, who="")
    publish(desk)
    with pytest.raises(RefusedError, match="holds only as declared, and declarations do not"):
        publish(desk, "strict")


def test_a_release_that_was_set_aside_for_want_of_a_proof_comes_back(
    desk: Desk, tmp_path: Path
) -> None:
    policy = ProjectPolicy(proof=Proofs.REQUIRED, quiet=0.0, contradictions=Policy.QUARANTINE)
    desk.policies = PolicyBook(default=policy)
    sdist = make_sdist(tmp_path, "demo", "1.0")
    add(desk, sdist)
    assert desk.publish_quiet() == []
    assert staged(desk).state is State.QUARANTINED
    take_proof(desk.store, staged(desk), record(digest(sdist)), who="me")
    desk.receiver(MAIN).reconsider(staged(desk), who="me")
    assert desk.publish_quiet() == ["demo 1.0"]


def test_a_release_that_contradicts_itself_does_not(desk: Desk, tmp_path: Path) -> None:
    desk.policies = PolicyBook(default=ProjectPolicy(contradictions=Policy.QUARANTINE))
    for tags, requires in (("py3-none-win_amd64", "one"), ("py3-none-any", "two")):
        add(desk, make_wheel(tmp_path, "demo", "1.0", tags=tags, requires=[requires]))
    assert staged(desk).state is State.QUARANTINED
    desk.receiver(MAIN).reconsider(staged(desk), who="me")
    assert staged(desk).state is State.QUARANTINED
