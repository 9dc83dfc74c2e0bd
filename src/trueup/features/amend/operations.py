"""What `amend` can do to metadata: one object per operation, over all targets at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from trueup.features.amend.subject import Subject
from trueup.model.errors import UsageError
from trueup.model.requirement import Requirement, parse_requirement, parse_specifiers

__all__ = ["AddRequires", "Operation", "RemoveRequires", "SetRequiresPython", "Step", "with_added"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """The targets after an operation, in their order, and what is worth saying."""

    subjects: tuple[Subject, ...]
    notes: tuple[str, ...] = ()


class Operation(Protocol):
    """Changes the texts of all targets; reads nothing and writes nothing."""

    def apply(self, subjects: Sequence[Subject]) -> Step:
        """The targets afterwards; raises TrueupError if it cannot be done to one of them."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AddRequires:
    """Adds requirements at the end of the list; one that is there already stays as it is."""

    requirements: tuple[str, ...]

    def apply(self, subjects: Sequence[Subject]) -> Step:
        wanted = [_requirement(text, "--add-requires") for text in self.requirements]
        return Step(subjects=tuple(with_added(subject, wanted) for subject in subjects))


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveRequires:
    """Removes the requirements that are equal to one given, or all on a project given by name.

    Raises UsageError for one that matches in no target: a removal is never silently nothing.
    """

    requirements: tuple[str, ...]

    def apply(self, subjects: Sequence[Subject]) -> Step:
        wanted = [_requirement(text, "--remove-requires") for text in self.requirements]
        met: set[Requirement] = set()
        after: list[Subject] = []
        for subject in subjects:
            kept: list[str] = []
            for text in subject.metadata.values("requires-dist"):
                hits = [item for item in wanted if _means(item, text)]
                met.update(hits)
                kept += [] if hits else [text]
            after.append(subject.with_values("requires-dist", kept))
        for item in wanted:
            if item not in met:
                raise UsageError(
                    f"`--remove-requires {item.text}` matches no requirement of any target",
                    hint="name a project, or the whole requirement with its marker",
                )
        return Step(subjects=tuple(after))


@dataclass(frozen=True, slots=True, kw_only=True)
class SetRequiresPython:
    """Sets `Requires-Python`; empty removes it. One that means the same stays as it is written."""

    specifiers: str

    def apply(self, subjects: Sequence[Subject]) -> Step:
        try:
            wanted = parse_specifiers(self.specifiers)
        except ValueError as error:
            raise UsageError(
                "`--set-requires-python`",
                found=f"`{self.specifiers}`",
                expected="version specifiers, as in `>=3.9` (PEP 440)",
            ) from error
        return Step(subjects=tuple(self._set(subject, wanted) for subject in subjects))

    def _set(self, subject: Subject, wanted: SpecifierSet) -> Subject:
        present = subject.metadata.values("requires-python")
        if len(present) == 1 and self.specifiers and _same_specifiers(present[0], wanted):
            return subject
        return subject.with_values("requires-python", [self.specifiers] if self.specifiers else [])


def with_added(subject: Subject, wanted: Sequence[Requirement]) -> Subject:
    """The subject with these requirements at the end of its list, if they are not there.

    An extra that only a new requirement names is provided from now on: without, nobody could ask
    for it.
    """
    texts = list(subject.metadata.values("requires-dist"))
    present = {requirement for text in texts if (requirement := _parsed(text)) is not None}
    extras = list(subject.metadata.values("provides-extra"))
    provided: set[str] = {canonicalize_name(extra) for extra in extras}
    for item in wanted:
        if item not in present:
            present.add(item)
            texts.append(item.text.strip())
            new = set(item.marker.extras if item.marker else ()) - provided
            provided |= new
            extras += sorted(new)
    return subject.with_values("requires-dist", texts).with_values("provides-extra", extras)


def _means(wanted: Requirement, text: str) -> bool:
    """Whether a requirement is the one that is wanted, or on the project that is wanted."""
    found = _parsed(text)
    if found is None:
        return wanted.text.strip() == text
    bare = not (wanted.specifier or wanted.url or wanted.marker or wanted.extras)
    return found.project == wanted.project if bare else found == wanted


def _parsed(text: str) -> Requirement | None:
    try:
        return parse_requirement(text)
    except ValueError:
        return None


def _same_specifiers(text: str, wanted: SpecifierSet) -> bool:
    try:
        return parse_specifiers(text) == wanted
    except ValueError:
        return False


def _requirement(text: str, option: str) -> Requirement:
    try:
        return parse_requirement(text)
    except ValueError as error:
        raise UsageError(
            f"`{option}`", found=f"`{text}`", expected=f"a requirement ({error})"
        ) from error
