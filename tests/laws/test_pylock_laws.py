"""Laws of `pylock.toml`: what is written is read back, whatever it holds; its bytes depend on nothing
but the lock; and an installer that follows PEP 751 takes from it the files that the audit speaks of.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from os.path import normpath
from pathlib import Path
from typing import Any, assert_never
from urllib.parse import quote

from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.pylock import PackageWheel, Pylock, PylockSelectError
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName
from packaging.version import Version

from tests.laws.test_lock_laws import locked, shelves, tags_of
from tests.shelf import Shelf
from trueup.judge.closure import Closure
from trueup.judge.lock import Ground
from trueup.judge.picks import key_of
from trueup.model.artifact import Artifact, parse_filename
from trueup.model.condition import ALWAYS, Option, OptionKind, parse_condition
from trueup.model.lock import Edge, Lock, LockEntry, LockKind, Place, PlaceKind
from trueup.model.metadata import Resolution
from trueup.model.point import Point
from trueup.model.requirement import parse_requirement
from trueup.model.target import parse_targets
from trueup.sources.lockfiles.document import toml_document
from trueup.sources.lockfiles.pylock import read_pylock
from trueup.sources.lockfiles.values import parse_environment
from trueup.sources.lockfiles.write import pylock_text

FOLDER = Path("/locks")
NAMES = st.sampled_from(tuple(map(NormalizedName, ("a", "b-2", "zope-interface", "x3"))))
VERSIONS = st.sampled_from(("1", "1.0", "1!2.0rc1", "2.0.post1", "1.0+cu126", "10", "9.dev3"))
PYTHONS = st.sampled_from((None, ">=3.11", "<4,>=3.9,!=3.10.*", "==3.12.*"))
HARD = st.one_of(
    st.text(max_size=20),
    st.sampled_from(("'", '"', "\\", "'\"\\", "a\nb", "\t", "\x7f", "\u2028", "##[x]", "# [[packages]]", "\U0001f40d")),
)  # fmt: skip
SEGMENTS = st.sampled_from(("ab:c", "C:", "a b", "%41", "it's", '"', "..x", "é")) | st.text(
    st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=8
).filter(lambda text: text not in (".", ".."))
OPTIONS = tuple(
    Option(kind=kind, name=name)
    for kind, name in (
        (OptionKind.EXTRA, "cpu"), (OptionKind.EXTRA, "cu-126"), (OptionKind.GROUP, "dev"),
        (OptionKind.GROUP, "docs"),
    )
)  # fmt: skip
CONDITIONS = tuple(
    parse_condition(text)
    for text in (
        "sys_platform == 'linux'",
        'python_full_version < "3.12.3" or platform_machine != "x86_64"',
        "platform_version == \"it's\"", "platform_release == 'say \"x\"'",
        "'cpu' in extras", "'cu-126' in extras and 'dev' not in dependency_groups",
        "('docs' in dependency_groups or 'cpu' not in extras) and os_name == 'nt'",
    )
)  # fmt: skip
REQUIREMENTS = st.sampled_from(
    (
        "numpy>=2", "six", "a[x,y]<2; python_version < '3.12' and extra == 'z'",
        "b-2 @ https://code.test/b.zip ; sys_platform == \"it's\"", 'x3!=1.*; os_name != "nt"',
    )
).map(parse_requirement)  # fmt: skip
ENVIRONMENTS = tuple(
    parse_environment(text)
    for text in ('sys_platform == "linux"', "python_version < '3.13' and os_name == \"it's\"")
)
DIGESTS = st.dictionaries(
    st.sampled_from(("sha256", "sha512", "md5")), st.just(""), min_size=1
).flatmap(lambda names: st.fixed_dictionaries({name: digest(name) for name in names}))
_DIGITS = {"sha256": 64, "sha512": 128, "md5": 32}


def digest(algorithm: str) -> st.SearchStrategy[str]:
    return st.text("0123456789abcdef", min_size=_DIGITS[algorithm], max_size=_DIGITS[algorithm])


def addresses(filename: str) -> st.SearchStrategy[str]:
    """Where a file may be: on a server, or in a folder beside or above the lock."""
    folders = st.lists(SEGMENTS, max_size=2)
    query = st.sampled_from(("", "?a='b'&c=%22", "?token=x y", "#egg=a'b"))
    return st.one_of(
        st.tuples(folders, query).map(
            lambda drawn: (
                f"https://files.test/{'/'.join(map(quote, [*drawn[0], filename]))}{drawn[1]}"
            )
        ),
        st.tuples(st.sampled_from(("/locks", "/up", "/")), folders).map(
            lambda drawn: Path(drawn[0], *drawn[1], filename).as_uri()
        ),
    )


@st.composite
def files(draw: st.DrawFn, filename: str, project: str) -> Artifact:
    return Artifact(
        filename=filename,
        url=draw(addresses(filename)),
        name=parse_filename(filename, project),
        size=draw(st.none() | st.integers(0, 2**62)),
        hashes=draw(DIGESTS),
        upload_time=draw(
            st.none()
            | st.datetimes(datetime(1970, 1, 1), datetime(9999, 1, 1), timezones=st.just(UTC))
        ),
    )


@st.composite
def entries(draw: st.DrawFn) -> LockEntry:
    project, version = draw(NAMES), draw(VERSIONS)
    entry = LockEntry(
        project=project,
        version=Version(version),
        origin="",
        condition=draw(st.just(ALWAYS) | st.sampled_from(CONDITIONS)),
        requires_python=_specifiers(draw(PYTHONS)),
    )
    kind = draw(st.sampled_from(PlaceKind))
    match kind:
        case PlaceKind.INDEX:
            return draw(_from_an_index(entry))
        case PlaceKind.ARCHIVE:
            file = draw(files(f"{project}-{version}.zip", project))
            return replace(entry, files=(file,), place=Place(kind=PlaceKind.ARCHIVE))
        case PlaceKind.VCS:
            system = draw(st.sampled_from(("", "hg+", "svn+", "bzr+")))
            path = "/".join(map(quote, draw(st.lists(SEGMENTS, min_size=1, max_size=2))))
            place = Place(
                kind=PlaceKind.VCS,
                location=f"{system}https://code.test/{path}",
                revision=draw(st.text("0123456789abcdef", min_size=40, max_size=40)),
                requested=draw(st.none() | st.sampled_from(("main", "feature/ü"))),
                subdirectory=draw(st.none() | st.sampled_from(("py", "a b/c"))),
            )
            return replace(entry, place=place, own=draw(st.none() | resolutions()))
        case PlaceKind.DIRECTORY:
            path = "/".join(draw(st.lists(SEGMENTS, min_size=1, max_size=3)))
            place = Place(kind=PlaceKind.DIRECTORY, location=path, editable=draw(st.booleans()))
            return replace(entry, version=None, place=place, own=draw(st.none() | resolutions()))
        case _:
            assert_never(kind)


@st.composite
def resolutions(draw: st.DrawFn) -> Resolution:
    """What a source is known to ask for, perhaps for nothing."""
    asks = draw(st.frozensets(REQUIREMENTS, max_size=3))
    markers = [line.marker for line in asks if line.marker is not None]
    extras = frozenset(NormalizedName(extra) for marker in markers for extra in marker.extras)
    return Resolution(requires_dist=asks, requires_python=None, provides_extra=extras)


@st.composite
def _from_an_index(draw: st.DrawFn, entry: LockEntry) -> LockEntry:
    stem = f"{entry.project.replace('-', '_')}-{entry.version}"
    tags = st.sampled_from(
        ("py3-none-any", "cp312-cp312-win_amd64", "cp311-abi3-manylinux_2_17_x86_64")
    )
    names = [f"{stem}-{tag}.whl" for tag in draw(st.lists(tags, unique=True, min_size=1))]
    if sdist := draw(st.booleans()):
        names.append(f"{stem}.tar.gz")
    known = draw(st.lists(st.sampled_from(names), unique=True))
    own = draw(st.none() | resolutions()) if sdist else None
    return replace(
        entry,
        files=tuple(draw(files(name, entry.project)) for name in names),
        place=Place(location=draw(st.none() | HARD.filter(bool))),
        recorded={name: draw(digest("sha256")) for name in known},
        own=own,
        promise=draw(HARD) if own is not None else None,
    )


@st.composite
def locks(draw: st.DrawFn) -> Lock:
    drawn = draw(
        st.lists(entries(), max_size=4, unique_by=lambda one: (one.project, one.condition.text))
    )
    projects = [one.project for one in drawn]
    edges = st.lists(st.sampled_from(projects), unique=True) if drawn else st.nothing()
    asked = tuple(
        replace(one, edges=tuple(Edge(project=name) for name in draw(edges))) for one in drawn
    )
    groups = [option for option in OPTIONS if option.kind is OptionKind.GROUP]
    rivals = st.frozensets(st.sampled_from(OPTIONS), min_size=2)
    return Lock(
        kind=LockKind.PYLOCK,
        path="pylock.toml",
        entries=asked,
        requires_python=_specifiers(draw(PYTHONS)),
        environments=draw(st.lists(st.sampled_from(ENVIRONMENTS), unique=True).map(tuple)),
        options=frozenset(OPTIONS),
        default=draw(st.frozensets(st.sampled_from(groups))),
        conflicts=tuple(draw(st.frozensets(rivals, max_size=2))),
        overrides=tuple(draw(st.frozensets(REQUIREMENTS, max_size=3))),
        excluded=draw(st.frozensets(NAMES)),
        targets=tuple(map(str, parse_targets("cp312-{linux-x86_64,macos-arm64}"))),
        roots=tuple(draw(st.lists(REQUIREMENTS.map(str), max_size=3))),
        option_roots=tuple(
            draw(st.sets(st.tuples(st.sampled_from(OPTIONS), REQUIREMENTS.map(str)), max_size=3))
        ),
    )


def _specifiers(text: str | None) -> SpecifierSet | None:
    return SpecifierSet(text) if text is not None else None


def written(lock: Lock) -> str:
    return pylock_text(lock, relative_to=FOLDER)


def meant(lock: Lock) -> dict[str, Any]:
    """All that a lock says, in an order and a form of its own."""
    return {
        "entries": sorted((_meant(entry) for entry in lock.entries), key=repr),
        "requires-python": lock.requires_python,
        "environments": lock.environments,
        "options": (lock.options, lock.default, frozenset(lock.conflicts)),
        "policy": (frozenset(lock.overrides), lock.excluded),
        "asked": (lock.targets, lock.roots, frozenset(lock.option_roots)),
    }


def _meant(entry: LockEntry) -> dict[str, Any]:
    # A path that leads upward stays as it is when it is read.
    files = [replace(file, url=_plain(file.url)) for file in entry.files]
    place = entry.place
    if place.kind is PlaceKind.ARCHIVE:
        # Its place is that of its file, written as a path or as an address.
        place = replace(place, location=files[0].url)
    return {
        "project": (entry.project, entry.version),
        "condition": entry.condition,
        "requires-python": entry.requires_python,
        "files": sorted(files, key=key_of),
        "place": place,
        "edges": sorted(edge.project for edge in entry.edges),
        "recorded": dict(entry.recorded),
        "sdist": (entry.own, entry.promise),
    }


def _plain(url: str) -> str:
    return normpath(url) if url.startswith("file:") else url


@settings(max_examples=200)
@given(locks())
def test_what_is_written_is_read_back_as_it_was(lock: Lock) -> None:
    document = toml_document(str(FOLDER / "pylock.toml"), written(lock))
    back = read_pylock(document, project=FOLDER, environ={})
    assert back.faults == ()
    assert meant(back) == meant(lock)
    assert written(back) == document.text
    Pylock.from_dict(tomllib.loads(document.text))


@settings(max_examples=100)
@given(locks(), st.randoms(use_true_random=False))
def test_the_bytes_depend_on_no_order(lock: Lock, chance: Any) -> None:
    def mixed(items: Sequence[Any]) -> Any:
        return tuple(chance.sample(list(items), len(items)))

    other = replace(
        lock,
        entries=mixed(
            [
                replace(
                    entry,
                    files=mixed(entry.files),
                    edges=mixed(entry.edges),
                    recorded=dict(mixed(list(entry.recorded.items()))),
                )
                for entry in lock.entries
            ]
        ),
        options=frozenset(mixed(list(lock.options))),
        conflicts=mixed(lock.conflicts),
        overrides=mixed(lock.overrides),
        option_roots=mixed(lock.option_roots),
    )
    assert written(other) == written(lock)


Taken = set[tuple[str, str]]
"""Projects and the names of their files."""


def selected(pylock: Pylock, point: Point) -> Taken | None:
    """What an installer takes there (PEP 751, "Installation"); None if it cannot go on."""
    environment: Any = {**point.environment(), "extra": ""}
    taken: Taken = set()
    try:
        for package, file in pylock.select(environment=environment, tags=tags_of(point)):
            assert isinstance(file, PackageWheel)
            taken.add((package.name, str(file.name)))
    except PylockSelectError as error:
        if "No wheel found" not in str(error):
            raise
        return None
    return taken


def spoken_of(ground: Ground, closure: Closure, lock: Lock, index: int) -> Taken | None:
    """The files that the audit says are taken at a point; None if some entry has none there."""
    taken: Taken = set()
    for number, entry in enumerate(lock.entries):
        if not closure.live[number] >> index & 1:
            continue
        files = [pick.artifact for pick in ground.picks[number] if pick.points >> index & 1]
        if not files:
            return None
        taken |= {(entry.project, file.filename) for file in files}
    return taken


@settings(max_examples=60)
@given(shelves(), st.data())
def test_an_installer_takes_the_files_that_the_audit_speaks_of(
    shelf: Shelf, data: st.DataObject
) -> None:
    for profile in locked(shelf).profiles:
        pylock = Pylock.from_dict(tomllib.loads(written(profile.lock)))
        ground, (closure, *_) = profile.audit.ground, profile.audit.closures
        points = st.sampled_from(list(ground.space.indices(ground.claimed)))
        for index in data.draw(st.sets(points, max_size=40)):
            expected = spoken_of(ground, closure, profile.lock, index)
            assert selected(pylock, ground.space.point(index)) == expected
