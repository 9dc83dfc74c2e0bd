"""Boxes that do not overlap, arrows from left to right, and nothing foreign that acts."""

from __future__ import annotations

import random
import re
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import pytest
from packaging.utils import NormalizedName
from packaging.version import Version

from trueup.interfaces.report.lockgraph import layout
from trueup.interfaces.report.lockshow import show_graph
from trueup.model.artifact import Artifact, parse_filename
from trueup.model.condition import Option, OptionKind, parse_condition
from trueup.model.errors import SourceError, UsageError
from trueup.model.lock import Edge, Lock, LockEntry, LockKind

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = '</title></script><script>alert("1")</script>\x1b&\u202e'


def entry(project: str, *asks: str, marker: str = "", files: tuple[str, ...] = ()) -> LockEntry:
    return LockEntry(
        project=NormalizedName(project),
        version=Version("1"),
        origin="",
        condition=parse_condition(marker),
        edges=tuple(Edge(project=NormalizedName(name)) for name in asks),
        files=tuple(Artifact(filename=name, url="", name=parse_filename(name)) for name in files),
    )


LOCK = Lock(
    kind=LockKind.PYLOCK,
    path="pylock.toml",
    entries=(
        entry("app", "web", "console", files=("app-1-py3-none-any.whl", "app-1.tar.gz")),
        entry("web", "deep"),
        entry("console", marker="sys_platform == 'win32'"),
        entry("deep", "web"),
        entry("checker", marker="'dev' in dependency_groups"),
    ),
    options=frozenset({Option(kind=OptionKind.GROUP, name="dev")}),
    targets=("cp312-linux-x86_64-glibc2.28", "cp312-windows-amd64"),
    roots=("app>=1",),
)


def written(lock: Lock, path: Path) -> str:
    show_graph(lock, path)
    return path.read_text("utf-8")


def drawing(lock: Lock, folder: Path) -> ElementTree.Element:
    return ElementTree.fromstring(written(lock, folder / "graph.svg"))


def groups(root: ElementTree.Element, kind: str) -> list[ElementTree.Element]:
    found = [item for item in root.iter(f"{SVG}g") if kind in item.get("class", "").split()]
    assert found
    return found


def title(item: ElementTree.Element) -> str:
    found = item.find(f"{SVG}title")
    assert found is not None
    return found.text or ""


def ends(path: str) -> tuple[tuple[float, float], tuple[float, float]]:
    """Where a path of `M`, `H` and `C` begins and ends."""
    points: list[tuple[float, float]] = []
    for letter, text in re.findall(r"([MHC])([^MHC]*)", path):
        numbers = [float(number) for number in text.split()]
        points.append((numbers[0], points[-1][1]) if letter == "H" else (numbers[-2], numbers[-1]))
    return points[0], points[-1]


def random_edges(size: int, number: int, seed: int) -> list[tuple[int, int]]:
    source = random.Random(seed)
    return [(source.randrange(size), source.randrange(size)) for _ in range(number)]


@pytest.mark.parametrize(
    ("size", "edges"),
    [
        (0, []),
        (1, []),
        (1, [(0, 0)]),
        (2, [(0, 1), (1, 0)]),
        (4, [(0, 1), (1, 2), (2, 3), (0, 3)]),
        (40, []),
        (100, [(a, b) for a, b in random_edges(100, 250, 1) if a < b]),
        (100, random_edges(100, 160, 2)),
    ],
)
def test_boxes_do_not_overlap_and_the_picture_holds_them(
    size: int, edges: list[tuple[int, int]]
) -> None:
    widths = [40.0 + 7 * (number % 13) for number in range(size)]
    found = layout(widths, edges)
    assert [box.width for box in found.boxes] == widths
    assert len(found.paths) == len(edges)
    for one, other in combinations(found.boxes, 2):
        beside = one.x + one.width <= other.x or other.x + other.width <= one.x
        apart = one.y + one.height <= other.y or other.y + other.height <= one.y
        assert beside or apart
    for box in found.boxes:
        assert box.x >= 0
        assert box.y >= 0
        assert box.x + box.width <= found.width
        assert box.y + box.height <= found.height


