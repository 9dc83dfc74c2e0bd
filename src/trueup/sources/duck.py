"""DuckDB, opened for one job: bounded in memory and threads, and without the network."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from trueup.model.errors import SourceError, UsageError

__all__ = ["duck", "parquet"]


@contextmanager
def duck(*, memory: str | None = None, threads: int | None = None) -> Iterator[Any]:
    """A connection to an empty database in memory, which spills to a temporary folder.

    ``memory`` is a limit such as ``512MB``. Raises UsageError without DuckDB, SourceError for
    Parquet that cannot be read.
    """
    try:
        import duckdb
    except ModuleNotFoundError as error:
        raise UsageError(
            "`survey` needs the extra `survey`",
            hint="install it with `pip install 'trueup[survey]'`",
        ) from error
    with TemporaryDirectory(prefix="trueup-duck-") as folder:
        settings: dict[str, str | bool | int | float | list[str]] = {
            "temp_directory": folder,
            # Nothing may be fetched behind the user's back.
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "preserve_insertion_order": "false",
        }
        if memory is not None:
            settings["memory_limit"] = memory
        if threads is not None:
            settings["threads"] = str(threads)
        try:
            connection = duckdb.connect(":memory:", config=settings)
        except duckdb.Error as error:
            raise UsageError(f"DuckDB cannot be opened: {error}") from error
        try:
            yield connection
        except duckdb.Error as error:
            raise SourceError(str(error).splitlines()[0]) from error
        finally:
            connection.close()


def parquet(paths: Iterable[Path]) -> str:
    """The SQL of a table that reads these files; ``part`` is the file of a row."""
    names = ", ".join("'" + str(path).replace("'", "''") + "'" for path in paths)
    return f"read_parquet([{names}], union_by_name = true, filename = 'part')"
