"""What `trueup split` plans, wrote, or refuses, as text for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from trueup.features.split import Written
from trueup.interfaces.report.nativewords import bytes_text
from trueup.interfaces.report.page import table
from trueup.interfaces.report.words import count, printable
from trueup.judge.abi import Level
from trueup.model.split import CompanionPlan, Refusal, SharedLibrary, SharedPlan

__all__ = [
    "render_plan",
    "render_refusals",
    "render_shared",
    "render_shared_written",
    "render_written",
]


def render_refusals(refusals: Sequence[Refusal]) -> str:
    """Every reason in the shape of an error, one after the other."""
    return "\n".join("\n".join(_refusal(refusal)) + "\n" for refusal in refusals)


def _refusal(refusal: Refusal) -> Iterator[str]:
    yield f"error: not split: {printable(refusal.reason)}"
    yield from (f"  {printable(file)}" for file in refusal.files)
    if refusal.hint is not None:
        yield ""
        yield f"hint: {refusal.hint}"


def render_plan(plan: CompanionPlan) -> str:
    """What would move where."""
    return "\n".join(_plan(plan)) + "\n"


def _plan(plan: CompanionPlan) -> Iterator[str]:
    yield f"{plan.project} {plan.version}: every wheel asks for {plan.requirement}"
    if plan.reused:
        yield f"  its libraries did not change since {plan.companion_version}: no new companion"
    for platform in plan.platforms:
        if not platform.wheels:
            yield f"  other platforms: an empty companion for {count(len(plan.plain), 'wheel')}"
            continue
        yield f"  {platform.platform}: {count(len(platform.wheels), 'wheel')}"
        libraries = {file.path: file for file in platform.wheels[0].distribution.files}
        rows = [
            (
                printable(old),
                "→",
                printable(new) if new != old else "the same path",
                bytes_text(libraries[old].size) if old in libraries else "",
            )
            for old, new in sorted(platform.moves.items())
        ]
        yield from ("  " + line for line in table(rows))


def render_written(plan: CompanionPlan, written: Sequence[Written]) -> str:
    """The wheels with their sizes, then what it saves: stored, first install, upgrade."""
    return "\n".join(_written(plan, written)) + "\n"


def _written(plan: CompanionPlan, written: Sequence[Written]) -> Iterator[str]:
    yield f"{plan.project} {plan.version}: every wheel asks for {plan.requirement}"
    if plan.reused:
        yield f"  its libraries did not change since {plan.companion_version}: no new companion"
    yield from _files(written)
    yield ""
    yield from _savings(plan, written)


def render_shared(plan: SharedPlan) -> str:
    """The libraries with the evidence on which they are shared, and who asks for them."""
    return "\n".join(_shared(plan)) + "\n"


def _shared(plan: SharedPlan) -> Iterator[str]:
    for one in plan.libraries:
        yield f"{one.requirement}: `{one.library}` of {one.owner.label}, as `{one.path}`"
        rows = [
            (
                printable(consumer.distribution.label),
                "→",
                str(consumer.version),
                _evidence(one, consumer.distribution.project),
            )
            for consumer in plan.consumers
            if any(used is one for used in consumer.dropped.values())
        ]
        yield from table(rows)


def _evidence(one: SharedLibrary, project: str) -> str:
    if project in one.asserted:
        return f"asserted: {printable(one.asserted[project])}"
    level = Level(one.levels[project])
    return f"{level.value}: {level.words}"


def render_shared_written(plan: SharedPlan, written: Sequence[Written]) -> str:
    """The evidence, then the wheels with their sizes."""
    before, after = sum(one.before for one in written), sum(one.size for one in written)
    lines = [*_shared(plan), "", *_files(written), ""]
    lines += table([("", "before", "after", ""), _row("all of them", before, after)])
    return "\n".join(lines) + "\n"


def _files(written: Sequence[Written]) -> Iterator[str]:
    yield from table(
        [
            (
                printable(str(one.path)),
                bytes_text(one.before) if one.source is not None else "new",
                "→" if one.source is not None else "",
                bytes_text(one.size),
            )
            for one in written
        ]
    )
    for one in written:
        yield from (f"  note: `{one.path.name}`: {printable(note)}" for note in one.notes)


def _savings(plan: CompanionPlan, written: Sequence[Written]) -> Iterator[str]:
    """Three different figures, for they are easily taken for one another."""
    by_name = {one.path.name: one for one in written}
    companions = [one for one in written if one.source is None]
    rows = [("", "before", "after", "")]
    rows.append(
        _row("stored, all files", sum(one.before for one in written), sum(o.size for o in written))
    )
    for platform in plan.platforms:
        if not platform.wheels:
            continue
        wheel = by_name[max(one.distribution.filename for one in platform.wheels)]
        suffix = f"-py3-none-{'.'.join(platform.tags)}.whl"
        companion = sum(one.size for one in companions if one.path.name.endswith(suffix))
        where = platform.platform
        if not plan.reused:
            rows.append(_row(f"first install, {where}", wheel.before, wheel.size + companion))
        rows.append(_row(f"upgrade, same libraries, {where}", wheel.before, wheel.size))
    yield from table(rows)
    yield "  (a first install into one environment gets no smaller: it fetches both)"


def _row(what: str, before: int, after: int) -> tuple[str, str, str, str]:
    share = f"{100 * (after - before) / before:+.0f} %" if before else ""
    return what, bytes_text(before), bytes_text(after), share
