"""`trueup serve --check-config`: what would hold, in words, and what is wrong; nothing is changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from packaging.utils import canonicalize_name

from trueup.features.serve.names import CHANNEL
from trueup.features.serve.policies import (
    ANY,
    PolicyBook,
    PolicyTable,
    ProjectPolicy,
    Readers,
    ReadRules,
    ViewPolicy,
)
from trueup.interfaces.serveconfig import SPANS, ServeOptions
from trueup.interfaces.servepolicy import CLASSES
from trueup.interfaces.web.rates import Limits
from trueup.model.errors import TrueupError, UsageError
from trueup.sources.limits import size_text

__all__ = ["Checked", "check_options", "explain_policy", "policy_words"]

_DAY = 86_400


@dataclass(kw_only=True)
class Checked:
    """``said`` are lines about what holds, ``faults`` what keeps it from being served."""

    said: list[str] = field(default_factory=list)
    faults: list[TrueupError] = field(default_factory=list)

    def tried(self, what: str, look: Callable[[], str]) -> None:
        """One thing that may fail."""
        try:
            self.said.append(f"{what}: {look()}")
        except TrueupError as error:
            self.faults.append(error)


def check_options(options: ServeOptions, *, environ: Mapping[str, str], directory: Path) -> Checked:
    """Look at all that the settings name: the database, the blobs, the index behind, channels."""
    try:
        from trueup.sources.store.looked import look_at_blobs, look_at_database
    except ModuleNotFoundError as error:
        raise UsageError(
            "`serve` needs the extra `serve`", hint="install it with `pip install 'trueup[serve]'`"
        ) from error
    from trueup.sources.config import index_config

    found = Checked()
    found.said.append(f"settings: {f'`{options.path}`' if options.path else 'no file'}")
    workers = f"{options.workers} worker{'' if options.workers == 1 else 's'}"
    host = f"[{options.host}]" if ":" in options.host else options.host
    found.said.append(f"listens on: http://{host}:{options.port}/, {workers}")
    channels: dict[str, int] | None = None

    def database() -> str:
        nonlocal channels
        looked = look_at_database(options.database or f"sqlite:///{options.data / 'index.db'}")
        channels = looked.channels
        return looked.said

    def behind() -> str:
        if options.hosted_only:
            return "none"
        config = index_config(options.index, environ=environ, directory=directory)
        return ", then ".join(map(str, config.indexes)) or "none"

    found.tried("database", database)
    found.tried("blobs", lambda: look_at_blobs(options.blobs or str(options.data / "blobs")))
    found.tried("index behind", behind)
    if options.ledger is not None:
        found.tried("ledger", partial(_ledger, options.ledger))
    found.said += _channels(options, channels)
    found.said.append(f"reading: {_reading(options.readers)}")
    found.said.append(f"limits: {_limits(options.limits)}")
    found.said.append(f"a file has at most {size_text(options.largest)}")
    found.said += _policies(options.policies)
    return found


def _ledger(path: str) -> str:
    from trueup.sources.ledger import read_ledger

    count = len(read_ledger(Path(path)).patches)
    return f"`{path}`: {count} patch{'' if count == 1 else 'es'}"


def _reading(rules: ReadRules) -> str:
    words = {Readers.PUBLIC: "public", Readers.TOKEN: "by token"}
    others = [f"channel `{name}`: {words[one]}" for name, one in sorted(rules.channels.items())]
    return "; ".join([words[rules.default], *others])


def _limits(limits: Limits) -> str:
    spans = {seconds: name for name, seconds in SPANS.items()}
    rates = {
        "requests": limits.requests,
        "uploads": limits.uploads,
        "failures": limits.failures,
    }
    return ", ".join(
        f"{name} = {'no limit' if rate is None else f'{rate.count}/{spans[rate.seconds]}'}"
        for name, rate in rates.items()
    )


def _channels(options: ServeOptions, there: Mapping[str, int] | None) -> Iterator[str]:
    """Channels that are named, and those that have releases."""
    tables = options.policies.tables
    named = {name for table in tables for name in table.channels if CHANNEL.fullmatch(name)}
    named |= options.readers.channels.keys()
    for name in sorted({*named, *(there or ())}):
        count = (there or {}).get(name, 0)
        releases = f"{count} release{'' if count == 1 else 's'}"
        yield f"channel `{name}`: {releases if count else 'has no release yet'}"


def _policies(book: PolicyBook) -> Iterator[str]:
    for number, table in enumerate(book.tables, 1):
        yield f"policy {number}, {_about(table)}: {policy_words(table.policy)}"
    yield f"{'all others' if book.tables else 'all projects'}: {policy_words(book.default)}"


def _about(table: PolicyTable) -> str:
    """``projects `demo-*`, channel `mpi```."""
    parts = [
        f"{what}{'' if len(names) == 1 else 's'} {', '.join(f'`{name}`' for name in names)}"
        for what, names in (("project", table.projects), ("channel", table.channels))
        if names != (ANY,)
    ]
    return ", ".join(parts) or "all projects"


def policy_words(policy: ProjectPolicy) -> str:
    """What a policy says, key by key as the file has them."""
    return ", ".join(f"{key} = {value}" for key, value in _values(policy))


def _values(policy: ProjectPolicy) -> Iterator[tuple[str, str]]:
    yield "contradictions", policy.contradictions.value
    yield "classes", _listed([one.value for one in CLASSES if one in policy.classes])
    yield "fail-on", "never" if policy.fail_on is None else policy.fail_on.value
    if policy.rules.select is not None:
        yield "select", _listed(sorted(policy.rules.select))
    if policy.rules.ignore:
        yield "ignore", _listed(sorted(policy.rules.ignore))
    if policy.rules.severity:
        said = (f"{code} = {level.value}" for code, level in sorted(policy.rules.severity.items()))
        yield "severity", f"{{ {', '.join(said)} }}"
    yield "declarations", policy.declarations.value
    yield "proof", policy.proof.value
    if policy.quiet is not None:
        yield "quiet-period", f"{policy.quiet:g}"
    if policy.largest is not None:
        yield "largest", size_text(policy.largest)
    if policy.closed_after is not None:
        yield "closed-after-days", f"{policy.closed_after / _DAY:g}"
    usual = ViewPolicy()
    if policy.views.irreconcilable is not usual.irreconcilable:
        yield "irreconcilable", policy.views.irreconcilable.value
    if policy.views.sdists is not usual.sdists:
        yield "contradicting-sdists", policy.views.sdists.value


def _listed(names: list[str]) -> str:
    return f"[{', '.join(names)}]"


def explain_policy(options: ServeOptions, channel: str, name: str) -> list[str]:
    """Which policy holds for a project in a channel, and why; raises UsageError."""
    try:
        project = canonicalize_name(name, validate=True)
    except ValueError as error:
        raise UsageError(
            "`--project`", found=f"`{name}`", expected="the name of a project"
        ) from error
    book = options.policies
    table = book.table(channel, project)
    if table is None:
        why = "no `[[policy]]` is about it, so the defaults hold"
        if not book.tables:
            why = "there is no `[[policy]]`, so the defaults hold"
    else:
        number = book.tables.index(table) + 1
        why = f"policy {number} is the first about it ({_about(table)})"
    return [
        f"`{project}` in channel `{channel}`: {why}",
        *(f"{key} = {value}" for key, value in _values(book.for_project(channel, project))),
    ]
