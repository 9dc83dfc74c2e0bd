"""Releases behind an index, judged because somebody looks: once, few at a time, with an end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.utils import NormalizedName
from packaging.version import Version

from tests.build import make_wheel
from tests.index_server import Hang, IndexServer, Status
from tests.waiting import until
from trueup.features.serve.desk import Desk
from trueup.features.serve.policies import PolicyBook
from trueup.features.serve.receive import RefusedError
from trueup.interfaces.web.judged import Judgement, Judgements
from trueup.model.errors import TrueupError
from trueup.model.finding import ReleaseClass
from trueup.sources.config import index_config
from trueup.sources.index import IndexSource, open_index
from trueup.sources.store.blobs import open_blobs
from trueup.sources.store.schema import open_engine, upgrade
from trueup.sources.store.store import Store

DEMO, ONE = NormalizedName("demo"), Version("1.0")


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def upstream(tmp_path: Path) -> Iterator[IndexServer]:
    with IndexServer() as found:
        for tag in ("win_amd64", "macosx_11_0_arm64"):
            path = make_wheel(tmp_path, "demo", "1.0", tags=f"cp312-cp312-{tag}", requires=[tag])
            found.add(path.name, path.read_bytes())
        yield found


@pytest.fixture
def desk(tmp_path: Path, upstream: IndexServer) -> Iterator[Desk]:
    engine = open_engine(f"sqlite:///{tmp_path / 'index.db'}")
    upgrade(engine)

    def behind() -> IndexSource:
        config = index_config((upstream.url,), environ={}, directory=tmp_path)
        return open_index(config, environ={})

    found = Desk(
        Store(engine),
        open_blobs(str(tmp_path / "blobs"), tmp_path),
        policies=PolicyBook(),
        open_upstream=behind,
    )
    yield found
    found.close()


def finished(found: Judgement) -> Judgement:
    assert found.finished.wait(20)
    return found


def test_a_release_is_read_once_for_all_who_look(desk: Desk, upstream: IndexServer) -> None:
    clock = Clock()
    judgements = Judgements(desk, clock=clock)
    found = finished(judgements.behind(DEMO, ONE))
    assert found.report is not None
    assert found.report.release_class is ReleaseClass.MERGEABLE
    assert (found.read, found.expected) == (2, 2)
    asked = upstream.count()
    assert judgements.behind(DEMO, ONE) is found
    assert judgements.known(DEMO, ONE) is found.report
    assert upstream.count() == asked
    clock.now += 601
    again = finished(judgements.behind(DEMO, ONE))
    assert again is not found
    assert again.report is not None


def test_who_looks_while_it_is_read_sees_how_far_that_is(desk: Desk, upstream: IndexServer) -> None:
    upstream.fault("/files/demo-1.0-cp312-cp312-win_amd64.whl", Hang())
    judgements = Judgements(desk)
    found = judgements.behind(DEMO, ONE, wait=0.0)
    assert not found.is_done
    until(lambda: found.read)
    assert (found.read, found.expected) == (1, 2)
    upstream.heal()
    finished(found)


def test_a_failure_is_believed_for_a_moment_only(desk: Desk, upstream: IndexServer) -> None:
    clock = Clock()
    judgements = Judgements(desk, clock=clock)
    upstream.fault("/simple/demo/", Status(403), times=9)
    found = finished(judgements.behind(DEMO, ONE))
    assert isinstance(found.error, TrueupError)
    assert judgements.behind(DEMO, ONE) is found
    upstream.heal()
    clock.now += 31
    assert finished(judgements.behind(DEMO, ONE)).report is not None


def test_what_takes_too_long_is_given_up(desk: Desk) -> None:
    clock = Clock()
    judgements = Judgements(desk, clock=lambda: clock.now)
    found = judgements.behind(DEMO, ONE, wait=0.0)
    clock.now += 121
    finished(found)
    assert found.report is not None or "takes longer than 120 seconds" in str(found.error)
    late = Judgement(deadline=0.0, clock=clock)
    with pytest.raises(TrueupError, match="takes longer"):
        late.done("demo.whl")


def test_only_so_many_wait_for_their_turn(desk: Desk, upstream: IndexServer) -> None:
    judgements = Judgements(desk)
    upstream.fault("/simple/demo/", Hang(20.0), times=99)
    for number in range(18):
        judgements.behind(DEMO, Version(str(number)), wait=0.0)
    with pytest.raises(RefusedError, match="too many releases") as error:
        judgements.behind(DEMO, Version("99"), wait=0.0)
    assert error.value.status == 503
    assert judgements.behind(DEMO, Version("3"), wait=0.0).is_done is False
    upstream.heal()


def test_a_version_that_is_not_there(desk: Desk) -> None:
    found = finished(Judgements(desk).behind(DEMO, Version("7")))
    assert "has no version `7`" in str(found.error)
