"""The story of one installed distribution: from the file on an index to what is on the disk."""

from __future__ import annotations

from collections.abc import Iterator

from packaging.utils import NormalizedName

from trueup.interfaces.report.page import Page
from trueup.interfaces.report.words import count, listed
from trueup.judge.installed import InstalledJudgement, Need
from trueup.model.installed import DirectUrl, InstalledDistribution
from trueup.model.installedreport import InstalledReport
from trueup.model.metadata import Unreadable

__all__ = ["render_explanation"]

_LISTED = 8


def render_explanation(
    report: InstalledReport, project: NormalizedName, *, colour: bool, width: int
) -> str | None:
    """Text that ends with a line break; None if nothing of that name is installed."""
    page = Page(colour=colour, width=max(width, 40), verbose=True)
    judgement = InstalledJudgement(environment=report.environment)
    found = [one for one in report.environment.distributions if one.project == project]
    if not found:
        return None
    lines: list[str] = []
    for one in found:
        lines += [page.paint(one.title, bold=True), *_story(one, report, judgement, page), ""]
    for finding in report.findings:
        if finding.project == project:
            lines += [*page.finding(finding), ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def _story(
    one: InstalledDistribution, report: InstalledReport, judgement: InstalledJudgement, page: Page
) -> Iterator[str]:
    def told(label: str, text: str) -> Iterator[str]:
        yield from page.labelled(f"{label}:".ljust(12), text, None)

    yield from told("found in", f"{one.site}/{one.folder}")
    if one.shadowed:
        first = judgement.active[one.project]
        yield from told("hidden by", f"{first.title} in {first.site}")
    yield from told("brought by", _brought(one))
    yield from told("why", _why(one, judgement))
    origin = next((item for item in report.origins if item.distribution is one), None)
    if origin is not None:
        name = f" `{origin.filename}`" if origin.filename else ""
        yield from told("origin", f"{origin.kind.value}{name}, known by {origin.known_by}")
        for field, published, installed in origin.changed:
            how = " (as the ledger has it)" if field in origin.explained else ""
            yield from told("changed", f"{field}{how}: {_list(published)} → {_list(installed)}")
    yield from told("files", _files(one, deep=report.environment.deep))
    if one.tags:
        yield from told("tags", listed(sorted(map(str, one.tags)), _LISTED))
    needs = [need for need in judgement.needs if need.by is one]
    if needs:
        yield from told("asks for", listed([_asked(need) for need in needs], 20))


def _brought(one: InstalledDistribution) -> str:
    parts = [one.owner or one.installer or "nobody says"]
    match one.direct_url:
        case DirectUrl(editable=True, url=url):
            parts.append(f"editable, from {url}")
        case DirectUrl(url=url, commit=commit):
            parts.append(f"from {url}" + (f" at {commit[:12]}" if commit else ""))
        case Unreadable(reason=reason):
            parts.append(reason)
    return ", ".join(parts)


def _why(one: InstalledDistribution, judgement: InstalledJudgement) -> str:
    """The shortest way to it from something that was asked for, or that nothing else needs."""
    if one.requested:
        return "it was asked for"
    chain = _chain(one.project, judgement)
    if not chain:
        return "nothing that is installed asks for it"
    steps = [
        f"{need.by.project}{f'[{need.extra}]' if need.extra else ''} asks for "
        f"`{need.requirement.bare}`"
        for need in chain
    ]
    return "; ".join(steps)


def _chain(project: NormalizedName, judgement: InstalledJudgement) -> list[Need]:
    seen = {project}
    ahead: list[tuple[NormalizedName, list[Need]]] = [(project, [])]
    best: list[Need] = []
    while ahead:
        name, chain = ahead.pop(0)
        users = [need for need in judgement.needed_by(name) if need.by.project not in seen]
        if chain and (not users or judgement.active[name].requested):
            return chain
        best = chain or best
        for need in users:
            if need.by.project not in seen:
                seen.add(need.by.project)
                ahead.append((need.by.project, [need, *chain]))
    return best


def _files(one: InstalledDistribution, *, deep: bool) -> str:
    if isinstance(one.record, Unreadable):
        return one.record.reason
    if one.record is None:
        return "it has no RECORD"
    looked = "hashed" if deep else "looked for"
    state = f"{len(one.faults):,} not as recorded" if one.faults else "all as recorded"
    return f"{count(len(one.record), 'file')}, {looked}: {state}"


def _asked(need: Need) -> str:
    there = "missing" if need.found is None else need.found.written_version
    extra = f" (extra {need.extra})" if need.extra else ""
    return f"{need.requirement.bare}{extra}: {there if need.is_met or need.found is None else there + ', not allowed'}"


def _list(values: tuple[str, ...]) -> str:
    return ", ".join(f"`{value}`" for value in values) or "nothing"
