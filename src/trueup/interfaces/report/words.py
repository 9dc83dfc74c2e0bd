"""The words that all formats share, and the guard against text that comes from hostile files."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

from trueup.model.artifact import OtherName, SdistName, WheelName, parse_filename
from trueup.model.finding import (
    Advice,
    FileReport,
    FileStatus,
    Finding,
    ReleaseClass,
    ReleaseReport,
    Report,
    Severity,
)

__all__ = [
    "NOTHING_MORE",
    "advice_words",
    "count",
    "counts",
    "headline",
    "in_order",
    "listed",
    "natural",
    "origin",
    "printable",
    "shorten",
    "summary",
    "tally",
    "titled",
    "visible",
]

NOTHING_MORE = "(nothing more)"
"""Stands where one side of a difference asks for nothing beyond what is common to all."""

# Controls, formatting characters (bidirectional overrides, zero-width ones, tags), lone
# surrogates, private use, line and paragraph separators: whatever a terminal, a log viewer or a
# browser may obey instead of showing.
_UNSAFE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
_ASCII_SAFE = re.compile(r"[ -~]*\Z")
# The workflow commands of GitHub's runner: `::name` where a line starts, `##[name` anywhere.
_COMMAND = re.compile(r"(^|\s):(?=:[A-Za-z])|##(?=\[)")
_USER_INFO = re.compile(r"(?<=//)[^/@\s]*@")


def visible(text: str) -> str:
    """One line of text in which no character acts: what could is written as a visible escape.

    ``\\x1b`` for a control character, ``\\u202e`` for a bidirectional override.
    """
    if _ASCII_SAFE.match(text):
        return text
    return "".join(
        _escape(character) if unicodedata.category(character) in _UNSAFE_CATEGORIES else character
        for character in text
    )


def printable(text: str) -> str:
    """:func:`visible` text for a stream that a build service may watch for commands.

    The start of a workflow command (``::error``, ``##[group]``) loses a character to an escape.
    """
    text = visible(text)
    if "::" in text or "##[" in text:
        text = _COMMAND.sub(_defuse, text)
    return text


def _defuse(match: re.Match[str]) -> str:
    return r"#\x23" if match[0] == "##" else f"{match[1]}\\x3a"


def _escape(character: str) -> str:
    known = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}.get(character)
    if known is not None:
        return known
    point = ord(character)
    if point < 0x100:
        return f"\\x{point:02x}"
    return f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"


def origin(text: str) -> str:
    """Where a release comes from, without the credentials that an address may carry."""
    return _USER_INFO.sub("", text)


def count(number: int, noun: str) -> str:
    """``1 wheel``, ``34 wheels``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def listed(names: Sequence[str], limit: int) -> str:
    """Names one after the other; of many the first, and how many more there are."""
    more = [f"and {len(names) - limit:,} more"] if len(names) > limit else []
    return ", ".join([*names[:limit], *more])


def counts(files: Iterable[FileReport]) -> str:
    """How many files of each kind: ``34 wheels, 1 sdist, 1 unread``."""
    wheels = sdists = others = unread = yanked = outside = 0
    for file in files:
        match parse_filename(file.filename):
            case WheelName():
                wheels += 1
            case SdistName():
                sdists += 1
            case OtherName():
                others += 1
        unread += file.status is FileStatus.UNREAD or (
            file.status is FileStatus.SDIST and file.reason is not None
        )
        yanked += file.status is FileStatus.YANKED
        outside += file.status is FileStatus.OUTSIDE
    parts = [
        count(number, noun)
        for number, noun in ((wheels, "wheel"), (sdists, "sdist"), (others, "other file"))
        if number
    ]
    parts += [f"{unread:,} unread"] if unread else []
    parts += [f"{yanked:,} yanked"] if yanked else []
    parts += [f"{outside:,} outside `--for`"] if outside else []
    return ", ".join(parts) or "no files"


def advice_words(release: ReleaseReport) -> str:
    """What class and advice mean for a tool that reads one file, as a clause."""
    if release.release_class in (ReleaseClass.MERGEABLE, ReleaseClass.IRRECONCILABLE):
        return "a tool that reads one file is wrong"
    match release.advice:
        case Advice.READ_ONE:
            kind = "wheel" if any(map(_is_wheel, release.files)) else "file"
            return f"any one {kind} speaks for all"
        case Advice.PER_TARGET:
            return "read the file of each target"
        case Advice.UNKNOWN:
            return "whether one file speaks for all is unknown"


def _is_wheel(file: FileReport) -> bool:
    return file.filename.endswith(".whl")


def headline(release: ReleaseReport) -> str:
    """``nmslib 2.1.1: mergeable; 34 wheels, 1 sdist; a tool that reads one file is wrong``."""
    title = f"{release.project} {release.version}"
    return f"{title}: {release.class_words}; {counts(release.files)}; {advice_words(release)}"


def natural(text: str) -> tuple[tuple[int, int, str], ...]:
    """A key that sorts ``cp39`` before ``cp310``."""
    return tuple(
        (0, int(part), "") if part.isdecimal() else (1, 0, part)
        for part in re.split(r"([0-9]+)", text.lower())
        if part
    )


def in_order(files: Iterable[FileReport]) -> list[FileReport]:
    """The files of a release as every index shows them: sdists, wheels, the rest, each by name."""

    def key(file: FileReport) -> tuple[int, tuple[tuple[int, int, str], ...], str]:
        kind = (SdistName, WheelName, OtherName).index(type(parse_filename(file.filename)))
        return kind, natural(file.filename), file.filename

    return sorted(files, key=key)


def shorten(files: Iterable[str]) -> str:
    """Many files in few words: ``31 wheels: cp27 … cp39``."""
    wheels = sdists = others = 0
    pythons: set[str] = set()
    for name in files:
        match parse_filename(name):
            case WheelName(tags=tags):
                wheels += 1
                pythons.update(tag.interpreter for tag in tags)
            case SdistName():
                sdists += 1
            case OtherName():
                others += 1
    parts = [
        count(number, noun)
        for number, noun in ((sdists, "sdist"), (others, "other file"), (wheels, "wheel"))
        if number
    ]
    return ", ".join(parts) + (f": {_python_span(pythons)}" if pythons else "")


def _python_span(interpreters: Iterable[str]) -> str:
    spans: dict[str, list[tuple[tuple[int, int], str]]] = {}
    for interpreter in interpreters:
        implementation = interpreter.rstrip("0123456789")
        digits = interpreter[len(implementation) :]
        # `cp310` is 3.10 and `cp39` is 3.9: the first digit is the major version.
        order = (int(digits[:1] or 0), int(digits[1:] or 0))
        spans.setdefault(implementation, []).append((order, interpreter))
    words = []
    for implementation in sorted(spans):
        span = sorted(spans[implementation])
        first, last = span[0][1], span[-1][1]
        words.append(first if len(span) == 1 else f"{first} … {last}")
    return ", ".join(words)


def titled(finding: Finding) -> str:
    """The finding in one sentence, led by the release it is about, if it is about one."""
    title = " ".join(filter(None, (finding.project, finding.version)))
    return f"{title}: {finding.message}" if title else finding.message


def tally(findings: Iterable[Finding]) -> str:
    """``2 errors, 1 warning``; ``no findings``."""
    numbers = dict.fromkeys(Severity, 0)
    for finding in findings:
        numbers[finding.severity] += 1
    parts = [
        count(numbers[severity], noun)
        for severity, noun in ((Severity.ERROR, "error"), (Severity.WARNING, "warning"))
        if numbers[severity]
    ]
    if numbers[Severity.INFO]:
        parts.append(f"{numbers[Severity.INFO]:,} info")
    return ", ".join(parts) or "no findings"


def summary(report: Report) -> str:
    """``2 errors, 1 warning in 3 releases``, and what was left out or could not be done."""
    text = f"{tally(report.findings)} in {count(len(report.releases), 'release')}"
    if report.known:
        text += f"; {count(report.known, 'known finding')} left out"
    if report.failures:
        text += f"; {count(len(report.failures), 'target')} could not be judged"
    return text
