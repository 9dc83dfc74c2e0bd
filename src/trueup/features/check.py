"""`check`: judge releases, wherever their files come from."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from packaging.utils import NormalizedName
from packaging.version import Version

from trueup.judge.fingerprint import fingerprint
from trueup.judge.release import judge_release
from trueup.judge.rule import RuleSettings
from trueup.judge.rules import RULES
from trueup.model.errors import TrueupError, UsageError
from trueup.model.finding import ReleaseReport, Report
from trueup.model.metadata import COMMA_FIELDS, MULTIPLE_USE, RESOLUTION_FIELDS, title
from trueup.model.target import Target
from trueup.model.watcher import Watcher
from trueup.sources.http import UnreachableError
from trueup.sources.release import gather
from trueup.sources.source import Source

__all__ = ["Failure", "Wanted", "check"]

JOBS = 8
"""Releases gathered at a time; the requests to one host are limited below this layer."""


_SINGLE_USE = (
    "metadata-version", "name", "version", "summary", "description", "description-content-type",
    "home-page", "download-url", "author", "maintainer", "license", "license-expression",
)  # fmt: skip
FIELDS = frozenset({*RESOLUTION_FIELDS, *MULTIPLE_USE, *COMMA_FIELDS, *_SINGLE_USE})
"""The fields of the core metadata specification, lower-cased."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One release to judge: where it is, which project, which version (None: the newest).

    ``asked`` is how the user put it, and names the release where it could not be judged.
    """

    source: Source
    project: NormalizedName
    version: Version | None
    asked: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A release that could not be judged."""

    asked: str
    error: TrueupError


def check(
    wanted: Iterable[Wanted],
    *,
    settings: RuleSettings | None = None,
    targets: Sequence[Target] = (),
    fields: frozenset[str] | None = None,
    known: Collection[str] = (),
    deep: bool = False,
    suggest: bool = False,
    jobs: int = JOBS,
    watcher: Watcher | None = None,
) -> Report:
    """Gather and judge every release that is wanted, then report once, in the order given.

    ``fields`` limits the comparison to these fields (lower-cased; None: all); ``known`` are
    fingerprints of findings to leave out. A release that cannot be gathered becomes an entry of
    ``Report.failures``, with the reason and what to do; the others go on. Raises UsageError,
    before anything is fetched, for a rule or a field that does not exist.
    """
    settings = settings or RuleSettings()
    settings.check_codes(rule.code for rule in RULES)
    _check_fields(fields or frozenset())
    watcher = watcher or Watcher()
    distinct = list({(id(one.source), one.project, one.version): one for one in wanted}.values())

    def judge(one: Wanted) -> ReleaseReport | Failure:
        try:
            release = gather(one.source, one.project, one.version, watcher=watcher, deep=deep)
            return judge_release(
                release, settings=settings, targets=targets, fields=fields, suggest=suggest
            )
        except UsageError:
            raise
        except TrueupError as error:
            return Failure(asked=one.asked, error=error)

    results = _side_by_side(judge, distinct, jobs)
    releases, count = _without_known(
        [result for result in results if isinstance(result, ReleaseReport)], known
    )
    return Report(
        releases=releases,
        failures=_failures([result for result in results if isinstance(result, Failure)]),
        known=count,
    )


def _check_fields(fields: frozenset[str]) -> None:
    for field in sorted(fields - FIELDS):
        raise UsageError(
            f"there is no core metadata field `{field}`",
            hint=f"the fields are: {', '.join(title(name) for name in sorted(FIELDS))}",
        )


def _side_by_side(
    judge: Callable[[Wanted], ReleaseReport | Failure], wanted: Sequence[Wanted], jobs: int
) -> list[ReleaseReport | Failure]:
    if len(wanted) < 2 or jobs < 2:
        return [judge(one) for one in wanted]
    executor = ThreadPoolExecutor(max_workers=min(jobs, len(wanted)), thread_name_prefix="check")
    try:
        return list(executor.map(judge, wanted))
    finally:
        # On an interruption nothing waits for requests that are still under way.
        executor.shutdown(wait=False, cancel_futures=True)


def _without_known(
    reports: Sequence[ReleaseReport], known: Collection[str]
) -> tuple[tuple[ReleaseReport, ...], int]:
    if not known:
        return tuple(reports), 0
    new, count = [], 0
    for report in reports:
        findings = tuple(item for item in report.findings if fingerprint(item) not in known)
        count += len(report.findings) - len(findings)
        new.append(replace(report, findings=findings))
    return tuple(new), count


def _failures(failures: Sequence[Failure]) -> tuple[tuple[str, str], ...]:
    """What was asked for and why it failed; a server that is not there is told once."""
    lost: dict[str, list[Failure]] = {}
    for failure in failures:
        if isinstance(failure.error, UnreachableError):
            lost.setdefault(failure.error.server, []).append(failure)
    told: dict[tuple[str, str], None] = {}
    for failure in failures:
        error = failure.error
        same = lost[error.server] if isinstance(error, UnreachableError) else []
        if isinstance(error, UnreachableError) and len(same) > 1:
            # The page of one project says nothing about the others.
            what = f"{error.what}: found {error.found}; {len(same):,} releases not judged"
            told[error.server, f"{what}; {same[0].error.hint}"] = None
        else:
            told[failure.asked, _reason(error)] = None
    return tuple(told)


def _reason(error: TrueupError) -> str:
    return str(error) if error.hint is None else f"{error}; {error.hint}"
