"""The indexes that uv is set to: its environment variables and its configuration files.

Read from uv's documentation of `[[index]]`, `index-url`, `extra-index-url` and the variables
`UV_INDEX`, `UV_DEFAULT_INDEX`, `UV_INDEX_URL`, `UV_EXTRA_INDEX_URL`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

from trueup.model.errors import UsageError

__all__ = ["UvIndex", "uv_indexes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class UvIndex:
    """One index of uv's, and the variable or file that names it."""

    url: str
    origin: str
    default: bool = False
    name: str | None = None


def uv_indexes(environ: Mapping[str, str], directory: Path | None) -> tuple[UvIndex, ...]:
    """All indexes that uv would ask, in its order, at most one of them the default.

    The variables come first, then `uv.toml` or `[tool.uv]` of `pyproject.toml` in ``directory`` or
    the nearest folder above, then the user's `uv.toml` (``UV_CONFIG_FILE`` replaces the files,
    ``UV_NO_CONFIG`` leaves them out). An index marked ``explicit`` is left out: uv uses it only for
    packages that name it. Raises UsageError for a file that cannot be read.
    """
    found = list(_from_variables(environ))
    for path in _files(environ, directory):
        found.extend(_from_file(path, directory))
    indexes: list[UvIndex] = []
    names: set[str] = set()
    defaults = 0
    for index in found:
        if index.name is not None and index.name in names:
            continue  # The first of a name counts: a variable overrides a file.
        names.add(index.name or "")
        names.discard("")
        defaults += index.default
        if not index.default or defaults == 1:
            indexes.append(_with_credentials(index, environ))
    return tuple(indexes)


def _from_variables(environ: Mapping[str, str]) -> Iterator[UvIndex]:
    for variable in ("UV_INDEX", "UV_EXTRA_INDEX_URL"):
        for item in environ.get(variable, "").split():
            yield _named(item, origin=f"`{variable}`", default=False)
    for variable in ("UV_DEFAULT_INDEX", "UV_INDEX_URL"):
        if environ.get(variable):
            yield _named(environ[variable], origin=f"`{variable}`", default=True)


def _named(item: str, *, origin: str, default: bool) -> UvIndex:
    """`name=address` or an address, which may itself hold an equals sign after its scheme."""
    name, equals, url = item.partition("=")
    if equals and ":" not in name and "/" not in name:
        return UvIndex(url=_address(url, Path()), origin=origin, default=default, name=name)
    return UvIndex(url=_address(item, Path()), origin=origin, default=default)


def _files(environ: Mapping[str, str], directory: Path | None) -> Iterator[Path]:
    if environ.get("UV_NO_CONFIG", "").lower() in ("1", "true"):
        return
    if environ.get("UV_CONFIG_FILE"):
        yield Path(environ["UV_CONFIG_FILE"])
        return
    if directory is not None:
        absolute = directory.absolute()
        for folder in (absolute, *absolute.parents):
            # In one folder `uv.toml` wins, and `[tool.uv]` is ignored.
            if (folder / "uv.toml").is_file():
                yield folder / "uv.toml"
                break
            path = folder / "pyproject.toml"
            if path.is_file() and "uv" in _table(_load(path), "tool"):
                yield path
                break
    user = environ.get("XDG_CONFIG_HOME") or environ.get("APPDATA")
    if not user and environ.get("HOME"):
        user = str(Path(environ["HOME"]) / ".config")
    if user and (path := Path(user) / "uv" / "uv.toml").is_file():
        yield path


def _from_file(path: Path, directory: Path | None) -> Iterator[UvIndex]:
    document = _load(path)
    if path.name == "pyproject.toml":
        document = _table(_table(document, "tool"), "uv")
    origin = f"`{path.name}`" if directory is not None and path.parent == directory else f"`{path}`"
    tables = document.get("index", [])
    for table in tables if isinstance(tables, list) else []:
        if not isinstance(table, dict) or not isinstance(table.get("url"), str):
            raise UsageError(
                "`[[index]]`",
                found=repr(table),
                expected="a table with a `url`",
                place=(str(path),),
            )
        if table.get("explicit") is not True:
            yield UvIndex(
                url=_address(table["url"], path.parent),
                origin=origin,
                default=table.get("default") is True,
                name=table.get("name"),
            )
    for scope in (document, _table(document, "pip")):
        extra = scope.get("extra-index-url", [])
        for url in extra if isinstance(extra, list) else []:
            yield UvIndex(url=_address(str(url), path.parent), origin=origin)
        if isinstance(scope.get("index-url"), str):
            yield UvIndex(
                url=_address(str(scope["index-url"]), path.parent), origin=origin, default=True
            )


def _address(text: str, folder: Path) -> str:
    """An address, or a folder written as a path, relative to the file that names it."""
    if "://" in text:
        return text
    return (folder / text).absolute().as_uri()


def _with_credentials(index: UvIndex, environ: Mapping[str, str]) -> UvIndex:
    """``UV_INDEX_<NAME>_USERNAME`` and ``…_PASSWORD`` of a named index."""
    if index.name is None or "@" in urlsplit(index.url).netloc:
        return index
    prefix = "UV_INDEX_" + "".join(c if c.isalnum() else "_" for c in index.name.upper())
    user, password = environ.get(f"{prefix}_USERNAME"), environ.get(f"{prefix}_PASSWORD")
    if not user and not password:
        return index
    userinfo = quote(user or "", safe="") + ":" + quote(password or "", safe="")
    scheme, _, rest = index.url.partition("://")
    return UvIndex(
        url=f"{scheme}://{userinfo}@{rest}",
        origin=index.origin,
        default=index.default,
        name=index.name,
    )


def _load(path: Path) -> Mapping[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(
            "cannot be read", found=error.strerror or str(error), place=(str(path),)
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError("is not valid TOML", found=str(error), place=(str(path),)) from error


def _table(parent: Mapping[str, object], key: str) -> Mapping[str, object]:
    value = parent.get(key)
    return value if isinstance(value, dict) else {}
