"""What of a project has to be read so that its releases can be compared: as little as possible.

Asks and is answered, and fetches nothing itself: a crawl answers from an index, others from folders.

- A release with one wheel has nothing to compare, unless its sdist is to be compared with it.
- Wheels whose sidecars have equal digests say the same, without being read.
- Otherwise one text is read per digest, and every wheel without one by itself.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from enum import Enum
from typing import NamedTuple

from trueup.model.filerow import Provenance
from trueup.model.version import parse_version, written_version
from trueup.sources.crawl.pages import PageFile
from trueup.sources.crawl.records import CrawledRow, ProjectRows
from trueup.sources.crawl.texts import Refused, Text

__all__ = ["Answer", "Ask", "Found", "Way", "chosen", "reading", "rows_of"]

_CONVINCING = 2
"""Sidecars that are there unadvertised, before several are asked for at once."""
_SIDECAR, _UNREAD = Provenance.SIDECAR.value, Provenance.UNREAD.value


class Way(Enum):
    """How a file's metadata is read."""

    SIDECAR = "its advertised sidecar"
    GUESSED = "a sidecar that may be there although nobody says so"
    ARCHIVE = "the file itself"


class Ask(NamedTuple):
    """One thing to read."""

    file: PageFile
    way: Way


Answer = Text | Refused


class Found(NamedTuple):
    """What is known of a file: the text, from where, and what went wrong on the way."""

    source: Provenance
    text: Text | None
    problem: str | None = None
    passing: bool = False


Asking = Generator[list[Ask], Sequence[Answer], None]


def chosen(
    files: Sequence[PageFile], *, newest: int | None, versions: Iterable[str] | None
) -> list[PageFile]:
    """The files of the ``newest`` releases and of the named ``versions``; None and None: all.

    Pre-releases count only where a project has nothing else (PEP 440).
    """
    if newest is None and versions is None:
        return list(files)
    wanted = set(map(written_version, versions or ()))
    if newest:
        known = sorted(set(filter(None, map(parse_version, {file.version for file in files}))))
        final = [version for version in known if not version.is_prerelease]
        wanted |= {str(version) for version in (final or known)[-newest:]}
    return [file for file in files if file.version in wanted]


def reading(
    files: Iterable[PageFile], *, sdists: bool = False, guess: bool = False
) -> Generator[list[Ask], Sequence[Answer], dict[str, Found]]:
    """Yields what can be asked at once, takes the answers in that order, returns what was found.

    ``sdists``: compare them with their wheels; ``guess``: look for sidecars that nobody advertises.
    What was not asked for is not in the result.
    """
    found: dict[str, Found] = {}
    askings = _askings(files, found, sdists=sdists, guess=guess)
    live = [(asking, next(asking)) for asking in askings]
    while live:
        answers = yield [ask for _, asks in live for ask in asks]
        going, at = [], 0
        for asking, asks in live:
            given, at = answers[at : at + len(asks)], at + len(asks)
            try:
                going.append((asking, asking.send(given)))
            except StopIteration:
                continue
        live = going
    return found


def _askings(
    files: Iterable[PageFile], found: dict[str, Found], *, sdists: bool, guess: bool
) -> Iterable[Asking]:
    releases: dict[str, tuple[list[PageFile], list[PageFile]]] = {}
    for file in files:
        if file.kind != "other":
            both = releases.get(file.version)
            if both is None:
                both = releases[file.version] = ([], [])
            both[file.kind == "sdist"].append(file)
    for wheels, others in releases.values():
        compared = others if sdists and wheels else []
        if len(wheels) < 2 and not compared:
            continue
        texts: dict[str, list[PageFile]] = {}
        for wheel in wheels:
            texts.setdefault(wheel.sidecar or "", []).append(wheel)
        loose = texts.pop("", [])
        if not compared and not loose and len(texts) == 1:
            continue
        for group in texts.values():
            yield _hashed(group, found)
        promised = [file for file in [*loose, *compared] if file.sidecar is not None]
        for file in promised:
            yield _hashed([file], found)
        bare = [file for file in loose if file.sidecar is None]
        if bare:
            yield _bare(bare, found, guess=guess)
        if archives := [file for file in compared if file.sidecar is None]:
            yield _bare(archives, found, guess=False)


def _hashed(group: Sequence[PageFile], found: dict[str, Found]) -> Asking:
    """Files whose sidecars have one digest: the first that can be read speaks for all."""
    for number, file in enumerate(group):
        (answer,) = yield [Ask(file, Way.SIDECAR)]
        if isinstance(answer, Text):
            _speaks(answer, Provenance.SIDECAR, group[number:], found)
            return
        (archive,) = yield [Ask(file, Way.ARCHIVE)]
        if isinstance(archive, Refused):
            passing = answer.passing or archive.passing
            problem = f"{archive.reason}; {answer.reason}"
            found[file.filename] = Found(Provenance.UNREAD, None, problem, passing)
            continue
        _speaks(archive, Provenance.ARCHIVE, [file], found, note=answer.reason)
        if file.sidecar and archive.sha256 == file.sidecar:
            _speaks(archive, Provenance.SIDECAR, group[number + 1 :], found)
            return


def _bare(files: Sequence[PageFile], found: dict[str, Found], *, guess: bool) -> Asking:
    """Files of which nothing is advertised."""
    rest, hits = list(files), 0
    while guess and rest:
        asked = rest if hits >= _CONVINCING else rest[:1]
        answers = yield [Ask(file, Way.GUESSED) for file in asked]
        missing = []
        for file, answer in zip(asked, answers, strict=True):
            if isinstance(answer, Text):
                _speaks(answer, Provenance.SIDECAR, [file], found)
                hits += 1
            else:
                missing.append(file)
        guess = not missing
        rest = missing + rest[len(asked) :]
    if rest:
        answers = yield [Ask(file, Way.ARCHIVE) for file in rest]
        for file, answer in zip(rest, answers, strict=True):
            if isinstance(answer, Text):
                _speaks(answer, Provenance.ARCHIVE, [file], found)
            else:
                found[file.filename] = Found(Provenance.UNREAD, None, answer.reason, answer.passing)


def _speaks(
    text: Text,
    source: Provenance,
    files: Sequence[PageFile],
    found: dict[str, Found],
    *,
    note: str | None = None,
) -> None:
    """A text that was read says what files say, or that nobody can read them."""
    for file in files:
        if text.problem is not None:
            found[file.filename] = Found(Provenance.UNREAD, None, text.problem)
        else:
            found[file.filename] = Found(source, text, note)


def rows_of(files: Iterable[PageFile], found: Mapping[str, Found]) -> ProjectRows:
    """The rows of a project's files; a file that nobody asked for has what its page says.

    The digest of a sidecar that was not read is enough to say that two files are equal; without
    one a file is unread, and has no problem.
    """
    texts: list[Text] = []
    places: dict[int, int] = {}
    rows = []
    for file in files:
        digest = file.sidecar or None
        source, place, problem = _UNREAD if digest is None else _SIDECAR, -1, None
        known = found.get(file.filename)
        if known is not None:
            source, problem = known.source.value, known.problem
            # What could not be read is not known to be what its page says.
            digest = None
            if known.text is not None:
                digest, place = known.text.sha256, places.setdefault(id(known.text), len(texts))
                if place == len(texts):
                    texts.append(known.text)
        rows.append(
            CrawledRow(
                file.filename, file.kind, file.version, source, place, file.requires_python,
                file.yanked, file.uploaded, file.size, file.sha256, digest, problem,
            )
        )  # fmt: skip
    return ProjectRows(texts, rows)
