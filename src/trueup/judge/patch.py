"""A patch ledger applied to the metadata of one artifact, and where the two have come apart.

Nothing is written here: the caller gets what the metadata would become, what each operation did,
and the drift, and decides.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from packaging.utils import NormalizedName, canonicalize_name

from trueup.judge.entrypoints import Name, edit_entry_points, parse_entry_points
from trueup.judge.patchlines import Lines
from trueup.model.errors import UsageError
from trueup.model.patch import (
    Application,
    Content,
    Drift,
    DriftKind,
    Effect,
    Field,
    FieldOperation,
    Ledger,
    Outcome,
    Patch,
    RequirementOperation,
    Verb,
)
from trueup.model.requirement import parse_requirement, parse_specifiers

__all__ = ["apply_ledger"]

_SINGLE = {
    Field.REQUIRES_PYTHON: "requires_python",
    Field.SUMMARY: "summary",
    Field.LICENSE: "license",
    Field.LICENSE_EXPRESSION: "license_expression",
    Field.DESCRIPTION: "description",
}
_LICENSE_EXPRESSION_SINCE = (2, 4)

_Operation = RequirementOperation | FieldOperation


def apply_ledger(
    ledger: Ledger,
    content: Content,
    *,
    today: date,
    preemptive: Collection[NormalizedName] | None = None,
    accept_drift: bool = False,
) -> Application:
    """What a ledger makes of one artifact's metadata.

    ``preemptive`` are the projects that upstream's `[tool.trueup.bounds]` names, None where its
    `pyproject.toml` is not at hand. Raises UsageError where operations contradict each other, and
    where one needs upstream's declaration and there is none.
    """
    own = [patch for patch in ledger.patches if patch.project == content.project]
    patches = [patch for patch in own if patch.covers(content.project, content.version)]
    _check_declared(patches, preemptive)
    after, effects = _run(patches, content, preemptive or ())
    again, second = _run(patches, after, preemptive or ())
    if again != after:
        numbers = [
            number
            for number, items in second.items()
            if any(item.outcome is Outcome.CHANGED for item in items)
        ]
        raise UsageError(
            "the patches never come to rest: what one writes another one changes",
            found=" and ".join(f"patch {number}" for number in numbers),
            expected="patches that change nothing when they are applied again",
            hint="say in one operation what the requirement should be",
        )
    drift = [
        item
        for patch in patches
        for item in _drift(patch, content, effects[patch.number], today, accept_drift)
    ]
    if not own:
        drift.append(_no_patch(content, accept_drift))
    return Application(
        before=content,
        after=after,
        effects=tuple(effect for patch in patches for effect in effects[patch.number]),
        drift=tuple(drift),
        left_out=tuple(patch.number for patch in own if patch not in patches),
    )


def _check_declared(
    patches: Iterable[Patch], preemptive: Collection[NormalizedName] | None
) -> None:
    for patch in patches:
        for operation in patch.operations:
            if (
                preemptive is None
                and isinstance(operation, RequirementOperation)
                and operation.verb is Verb.DROP_PREEMPTIVE
            ):
                raise UsageError(
                    f"patch {patch.number}: `drop-preemptive` needs upstream's `pyproject.toml`, "
                    "which says which bounds are only pre-emptive",
                    hint="name the source with `--from`",
                )


def _run(
    patches: Iterable[Patch], content: Content, preemptive: Collection[NormalizedName]
) -> tuple[Content, Mapping[int, list[Effect]]]:
    """All operations once: requirements first, then the other fields in the order of `Field`."""
    state = _State(content=content, lines=Lines(content.requires_dist))
    effects: dict[int, list[Effect]] = {patch.number: [] for patch in patches}
    operations = [(patch, operation) for patch in patches for operation in patch.operations]
    for patch, operation in operations:
        if isinstance(operation, RequirementOperation):
            effects[patch.number].append(state.lines.apply(patch.number, operation, preemptive))
    effects = _without(effects, state.lines.contradictions())
    for kind in Field:
        for patch, operation in operations:
            if isinstance(operation, FieldOperation) and operation.field is kind:
                effects[patch.number].append(state.apply(patch.number, operation))
    faults = [*state.lines.faults, *state.faults]
    if faults:
        raise UsageError(
            "; ".join(dict.fromkeys(faults)),
            expected="one operation for one part of a line or field",
            hint="say in one operation what it should be",
        )
    return state.result(), effects


def _without(
    effects: Mapping[int, list[Effect]], contradictions: Mapping[tuple[int, str], str]
) -> dict[int, list[Effect]]:
    """The effects, where those that were taken back are impossible."""
    return {
        number: [
            replace(effect, outcome=Outcome.IMPOSSIBLE, reason=reason)
            if (reason := contradictions.get((number, effect.operation))) is not None
            else effect
            for effect in items
        ]
        for number, items in effects.items()
    }


@dataclass(slots=True)
class _State:
    """The content while it is changed; ``changed_by`` is who changed which field."""

    content: Content
    lines: Lines
    changed_by: dict[tuple[str, ...], str] = field(default_factory=dict)
    points: dict[Name, str | None] = field(default_factory=dict)
    extras: set[NormalizedName] = field(default_factory=set)
    dropped: set[NormalizedName] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)

    def result(self) -> Content:
        declared = [
            extra
            for extra in self.content.provides_extra
            if canonicalize_name(extra) not in self.dropped
        ]
        known = {canonicalize_name(extra) for extra in declared}
        new = (self.extras | self.lines.new_extras) - known
        text = self.content.entry_points
        return replace(
            self.content,
            requires_dist=self.lines.texts,
            provides_extra=(*declared, *sorted(new)),
            entry_points=edit_entry_points(text, self.points) if self.points else text,
        )

    def apply(self, number: int, operation: FieldOperation) -> Effect:
        mine = f"patch {number} (`{operation}`)"
        place = (operation.field, *operation.name)
        if place in self.changed_by:
            self.faults.append(f"{self.changed_by[place]} and {mine} change the same thing")
        self.changed_by[place] = mine
        match operation.field:
            case Field.EXTRAS:
                return self._extra(number, operation)
            case Field.ENTRY_POINTS:
                return self._entry_point(number, operation)
            case _:
                return self._single(number, operation)

    def _single(self, number: int, operation: FieldOperation) -> Effect:
        attribute = _SINGLE[operation.field]
        before: str | None = getattr(self.content, attribute)
        reason = self._conflict(operation)
        if reason is not None:
            return _effect(number, operation, Outcome.IMPOSSIBLE, before, before, reason)
        if _same(operation.field, before, operation.value):
            return _effect(number, operation, Outcome.ALREADY, before, before)
        changes: dict[str, str | None] = {attribute: operation.value}
        self.content = replace(self.content, **changes)  # type: ignore[arg-type]
        return _effect(number, operation, Outcome.CHANGED, before, operation.value)

    def _conflict(self, operation: FieldOperation) -> str | None:
        """Why a licence cannot be set (core metadata, `License-Expression`)."""
        if operation.field is not Field.LICENSE_EXPRESSION or operation.value is None:
            return None
        if self.content.metadata_version < _LICENSE_EXPRESSION_SINCE:
            written = ".".join(map(str, self.content.metadata_version))
            return f"metadata version {written} has no `License-Expression`; set `license`"
        if self.content.license is not None:
            return "upstream has `License`, which may not stand beside it; remove `license` as well"
        return None

    def _extra(self, number: int, operation: FieldOperation) -> Effect:
        extra = canonicalize_name(operation.name[0])
        there = extra in {canonicalize_name(name) for name in self.content.provides_extra}
        if operation.value is not None:
            self.extras.add(extra)
            outcome = Outcome.ALREADY if there else Outcome.CHANGED
            return _effect(number, operation, outcome, extra if there else None, extra)
        before, after = self.lines.drop_extra(extra)
        self.dropped.add(extra)
        return Effect(
            patch=number,
            operation=str(operation),
            outcome=Outcome.CHANGED if there or before else Outcome.ALREADY,
            before=(*([extra] if there else []), *before),
            after=after,
        )

    def _entry_point(self, number: int, operation: FieldOperation) -> Effect:
        name: Name = (operation.name[0], operation.name[1])
        present = parse_entry_points(self.content.entry_points or "")
        if present is None:
            reason = "upstream's `entry_points.txt` cannot be read"
            return _effect(number, operation, Outcome.IMPOSSIBLE, None, None, reason)
        before = present.get(name)
        if before == operation.value:
            return _effect(number, operation, Outcome.ALREADY, before, before)
        self.points[name] = operation.value
        return _effect(number, operation, Outcome.CHANGED, before, operation.value)


def _effect(
    number: int,
    operation: FieldOperation,
    outcome: Outcome,
    before: str | None,
    after: str | None,
    reason: str | None = None,
) -> Effect:
    return Effect(
        patch=number,
        operation=str(operation),
        outcome=outcome,
        before=() if before is None else (before,),
        after=() if after is None else (after,),
        reason=reason,
    )


def _same(kind: Field, first: str | None, second: str | None) -> bool:
    """Whether two values of a single field mean the same."""
    if first is None or second is None:
        return first == second
    if kind is Field.REQUIRES_PYTHON:
        try:
            return parse_specifiers(first) == parse_specifiers(second)
        except ValueError:
            return first == second
    return first.split() == second.split()


def _drift(
    patch: Patch, content: Content, effects: Collection[Effect], today: date, accept: bool
) -> list[Drift]:
    """How one patch that is for this release no longer fits it."""
    found: list[tuple[DriftKind, str, str]] = []
    for effect in effects:
        match effect.outcome:
            case Outcome.NO_MATCH:
                reason = effect.reason or "nothing in upstream's metadata matches"
                hint = "upstream changed, or a name is mistyped: adapt the patch or remove it"
                found.append((DriftKind.NO_MATCH, f"`{effect.operation}`: {reason}", hint))
            case Outcome.ALREADY:
                what = _already(effect)
                hint = "remove the operation, or give the patch an end with `versions`"
                found.append((DriftKind.NOT_NEEDED, f"`{effect.operation}`: {what}", hint))
            case Outcome.IMPOSSIBLE:
                text = f"`{effect.operation}`: {effect.reason}"
                found.append((DriftKind.IMPOSSIBLE, text, "write the patch anew"))
            case Outcome.CHANGED if effect.reason is not None:
                text = f"`{effect.operation}`: {effect.reason}"
                hint = "use `replace`, or name both in `expects` and set `accept-drift`"
                found.append((DriftKind.CHANGED_UPSTREAM, text, hint))
            case _:
                pass
    if any(effect.outcome is not Outcome.ALREADY for effect in effects):
        hint = "look at the change, then bring `expects` up to date"
        found += ((DriftKind.CHANGED_UPSTREAM, text, hint) for text in _unexpected(patch, content))
    expired = _expired(patch, content, today)
    if expired is not None:
        found.append((DriftKind.EXPIRED, expired, "remove the patch, or move its `until`"))
    return [
        Drift(
            patch=patch.number,
            kind=kind,
            message=message,
            hint=hint,
            accepted=accept or patch.accept_drift,
        )
        for kind, message, hint in found
    ]


def _already(effect: Effect) -> str:
    if not effect.before:
        return "upstream has no such thing"
    return f"upstream says so already: {', '.join(f'`{line}`' for line in effect.before)}"


def _unexpected(patch: Patch, content: Content) -> list[str]:
    """Where upstream is not what the patch was written against."""
    lines = Lines(content.requires_dist)
    texts = []
    for project in dict.fromkeys(item.project for item in patch.expects):
        present = lines.of(project)
        expected = {item for item in patch.expects if item.project == project}
        if {_parsed(text) for text in present} != expected:
            found = ", ".join(f"`{text}`" for text in present) or "nothing"
            wanted = ", ".join(sorted(f"`{item.text}`" for item in expected))
            texts.append(f"requirements on `{project}`: found {found}, expected {wanted}")
    for operation in patch.operations:
        if isinstance(operation, FieldOperation) and operation.expects is not None:
            before = getattr(content, _SINGLE[operation.field])
            if not _same(operation.field, before, operation.expects):
                found = "nothing" if before is None else f"`{before}`"
                texts.append(f"`{operation.field}`: found {found}, expected `{operation.expects}`")
    return texts


def _parsed(text: str) -> object:
    try:
        return parse_requirement(text)
    except ValueError:
        return text


def _expired(patch: Patch, content: Content, today: date) -> str | None:
    until = patch.until
    if isinstance(until, date):
        return f"was to last until {until}" if today > until else None
    if until is not None and until.contains(content.version, prereleases=True):
        return f"was to last until `{until}`, and this is {content.version}"
    return None


def _no_patch(content: Content, accept: bool) -> Drift:
    return Drift(
        patch=0,
        kind=DriftKind.NO_MATCH,
        message=f"no patch is for the project `{content.project}`",
        hint="a name is mistyped, or the ledger is not meant for this file",
        accepted=accept,
    )