def test_whoever_asks_stands_left_and_arrows_end_at_both_boxes() -> None:
    edges = [(a, b) for a, b in random_edges(60, 150, 3) if a < b]
    found = layout([90.0] * 60, edges)
    for (parent, child), path in zip(edges, found.paths, strict=True):
        first, last = ends(path)
        start, end = found.boxes[parent], found.boxes[child]
        assert start.layer < end.layer
        assert start.x + start.width < end.x
        assert first == pytest.approx((start.x + start.width, start.y + start.height / 2), abs=0.2)
        assert last == pytest.approx((end.x, end.y + end.height / 2), abs=0.2)


def test_a_long_arrow_passes_beside_the_boxes_between() -> None:
    found = layout([50.0] * 3, [(0, 1), (1, 2), (0, 2)])
    between = found.boxes[1]
    level = re.search(r" (\d+(?:\.\d+)?)H", found.paths[2])
    assert level is not None
    assert not between.y <= float(level[1]) <= between.y + between.height


def test_arrows_that_need_not_cross_do_not() -> None:
    found = layout([50.0] * 6, [(0, 5), (1, 4), (2, 3)])
    starts, ends = ([found.boxes[n].y for n in numbers] for numbers in ((0, 1, 2), (5, 4, 3)))
    assert sorted(range(3), key=starts.__getitem__) == sorted(range(3), key=ends.__getitem__)


def test_a_circle_is_drawn_with_one_arrow_backwards() -> None:
    found = layout([50.0] * 3, [(0, 1), (1, 2), (2, 0)])
    assert sorted(box.layer for box in found.boxes) == [0, 1, 2]
    assert [first < last for first, last in map(ends, found.paths)].count(False) == 1


def test_the_drawing_has_every_package_and_requirement(tmp_path: Path) -> None:
    root = drawing(LOCK, tmp_path)
    nodes, edges = groups(root, "node"), groups(root, "edge")
    assert [title(node).splitlines()[0] for node in nodes] == [
        "app 1", "web 1", "console 1", "deep 1", "checker 1",
    ]  # fmt: skip
    assert [(edge.get("data-from"), edge.get("data-to")) for edge in edges] == [
        ("0", "1"), ("0", "2"), ("1", "3"), ("3", "1"),
    ]  # fmt: skip
    assert [node.get("data-in") for node in nodes] == ["0 1", "0 1", "1", "0 1", "0 1"]
    assert [node.get("class") for node in nodes] == [
        "node root", "node", "node partly", "node", "node root",
    ]  # fmt: skip
    assert edges[1].get("data-in") == "1"


def test_titles_tell_wishes_markers_targets_and_files(tmp_path: Path) -> None:
    root = drawing(LOCK, tmp_path)
    app, _, console, *_ = groups(root, "node")
    assert title(app).splitlines()[1:] == [
        "asked for as app>=1", "app-1-py3-none-any.whl", "app-1.tar.gz",
    ]  # fmt: skip
    assert title(console).splitlines()[1:] == [
        "installed in cp312-windows-amd64", 'where sys_platform == "win32"',
    ]  # fmt: skip
    edge = groups(root, "edge")[0]
    assert title(edge) == "app 1 asks for web"


def test_extras_and_markers_stand_at_their_arrow(tmp_path: Path) -> None:
    asks = Edge(
        project=NormalizedName("web"),
        extras=frozenset({NormalizedName("socks")}),
        condition=parse_condition("python_version >= '3.12'"),
    )
    never = replace(asks, condition=parse_condition("python_version < '3'"), extras=frozenset())
    lock = replace(LOCK, entries=(replace(entry("app"), edges=(asks, never)), entry("web")))
    (edge,) = groups(drawing(lock, tmp_path), "edge")
    assert title(edge) == 'app 1 asks for web[socks] ; python_version >= "3.12"'


