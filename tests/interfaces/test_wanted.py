"""Which indexes are asked: the user's, a file's, or both."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.build import make_wheel
from tests.index_server import IndexServer
from trueup.features.check import check
from trueup.interfaces.wanted import Places, collect
from trueup.model.finding import Report


@pytest.fixture
def first(tmp_path: Path) -> Iterator[IndexServer]:
    with IndexServer() as server:
        wheel = make_wheel(tmp_path, "common", "1.0")
        server.add(wheel.name, wheel)
        yield server


@pytest.fixture
def second(tmp_path: Path) -> Iterator[IndexServer]:
    with IndexServer() as server:
        for name in ("common", "special"):
            wheel = make_wheel(tmp_path, name, "1.0", requires=["numpy"])
            server.add(wheel.name, wheel)
        yield server


def judged(
    tmp_path: Path, requirements: str, *, configured: str, explicit: tuple[str, ...] = ()
) -> Report:
    path = tmp_path / "requirements.txt"
    path.write_text(requirements)
    # uv's variable is read from what is handed in, so that the tests' own settings do not count.
    environ = {"UV_DEFAULT_INDEX": configured}
    with Places(index=explicit, environ=environ, directory=tmp_path, keep=False) as places:
        return check(collect([], listed=[str(path)], places=places).wanted)


def test_extra_indexes_come_after_the_configured_one(
    tmp_path: Path, first: IndexServer, second: IndexServer
) -> None:
    report = judged(
        tmp_path,
        f"--extra-index-url {second.url}\ncommon==1.0\nspecial==1.0\n",
        configured=first.url,
    )
    assert report.failures == ()
    assert [release.origin.startswith(first.origin) for release in report.releases] == [True, False]


def test_an_index_in_the_file_replaces_the_configured_one(
    tmp_path: Path, first: IndexServer, second: IndexServer
) -> None:
    report = judged(tmp_path, f"-i {second.url}\ncommon==1.0\n", configured=first.url)
    assert report.releases[0].origin.startswith(second.origin)
    assert first.log == []


def test_the_users_own_word_wins_over_both(
    tmp_path: Path, first: IndexServer, second: IndexServer
) -> None:
    report = judged(
        tmp_path,
        f"-i {second.url}\ncommon==1.0\nspecial==1.0\n",
        configured=second.url,
        explicit=(first.url,),
    )
    assert report.releases[0].origin.startswith(first.origin)
    assert [asked for asked, _ in report.failures] == ["special==1.0"]
    assert second.log == []


def test_a_lock_keeps_the_password_of_the_configuration(
    tmp_path: Path, second: IndexServer
) -> None:
    second.auth = ("user", "secret")
    private = second.url.replace("//", "//user:secret@")
    report = judged(tmp_path, f"-i {second.url}\nspecial==1.0\n", configured=private)
    assert report.failures == ()
    assert "secret" not in report.releases[0].origin
