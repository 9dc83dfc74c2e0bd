"""The words that all formats of `trueup libs` share."""

from __future__ import annotations

import re
from collections.abc import Sequence

from trueup.interfaces.report.words import count, listed, natural, tally
from trueup.judge.duplicates import version_of
from trueup.judge.gpu import needed_for
from trueup.model.gpu import Gpu
from trueup.model.library import Distribution, NativeFile
from trueup.model.libraryname import parse_library_name
from trueup.model.metadata import Unreadable
from trueup.model.nativereport import LoadedMap, NativeReport

__all__ = [
    "brief_label",
    "brief_path",
    "bytes_text",
    "device_rows",
    "gpu_rows",
    "library_label",
    "native_summary",
    "pins_words",
    "short_path",
    "together",
    "used_by",
    "used_words",
    "users_of",
]

_NUMBER = re.compile(r"\d+(?:\.\w+)+", re.ASCII)
_REPAIRED = re.compile(r"(?:\.libs|\.dylibs)/[^/]+\Z")
_LIBRARY = re.compile(r"\.so\b|\.dll\Z|\.dylib\Z", re.I)
_UNITS = ("bytes", "kB", "MB", "GB", "TB")
_SHOWN_USERS = 3


def bytes_text(size: int) -> str:
    """A number of bytes with three digits, in powers of 1000: ``23.8 MB``."""
    value = float(size)
    for unit in _UNITS:
        if value < 999.5 or unit == _UNITS[-1]:
            digits = 0 if unit == "bytes" or value >= 99.95 else 1
            return f"{value:,.{digits}f} {unit}"
        value /= 1000
    raise AssertionError("unreachable")


def short_path(path: str) -> str:
    """The last two parts of a path: the folder says whose it is."""
    return "/".join(path.split("/")[-2:])


def library_label(file: NativeFile) -> str:
    """Which library it is, as far as it says: its version, or why it cannot be read."""
    if isinstance(file.images, Unreadable):
        return f"unreadable: {file.images.reason}"
    if file.is_extension:
        return "extension module"
    version = version_of(file)
    if version is not None:
        return version
    return "library" if any(image.name for image in file.images) else "program"


def brief_label(file: NativeFile) -> str:
    """:func:`library_label` for a column: the number alone, and what changes the interface.

    Nothing for what could not be read: why not is a sentence.
    """
    if isinstance(file.images, Unreadable):
        return ""
    text = library_label(file)
    number = _NUMBER.search(text)
    if number is None:
        return "" if text == "library" else text
    # OpenBLAS exports the same names with 32-bit and 64-bit integers (ILP64).
    return f"{number[0]} ILP64" if "USE64BITINT" in text else number[0]


def brief_path(path: str) -> str:
    """The file name of what a repair tool put in; of others with the folder, which tells more."""
    return path.rpartition("/")[2] if _REPAIRED.search(path) else short_path(path)


def users_of(file: NativeFile, loaded: LoadedMap) -> list[str] | None:
    """Who asks for a library, by short names, each once; None for what is no library."""
    if file.is_extension or not any(image.name for image in file.readable):
        return None
    links = loaded.users.get(file.path, ())
    return list(dict.fromkeys(_bare(link.user, loaded) for link in links))


def used_by(file: NativeFile, loaded: LoadedMap) -> str:
    """Who asks for a library, or nothing for what is no library."""
    return used_words(users_of(file, loaded), _SHOWN_USERS)


def used_words(users: Sequence[str] | None, limit: int) -> str:
    """``used by _core, libavformat and 49 more``; without any name if ``limit`` is 0."""
    if users is None:
        return ""
    if not users:
        return "nobody asks for it"
    if not limit:
        return f"used by {count(len(users), 'file')}"
    more = f" and {len(users) - limit:,} more" if len(users) > limit else ""
    return f"used by {', '.join(users[:limit])}{more}"


def _bare(path: str, loaded: LoadedMap) -> str:
    """A user by its module's or library's name alone, without version and digest."""
    name = path.rpartition("/")[2]
    known = loaded.files.get(path)
    if known is None:
        return name
    if known[1].is_extension:
        return name.partition(".")[0]
    return parse_library_name(name).stem if _LIBRARY.search(name) else name


def gpu_rows(item: Distribution) -> list[tuple[str, str, int]]:
    """The device code of a distribution: (target, kind, bytes), `sm_80` before `sm_100`."""
    sums: dict[tuple[str, str], int] = {}
    for file in item.files:
        for image in file.readable:
            for code in image.gpu:
                key = (code.target, code.kind.value)
                sums[key] = sums.get(key, 0) + code.size
    rows = [(target, kind, size) for (target, kind), size in sums.items()]
    return sorted(rows, key=lambda row: (natural(row[0]), row[1]))


def device_rows(report: NativeReport, gpu: Gpu) -> list[tuple[str, ...]]:
    """What one device loads of each library: (file, needed, of how much, targets or nothing)."""
    rows: list[tuple[str, ...]] = []
    for item in report.distributions:
        for file in item.files:
            for image in file.readable:
                if image.gpu:
                    needed = needed_for(image.gpu, gpu)
                    rows.append(
                        (
                            file.path,
                            bytes_text(sum(code.size for code in needed)),
                            "of",
                            bytes_text(sum(code.size for code in image.gpu)),
                            listed(sorted({code.target for code in needed}, key=natural), 4),
                        )
                    )
    return rows


def together(labels: Sequence[str]) -> str:
    """Environments in one line: ``Linux x86_64, Python 3.12, 3.13; Windows amd64, Python 3.12``."""
    groups: dict[str, list[str]] = {}
    for label in labels:
        platform, mark, python = label.partition(", Python ")
        groups.setdefault(platform + mark, []).append(python)
    return "; ".join(head + ", ".join(filter(None, tails)) for head, tails in groups.items())


def native_summary(report: NativeReport) -> str:
    """One line: how many files, how large, what was found."""
    files = [file for item in report.distributions for file in item.files]
    size = sum(file.size for file in files)
    packed = sum(file.packed or 0 for file in files)
    stored = f" ({bytes_text(packed)} packed)" if packed else ""
    parts = [
        count(len(report.distributions), "distribution"),
        f"{count(len(files), 'native file')}, {bytes_text(size)}{stored}",
        tally(report.findings),
    ]
    if report.failures:
        parts.append(f"{count(len(report.failures), 'target')} could not be read")
    return "; ".join(parts)


def pins_words(report: NativeReport) -> str:
    """One line for `--check`: what was compared, so that silence is not taken for agreement."""
    made = [item for item in report.distributions if item.nativelib and item.nativelib.expects]
    if not made:
        return (
            f"nothing to compare: none of {count(len(report.distributions), 'distribution')} "
            "says in `nativelib.json` what it was made against"
        )
    pins = sum(len(item.nativelib.expects) for item in made if item.nativelib)
    kind = "library" if pins == 1 else "libraries"
    told = f"{pins:,} {kind} that {count(len(made), 'distribution')} expected"
    return f"compared {told}: {tally(report.findings)}"