def test_an_arrow_that_holds_nowhere_is_in_no_target(tmp_path: Path) -> None:
    never = Edge(project=NormalizedName("web"), condition=parse_condition("python_version < '3'"))
    lock = replace(LOCK, entries=(replace(entry("app"), edges=(never,)), entry("web")))
    (edge,) = groups(drawing(lock, tmp_path), "edge")
    assert edge.get("data-in") == ""


@pytest.mark.parametrize("suffix", [".svg", ".html"])
def test_nothing_foreign_acts(suffix: str, tmp_path: Path) -> None:
    hostile = replace(entry("app", files=(HOSTILE,)), project=NormalizedName(HOSTILE), version=None)
    lock = replace(LOCK, entries=(hostile,), path=HOSTILE)
    calm = written(replace(LOCK, entries=(entry("app"),)), tmp_path / f"calm{suffix}")
    text = written(lock, tmp_path / f"graph{suffix}")
    assert "alert" in text
    assert text.count("<script") == calm.count("<script")
    assert not {"\x1b", "\u202e"} & set(text)
    if suffix == ".svg":
        (node,) = groups(ElementTree.fromstring(text), "node")
        assert title(node).startswith("</title></script><script>alert")


@pytest.mark.parametrize("suffix", [".svg", ".html"])
def test_a_picture_asks_for_nothing_from_elsewhere(suffix: str, tmp_path: Path) -> None:
    text = written(LOCK, tmp_path / f"graph{suffix}")
    addresses = set(re.findall(r"[a-z]+://[^\s\"']+", text))
    assert addresses <= {"http://www.w3.org/2000/svg"}
    assert not re.search(r"\ssrc=|@import|url\((?!#)", text)
    assert " style=" not in text  # the policy of the page would not admit it


def test_the_page_lists_packages_with_versions_and_reasons(tmp_path: Path) -> None:
    text = written(LOCK, tmp_path / "graph.html")
    assert text.count("<tr data-node=") == 5
    assert text.count("<option") == 3
    for part in (
        "you asked for <code>app&gt;=1</code>",
        "app → web → deep",
        "app → console",
        "<td>cp312-windows-amd64 <small>where <code>sys_platform == &#34;win32&#34;</code>",
        "no other package asks for it",
        "2 packages ask for it",
    ):
        assert part in text, part


def test_a_lock_without_targets_has_none_to_choose(tmp_path: Path) -> None:
    text = written(replace(LOCK, targets=()), tmp_path / "graph.html")
    assert "<select" not in text
    assert text.count("<td>not recorded") == 5
    assert "not in every target" not in text


def test_an_empty_lock_has_an_empty_picture(tmp_path: Path) -> None:
    for name in ("graph.svg", "graph.html"):
        assert "0 packages, 0 requirements" in written(replace(LOCK, entries=()), tmp_path / name)


@pytest.mark.parametrize(
    ("name", "found"), [("graph.png", "found `.png`"), ("graph", "found no suffix")]
)
def test_another_suffix_is_refused(name: str, found: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"expected `\.html` or `\.svg`") as caught:
        show_graph(LOCK, tmp_path / name)
    assert caught.value.found == found.removeprefix("found ")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be written"):
        show_graph(LOCK, tmp_path / "absent" / "graph.svg")


def test_what_no_root_leads_to_is_said_to_be_so(tmp_path: Path) -> None:
    root, alone = replace(entry("app"), root=True), entry("alone")
    lock = replace(LOCK, entries=(root, alone), walked=True, targets=(), roots=())
    text = written(lock, tmp_path / "graph.html")
    assert "reached from no root" in text
    assert "<td>no environment" in text
    assert "the lock does not say" in text
