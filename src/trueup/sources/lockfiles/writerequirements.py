"""Writes what a lock installs in one environment as a `requirements.txt` with hashes.

The format is pip's ("Requirements File Format", "Hash-checking Mode"), which uv reads as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from trueup.model.condition import Selection
from trueup.model.errors import TrueupError
from trueup.model.lock import Lock, LockEntry, PlaceKind

__all__ = ["live_entries", "requirements_text"]

_HEADER = "# Made by trueup from a lock, for one environment; `trueup lock` makes it again.\n"
_SYSTEMS = ("hg+", "svn+", "bzr+")


def live_entries(
    lock: Lock, environment: Mapping[str, str], selection: Selection
) -> tuple[LockEntry, ...]:
    """The entries that are installed there, in order of name and version.

    ``environment`` has a value for each marker variable but `extra` (PEP 508); ``selection`` are
    the options that are chosen. The lock is one whose entries have conditions of their own, as
    `pylock.toml` is: TrueupError for one that is walked from its roots.
    """
    if lock.walked:
        raise TrueupError(
            "says what is installed by its edges, which are not followed here",
            expected="a lock whose entries have markers of their own, such as `pylock.toml`",
            place=(lock.path,),
        )
    live = [entry for entry in lock.entries if _is_live(entry, environment, selection)]
    return tuple(sorted(live, key=lambda entry: (entry.project, str(entry.version))))


def requirements_text(lock: Lock, environment: Mapping[str, str], selection: Selection) -> str:
    """The lines of all entries that are live in an environment, with who asks for them.

    Takes what :func:`live_entries` takes. Raises TrueupError, with the entry, for one that no line
    can pin: no version, no hash, no address or no commit; and for a project that is live twice.
    """
    live = live_entries(lock, environment, selection)
    for one, other in pairwise(live):
        if one.project == other.project:
            raise TrueupError(
                "is installed twice in one environment",
                found=f"`{one.title}` and `{other.title}`",
                expected="one entry of each project",
                place=(lock.path,),
            )
    try:
        return "".join([_HEADER, *(line for entry in live for line in _lines(entry, live))])
    except TrueupError as error:
        raise error.within(lock.path) from error


def _is_live(entry: LockEntry, environment: Mapping[str, str], selection: Selection) -> bool:
    left = entry.condition.under(selection)
    return left if isinstance(left, bool) else left.holds(environment)


def _lines(entry: LockEntry, live: Sequence[LockEntry]) -> Iterator[str]:
    hashes = sorted(_hashes(entry))
    if entry.place.kind in (PlaceKind.INDEX, PlaceKind.ARCHIVE) and not hashes:
        raise TrueupError(
            "has no hash, so it cannot be pinned",
            expected="a file with a hash",
            place=(entry.title,),
        )
    yield " \\\n".join([_subject(entry), *(f"    --hash={one}" for one in hashes)]) + "\n"
    if entry.place.kind is PlaceKind.VCS and any(map(_hashes, live)):
        yield "    # pip has no hash for a repository, and refuses it beside hashes; uv installs it\n"
    parents = sorted({one.project for one in live if _asks(one, entry)})
    if parents:
        yield f"    # via {', '.join(parents)}\n"


def _subject(entry: LockEntry) -> str:
    extras = f"[{','.join(sorted(entry.extras))}]" if entry.extras else ""
    name, place = f"{entry.project}{extras}", entry.place
    match place.kind:
        case PlaceKind.INDEX:
            if entry.version is None:
                raise TrueupError("has no version, so it cannot be pinned", place=(entry.title,))
            return f"{name}=={entry.version}"
        case PlaceKind.ARCHIVE:
            return f"{name} @ {_known(entry.files[0].url if entry.files else None, entry)}"
        case PlaceKind.VCS:
            address = _known(place.location, entry)
            system = "" if address.startswith(_SYSTEMS) else "git+"
            folder = f"#subdirectory={place.subdirectory}" if place.subdirectory else ""
            return f"{name} @ {system}{address}@{_known(place.revision, entry)}{folder}"
        case PlaceKind.DIRECTORY:
            # A path that begins with a dot is a path to every installer, whatever it is called.
            path = _known(place.location, entry)
            path = path if path.startswith((".", "/", "file:")) else f"./{path}"
            return f"{'-e ' if place.editable else ''}{path}{extras}"


def _known(value: str | None, entry: LockEntry) -> str:
    if not value:
        raise TrueupError("has no address or commit, so it cannot be pinned", place=(entry.title,))
    return value


def _hashes(entry: LockEntry) -> set[str]:
    """Of an index or an archive; pip has no hash for a repository or a folder."""
    if entry.place.kind in (PlaceKind.VCS, PlaceKind.DIRECTORY):
        return set()
    listed = {f"{name}:{digits}" for file in entry.files for name, digits in file.hashes.items()}
    return listed | entry.digests


def _asks(parent: LockEntry, child: LockEntry) -> bool:
    return any(
        edge.project == child.project and edge.version in (None, child.version)
        for edge in parent.edges
    )
