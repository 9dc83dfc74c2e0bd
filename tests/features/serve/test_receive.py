"""Uploads under the policies of their projects, with a real store and real archives."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.utils import NormalizedName
from packaging.version import Version

from tests.build import make_sdist, make_wheel
from trueup.features.serve.policies import (
    Declarations,
    Policy,
    PolicyBook,
    PolicyTable,
    ProjectPolicy,
)
from trueup.features.serve.receive import Received, Receiver, RefusedError
from trueup.judge.rule import RuleSettings
from trueup.model.finding import Severity
from trueup.sources.store.blobs import open_blobs
from trueup.sources.store.schema import open_engine, upgrade
from trueup.sources.store.store import State, Store

DEMO, ONE = NormalizedName("demo"), Version("1.0")
DAY = 86_400.0
LINUX, WINDOWS = "py3-none-manylinux_2_17_x86_64", "py3-none-win_amd64"
MACOS = "py3-none-macosx_11_0_arm64"
DECLARED = '[tool.trueup.wheels]\nrequires = ["two"]\n'
STRICT = RuleSettings(severity={"undeclared-difference": Severity.ERROR})


class Counter:
    """One channel of an index whose clock stands still."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = 1_000_000_000.0
        engine = open_engine(f"sqlite:///{folder / 'index.db'}")
        upgrade(engine)
        self.store = Store(engine, clock=lambda: self.now)
        self.blobs = open_blobs(str(folder / "blobs"), folder)

    def receiver(self, book: PolicyBook) -> Receiver:
        return Receiver(self.store, self.blobs, "main", book, clock=lambda: self.now)

    def add(self, path: Path, policy: ProjectPolicy | PolicyBook) -> Received:
        book = policy if isinstance(policy, PolicyBook) else PolicyBook(default=policy)
        copy = self.blobs.scratch / path.name
        shutil.copyfile(path, copy)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        return self.receiver(book).receive(
            copy, path.name, sha256=digest, size=path.stat().st_size, who="tests"
        )

    def publish(self, policy: ProjectPolicy) -> None:
        self.receiver(PolicyBook(default=policy)).publish(DEMO, ONE, who="tests")


@pytest.fixture
def counter(tmp_path: Path) -> Iterator[Counter]:
    found = Counter(tmp_path)
    yield found
    found.store.engine.dispose()


def wheel(folder: Path, tags: str, *requires: str, name: str = "demo") -> Path:
    return make_wheel(folder, name, "1.0", tags=tags, requires=requires)


def test_each_project_has_its_policy(counter: Counter) -> None:
    def policy(kind: Policy) -> ProjectPolicy:
        return ProjectPolicy(contradictions=kind)

    book = PolicyBook(
        tables=(
            PolicyTable(projects=("aside-*",), policy=policy(Policy.QUARANTINE)),
            PolicyTable(projects=("warned",), policy=policy(Policy.WARN)),
        )
    )
    states = {}
    for name in ("plain", "aside-one", "warned"):
        counter.add(wheel(counter.folder, LINUX, "one", name=name), book)
        second = wheel(counter.folder, WINDOWS, "two", name=name)
        try:
            states[name] = counter.add(second, book).state.value
        except RefusedError as error:
            states[name] = str(error.status)
    assert states == {"plain": "400", "aside-one": "quarantined", "warned": "staged"}


@pytest.mark.parametrize(
    ("kind", "accepted"), [(Policy.REJECT, False), (Policy.QUARANTINE, False), (Policy.WARN, True)]
)
def test_a_contradiction_of_what_is_published(
    kind: Policy, accepted: bool, counter: Counter
) -> None:
    policy = ProjectPolicy(contradictions=kind)
    counter.add(wheel(counter.folder, LINUX, "one"), policy)
    counter.publish(policy)
    second = wheel(counter.folder, WINDOWS, "two")
    if accepted:
        assert counter.add(second, policy).state is State.PUBLISHED
    else:
        with pytest.raises(RefusedError, match="Requires-Dist: the wheels do not ask for the same"):
            counter.add(second, policy)


@pytest.mark.parametrize(
    ("declarations", "refused"),
    [(Declarations.HONOURED, False), (Declarations.IGNORED, True)],
)
def test_declarations(declarations: Declarations, refused: bool, counter: Counter) -> None:
    """The wheels add what the sdist declares, and what its own metadata denies."""
    policy = ProjectPolicy(rules=STRICT, declarations=declarations)
    source = make_sdist(counter.folder, "demo", "1.0", requires=["one"], pyproject=DECLARED)
    counter.add(source, policy)
    added = wheel(counter.folder, LINUX, "one", "two")
    if refused:
        with pytest.raises(
            RefusedError, match=r"`Requires-Dist` is static in `demo-1\.0\.tar\.gz`"
        ):
            counter.add(added, policy)
    else:
        assert counter.add(added, policy).state is State.STAGED


def test_a_declaration_that_is_not_met(counter: Counter) -> None:
    counter.add(
        make_sdist(counter.folder, "demo", "1.0", requires=["one"], pyproject=DECLARED),
        ProjectPolicy(),
    )
    with pytest.raises(RefusedError, match=r"exactly what `\[tool\.trueup\.wheels\]` declares"):
        counter.add(wheel(counter.folder, LINUX, "one", "three"), ProjectPolicy())


def test_a_file_may_be_too_large_for_its_project(counter: Counter) -> None:
    with pytest.raises(RefusedError, match=r"is too large: found .* bytes, expected at most 100"):
        counter.add(wheel(counter.folder, LINUX), ProjectPolicy(largest=100))


@pytest.mark.parametrize(
    ("days", "words"),
    [(13.9, None), (14.0, "takes no further files, it was published more than 14 days ago")],
)
def test_a_release_closes_some_time_after_publication(
    days: float, words: str | None, counter: Counter
) -> None:
    policy = ProjectPolicy(closed_after=14 * DAY)
    counter.add(wheel(counter.folder, LINUX), policy)
    counter.now += 100 * DAY  # what is staged does not close
    counter.add(wheel(counter.folder, WINDOWS), policy)
    counter.publish(policy)
    counter.now += days * DAY
    late = wheel(counter.folder, MACOS)
    if words is None:
        assert counter.add(late, policy).state is State.PUBLISHED
    else:
        with pytest.raises(RefusedError, match=words):
            counter.add(late, policy)


@pytest.mark.parametrize("name", ["d\u0435mo", "\uff44emo", "demo\u0661"])
def test_names_that_only_look_like_one_are_refused(tmp_path: Path, name: str) -> None:
    wheel = make_wheel(tmp_path, name, "1.0", filename=f"{name}-1.0-py3-none-any.whl")
    with pytest.raises(RefusedError, match="is no name of a project"):
        Counter(tmp_path).add(wheel, ProjectPolicy())


def test_a_wheel_that_installers_unpack_differently_is_refused(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "demo", "1.0")
    wheel.write_bytes(b"#!/bin/sh\n" + wheel.read_bytes())
    with pytest.raises(RefusedError, match="has bytes before its first member"):
        Counter(tmp_path).add(wheel, ProjectPolicy())
