"""`prove`: build an sdist several times, and see whether its metadata stays what it promises."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from trueup.features.prove.conditions import (
    AGAIN,
    BASELINE,
    NAMES,
    PLAIN,
    SDIST_AND_TREE,
    Planned,
    conditions,
    parse_vary,
)
from trueup.judge.culprit import culprits
from trueup.judge.proof import compare_published, judge_fields, may_add, unsettled
from trueup.model.declaration import Declaration, parse_declaration
from trueup.model.errors import SourceError, TrueupError, UsageError
from trueup.model.metadata import Unreadable
from trueup.model.proof import Beginning, Proof, Run
from trueup.model.release import ReleaseFile
from trueup.model.watcher import Watcher
from trueup.sources.build import Builder, Contents, Situation, pack_tree
from trueup.sources.environment import Environments
from trueup.sources.interpreter import Interpreter
from trueup.sources.sandbox import Allowance, Sandbox

__all__ = ["NAMES", "parse_vary", "prove"]


def prove(
    target: Path,
    *,
    sandbox: Sandbox,
    environments: Environments,
    allowance: Allowance | None = None,
    only: frozenset[str] | None = None,
    vary: Sequence[tuple[str, str]] = (),
    pythons: Sequence[Interpreter] = (),
    published: Sequence[ReleaseFile] = (),
    whole: bool = False,
    jobs: int = 2,
    watcher: Watcher | None = None,
) -> Proof:
    """Build the sdist (or the project in a folder) once for each condition, and judge the fields.

    ``only`` limits to conditions of these names (:data:`NAMES`); ``vary`` are environment
    variables with a value each; ``pythons`` are tried besides trueup's own; ``published`` are
    wheels to compare with; ``whole`` builds wheels rather than metadata. Raises SourceError if the
    sdist cannot be built at all: then there is nothing to prove.
    """
    with TemporaryDirectory(prefix="trueup-prove-") as scratch:
        builder, tree = _builders(
            target, Path(scratch), sandbox=sandbox, environments=environments, allowance=allowance
        )
        contents = builder.contents
        planned = conditions(
            contents.backend, only=only, vary=vary, pythons=pythons, own=builder.own
        )
        if tree is not None and (only is None or SDIST_AND_TREE.name in only):
            planned.append(Planned(condition=SDIST_AND_TREE, situation=PLAIN))
        work = _Work(builder=builder, tree=tree, whole=whole, jobs=jobs, watcher=watcher)
        runs = work.all_runs(planned)
    beginning = _beginning(target, builder, contents, runs[0])
    fields = judge_fields(beginning, runs, _declaration(contents))
    sources = {name: contents.text(name) or "" for name in contents.files}
    return Proof(
        beginning=beginning,
        mechanism=sandbox.mechanism,
        runs=runs,
        fields=fields,
        may_add=may_add(beginning, runs),
        culprits=culprits(sources, fields),
        comparisons=compare_published(runs, published),
    )


class _Work:
    """Runs what is planned, some at a time, and what turns out to differ once more."""

    def __init__(
        self,
        *,
        builder: Builder,
        tree: Builder | None,
        whole: bool,
        jobs: int,
        watcher: Watcher | None,
    ) -> None:
        self._builder = builder
        self._tree = tree
        self._whole = whole
        self._jobs = jobs
        self._watcher = watcher or Watcher()

    def all_runs(self, planned: Sequence[Planned]) -> tuple[Run, ...]:
        """The baseline first; if it fails, that is the end."""
        self._watcher.expect(len(planned) + 1)
        baseline = self._run(Planned(condition=BASELINE, situation=PLAIN))
        if isinstance(baseline.metadata, Unreadable):
            raise SourceError(baseline.metadata.reason, hint=baseline.metadata.hint)
        with ThreadPoolExecutor(max_workers=self._jobs, thread_name_prefix="prove") as pool:
            runs = [baseline, *pool.map(self._run, planned)]
            # What differs may differ by chance: it counts only if it does so again, and if the
            # baseline does not.
            labels = set(unsettled(runs))
            confirm = [one for one in planned if one.condition.label in labels]
            if confirm:
                confirm.append(Planned(condition=AGAIN, situation=PLAIN))
            self._watcher.expect(len(confirm))
            runs += pool.map(self._run, confirm)
        return tuple(runs)

    def _run(self, planned: Planned) -> Run:
        builder = self._builder
        if planned.condition.name == SDIST_AND_TREE.name:
            assert self._tree is not None
            builder = self._tree
        whole = self._whole and not planned.condition.simulated
        build = builder.wheel if whole else builder.metadata
        run = build(planned.condition, planned.situation)
        self._watcher.done(planned.condition.label)
        return run


def _builders(
    target: Path,
    scratch: Path,
    *,
    sandbox: Sandbox,
    environments: Environments,
    allowance: Allowance | None,
) -> tuple[Builder, Builder | None]:
    """The builder of the sdist, and for a folder that of the tree it was made from."""

    def builder(archive: Path) -> Builder:
        return Builder(archive, sandbox=sandbox, environments=environments, allowance=allowance)

    if not target.is_dir():
        return builder(target), None
    if not any((target / name).is_file() for name in ("pyproject.toml", "setup.py")):
        raise UsageError(
            "is no project",
            expected="a `pyproject.toml` or a `setup.py` in it",
            place=(str(target),),
        )
    archive = scratch / "tree.tar.gz"
    pack_tree(target, archive)
    tree = builder(archive)
    name, data = tree.sdist(Situation())
    sdist = scratch / Path(name).name
    sdist.write_bytes(data)
    return builder(sdist), tree


def _beginning(target: Path, builder: Builder, contents: Contents, first: Run) -> Beginning:
    assert not isinstance(first.metadata, Unreadable)
    return Beginning(
        project=first.metadata.name or target.name,
        version=str(first.metadata.version or first.metadata.first("version") or "unknown"),
        filename=builder.filename,
        sha256=None if target.is_dir() else builder.sha256,
        pkg_info=contents.pkg_info,
    )


def _declaration(contents: Contents) -> Declaration | None:
    text = contents.text("pyproject.toml")
    try:
        return None if text is None else parse_declaration(text)
    except TrueupError as error:
        raise error.within("pyproject.toml") from error
