"""The ledger of patches as a view: whole releases, loud about drift, composed with the corrected view."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import pytest
from packaging.utils import canonicalize_name

from tests.build import make_sdist, make_wheel
from tests.desks import add, open_desk, publish
from trueup.features.serve.desk import Desk, View
from trueup.features.serve.policies import Policy, Sdists, ViewPolicy
from trueup.features.serve.watch import DeskWatcher
from trueup.interfaces.web.logs import Log
from trueup.model.errors import NotFoundError
from trueup.model.metadata import Metadata, parse_metadata
from trueup.sources.ledger import parse_ledger
from trueup.sources.store.store import Page

LINUX, MACOS, WINDOWS = (
    f"py3-none-{tag}" for tag in ("manylinux_2_17_x86_64", "macosx_11_0_arm64", "win_amd64")
)
ANY = "py3-none-any"
LEDGER, CORRECTED = View(steps=("ledger",)), View(steps=("corrected",))
BOTH = {name: View(steps=name) for name in (("ledger", "corrected"), ("corrected", "ledger"))}
LOOSE = '[[patch]]\nproject = "demo"\nreason = "newer works"\ndrop-upper = ["numpy"]\n'


def shown(desk: Desk, view: View = LEDGER, project: str = "demo") -> Page:
    return desk.page(view, canonicalize_name(project), "json")


def files(page: Page) -> dict[str, dict[str, Any]]:
    return {file["filename"]: file for file in json.loads(page.body)["files"]}


def requires(desk: Desk, file: Mapping[str, Any]) -> list[str]:
    """What a wheel of a page asks for, which its sidecar must say as well."""
    found = desk.files.file(file["hashes"]["sha256"], file["filename"])
    with zipfile.ZipFile(BytesIO(b"".join(found.read(0, found.size)))) as wheel:
        (name,) = (one for one in wheel.namelist() if one.endswith("dist-info/METADATA"))
        data = wheel.read(name)
    assert desk.files.sidecar(file["hashes"]["sha256"]) == data
    metadata = parse_metadata(data)
    assert isinstance(metadata, Metadata)
    return sorted(value for name, value in metadata.headers if name == "requires-dist")


def release(desk: Desk, folder: Path, version: str, wheels: Mapping[str, Sequence[str]]) -> None:
    folder.mkdir(exist_ok=True)
    for tag, asks in wheels.items():
        add(desk, make_wheel(folder, "demo", version, tags=tag, requires=asks))
    publish(desk, "demo", version)


def test_patched_wheels_stand_before_the_originals(tmp_path: Path) -> None:
    with open_desk(tmp_path / "index", ledger=parse_ledger(LOOSE)) as desk:
        release(desk, tmp_path / "dist", "1.0", {ANY: ["numpy>=1,<2", "one"]})
        found = files(shown(desk))
        assert list(found) == [f"demo-1.0-1patched-{ANY}.whl", f"demo-1.0-{ANY}.whl"]
        patched, original = (requires(desk, file) for file in found.values())
        assert (patched, original) == (["numpy>=1", "one"], ["numpy>=1,<2", "one"])
        assert list(files(shown(desk, View()))) == [f"demo-1.0-{ANY}.whl"]


def test_releases_that_no_patch_is_for_are_as_they_were(tmp_path: Path) -> None:
    ledger = parse_ledger(LOOSE + 'versions = "<2"\n')
    with open_desk(tmp_path / "index", ledger=ledger) as desk:
        release(desk, tmp_path / "dist", "1.0", {ANY: ["numpy<2"]})
        release(desk, tmp_path / "dist", "2.0", {ANY: ["numpy>=2"]})
        found = files(shown(desk))
        assert [name for name in found if "-2.0-" in name] == [f"demo-2.0-{ANY}.whl"]
        assert f"demo-1.0-1patched-{ANY}.whl" in found


@pytest.mark.parametrize(
    ("asks", "said"),
    [
        (["numpy>=2"], "patch 1: `drop-upper numpy`: upstream says so already: `numpy>=2`"),
        (["one"], "patch 1: `drop-upper numpy`: nothing in upstream's metadata matches"),
    ],
)
def test_drift_is_said_and_nothing_is_patched_in_part(
    asks: Sequence[str], said: str, tmp_path: Path
) -> None:
    """The Linux wheel fits, the other one does not: neither is patched, and both are yanked."""
    with open_desk(tmp_path / "index", policy=Policy.WARN, ledger=parse_ledger(LOOSE)) as desk:
        release(desk, tmp_path / "dist", "1.0", {LINUX: ["numpy<2"], WINDOWS: asks})
        page = shown(desk)
        found = files(page)
        assert sorted(found) == sorted(f"demo-1.0-{tag}.whl" for tag in (LINUX, WINDOWS))
        for file in found.values():
            assert file["yanked"].startswith("not patched, the ledger has drifted: patch 1: ")
        assert dict(page.said)["x-trueup-drift"] == "1.0"
        (account,) = desk.accounts(LEDGER, canonicalize_name("demo"))
        assert account.outcome is not None
        assert account.outcome.said == (f"`demo-1.0-{WINDOWS}.whl`: {said}",)


def test_drift_is_told_to_the_log(tmp_path: Path) -> None:
    heard: list[tuple[str, ...]] = []

    class Ear(DeskWatcher):
        def looked(
            self, step: str, release: str, verdict: str, said: Sequence[str], seconds: float
        ) -> None:
            heard.append((step, release, verdict, *said))

    with open_desk(tmp_path / "index", ledger=parse_ledger(LOOSE)) as desk:
        desk.watch(Ear())
        release(desk, tmp_path / "dist", "1.0", {ANY: ["numpy"]})
        shown(desk)
        desk.close()
        written = StringIO()
        Log(written, form="json").looked("ledger", "demo 1.0", "drifted", heard[0][3:], 0.1)
    assert heard[0][:3] == ("ledger", "demo 1.0", "drifted")
    assert "upstream says so already" in json.loads(written.getvalue())["said"]


def test_patches_that_contradict_each_other_are_drift(tmp_path: Path) -> None:
    twice = LOOSE + '[[patch]]\nproject = "demo"\nreason = "no"\nset-upper = ["numpy<3"]\n'
    with open_desk(tmp_path / "index", ledger=parse_ledger(twice)) as desk:
        release(desk, tmp_path / "dist", "1.0", {ANY: ["numpy<2"]})
        page = shown(desk)
        assert "x-trueup-drift" in dict(page.said)
        assert all(file["yanked"] for file in files(page).values())


def test_what_is_not_patched_yet_is_held_back(tmp_path: Path) -> None:
    with open_desk(tmp_path / "index", ledger=parse_ledger(LOOSE), patience=0) as desk:
        release(desk, tmp_path / "dist", "1.0", {ANY: ["numpy<2"]})
        page = shown(desk)
        assert list(files(page)) in ([], [f"demo-1.0-1patched-{ANY}.whl", f"demo-1.0-{ANY}.whl"])


def test_a_patch_ends_with_its_day(tmp_path: Path) -> None:
    moment = [datetime(2030, 1, 1, tzinfo=UTC).timestamp()]
    ledger = parse_ledger(LOOSE + "until = 2030-01-01\n")
    with open_desk(tmp_path / "index", ledger=ledger, clock=lambda: moment[0]) as desk:
        release(desk, tmp_path / "dist", "1.0", {ANY: ["numpy<2"]})
        assert "x-trueup-drift" not in dict(shown(desk).said)
        moment[0] += 86_400
        page = shown(desk)
        assert dict(page.said)["x-trueup-drift"] == "1.0"
        assert "was to last until 2030-01-01" in files(page)[f"demo-1.0-{ANY}.whl"]["yanked"]


def test_entry_points_are_patched_with_the_metadata(tmp_path: Path) -> None:
    ledger = parse_ledger(
        '[[patch]]\nproject = "demo"\nreason = "a command"\n'
        '[patch.entry-points.set.console_scripts]\ndemo = "demo:main"\n'
    )
    with open_desk(tmp_path / "index", ledger=ledger) as desk:
        release(desk, tmp_path / "dist", "1.0", {ANY: ["one"]})
        file = files(shown(desk))[f"demo-1.0-1patched-{ANY}.whl"]
        found = desk.files.file(file["hashes"]["sha256"], file["filename"])
        with zipfile.ZipFile(BytesIO(b"".join(found.read(0, found.size)))) as wheel:
            text = wheel.read("demo-1.0.dist-info/entry_points.txt").decode()
    assert text.split() == ["[console_scripts]", "demo", "=", "demo:main"]


@pytest.mark.parametrize(("sdists", "listed"), [(Sdists.HIDE, False), (Sdists.KEEP, True)])
def test_the_sdist_of_a_patched_release(sdists: Sdists, listed: bool, tmp_path: Path) -> None:
    with open_desk(
        tmp_path / "index", ledger=parse_ledger(LOOSE), views=ViewPolicy(sdists=sdists)
    ) as desk:
        add(desk, make_sdist(tmp_path, "demo", "1.0", requires=["numpy<2"]))
        release(desk, tmp_path / "dist", "1.0", {ANY: ["numpy<2"]})
        assert ("demo-1.0.tar.gz" in files(shown(desk))) is listed


def test_what_upstream_calls_preemptive_is_read_from_its_sdist(tmp_path: Path) -> None:
    ledger = parse_ledger('[[patch]]\nproject = "demo"\nreason = "tried"\ndrop-preemptive = true\n')
    text = '[tool.trueup.bounds]\npreemptive = ["numpy"]\n'
    asks = ["numpy>=1,<2", "one<3"]
    with open_desk(tmp_path / "index", ledger=ledger) as desk:
        add(desk, make_sdist(tmp_path, "demo", "1.0", requires=asks, pyproject=text))
        release(desk, tmp_path / "dist", "1.0", {ANY: asks})
        file = files(shown(desk))[f"demo-1.0-1patched-{ANY}.whl"]
        assert requires(desk, file) == ["numpy>=1", "one<3"]
        release(desk, tmp_path / "dist", "2.0", {ANY: asks})
        desk.follow()
        assert "x-trueup-drift" in dict(shown(desk).said), "2.0 has no sdist"


@pytest.mark.parametrize("steps", BOTH)
def test_a_view_around_a_view(steps: tuple[str, str], tmp_path: Path) -> None:
    wheels = {LINUX: ["numpy<2", "linux-only"], MACOS: ["numpy<2"], WINDOWS: ["numpy<2"]}
    labels = {"ledger": "patched", "corrected": "cons"}
    with open_desk(tmp_path / "index", policy=Policy.WARN, ledger=parse_ledger(LOOSE)) as desk:
        release(desk, tmp_path / "dist", "1.0", wheels)
        found = files(shown(desk, BOTH[steps]))
        build = "1" + "".join(labels[step] for step in steps)
        assert len(found) == 9
        for tag in wheels:
            assert requires(desk, found[f"demo-1.0-{build}-{tag}.whl"]) == [
                'linux-only; platform_system == "Linux"',
                "numpy",
            ]
        assert [name.split("-")[2] for name in list(found)[:3]] == [build] * 3
        assert len({file["url"] for file in found.values()}) == 9


def test_a_patch_for_what_one_platform_needs_fits_the_corrected_release_only(
    tmp_path: Path,
) -> None:
    wheels = {LINUX: ["numpy<2", "one"], WINDOWS: ["one"]}
    with open_desk(tmp_path / "index", policy=Policy.WARN, ledger=parse_ledger(LOOSE)) as desk:
        release(desk, tmp_path / "dist", "1.0", wheels)
        assert "x-trueup-drift" in dict(shown(desk, LEDGER).said)
        page = shown(desk, BOTH["corrected", "ledger"])
        assert "x-trueup-drift" not in dict(page.said)
        found = files(page)[f"demo-1.0-1conspatched-{WINDOWS}.whl"]
        assert requires(desk, found) == ['numpy; platform_system == "Linux"', "one"]


def test_without_a_ledger_there_is_no_such_view(tmp_path: Path) -> None:
    with open_desk(tmp_path / "index") as desk:
        release(desk, tmp_path / "dist", "1.0", {ANY: []})
        for view in (LEDGER, *BOTH.values()):
            with pytest.raises(NotFoundError, match="no such view"):
                shown(desk, view)
            with pytest.raises(NotFoundError):
                desk.index(view, "json")


def test_another_ledger_shows_at_once(tmp_path: Path) -> None:
    folder = tmp_path / "index"
    with open_desk(folder, ledger=parse_ledger(LOOSE)) as desk:
        release(desk, tmp_path / "dist", "1.0", {ANY: ["numpy<2", "one"]})
        assert requires(desk, next(iter(files(shown(desk)).values()))) == ["numpy", "one"]
    with open_desk(folder, ledger=parse_ledger(LOOSE + 'remove = ["one"]\n')) as desk:
        found = files(shown(desk))
        assert list(found) == [
            f"demo-1.0-1patched02-{ANY}.whl",
            f"demo-1.0-{ANY}.whl",
            f"demo-1.0-1patched-{ANY}.whl",
        ]
        assert requires(desk, found[f"demo-1.0-1patched02-{ANY}.whl"]) == ["numpy"]
