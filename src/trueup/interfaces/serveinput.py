"""What `trueup serve` is told, made into a store and a desk."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trueup.model.errors import UsageError
from trueup.model.finding import Severity

if TYPE_CHECKING:
    from trueup.features.serve.desk import Desk
    from trueup.sources.store.store import Store

__all__ = ["ServeOptions", "data_folder", "open_desk", "open_store"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """The command line, field by field as its options are named."""

    data: str | None
    database: str | None
    blobs: str | None
    index: tuple[str, ...]
    hosted_only: bool
    policy: str
    quiet_period: float | None
    host: str
    port: int
    largest: int


def data_folder(options: ServeOptions) -> Path:
    """Where releases are kept if nothing else is said."""
    if options.data is not None:
        return Path(options.data)
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "trueup" / "index"


def open_store(options: ServeOptions) -> Store:
    """The database, brought to the newest version of its tables; raises UsageError, StoreError."""
    try:
        from trueup.sources.store.schema import open_engine, upgrade
        from trueup.sources.store.store import Store
    except ModuleNotFoundError as error:
        raise UsageError(
            "`serve` needs the extra `serve`", hint="install it with `pip install 'trueup[serve]'`"
        ) from error
    folder = data_folder(options)
    folder.mkdir(parents=True, exist_ok=True)
    engine = open_engine(options.database or f"sqlite:///{folder / 'index.db'}")
    upgrade(engine)
    return Store(engine)


def open_desk(options: ServeOptions) -> Desk:
    """The index of the command line; raises UsageError, StoreError."""
    store = open_store(options)
    from trueup.features.serve.desk import Desk
    from trueup.features.serve.receive import Policy, Rules
    from trueup.interfaces.config import find_config
    from trueup.judge.rule import RuleSettings
    from trueup.sources.config import index_config
    from trueup.sources.index import IndexSource, open_index
    from trueup.sources.store.blobs import open_blobs

    folder = data_folder(options)
    blobs = open_blobs(options.blobs or str(folder / "blobs"), folder)
    config = find_config(Path.cwd())

    def upstream() -> IndexSource:
        return open_index(
            index_config(options.index, environ=os.environ, directory=Path.cwd()),
            environ=os.environ,
        )

    return Desk(
        store,
        blobs,
        rules=Rules(
            policy=Policy(options.policy),
            settings=RuleSettings(
                select=None if config.select is None else frozenset(config.select),
                ignore=frozenset(config.ignore),
                severity=config.severity,
            ),
            fail_on=Severity.ERROR,
        ),
        open_upstream=None if options.hosted_only else upstream,
        quiet=options.quiet_period,
    )
