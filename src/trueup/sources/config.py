"""Which indexes to ask, and how: the command line, uv's settings, pip's settings.

The default index is what the installed pip says: nothing here knows its address.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from trueup.model.artifact import has_artifact_suffix
from trueup.model.errors import SourceError, UsageError
from trueup.sources.credentials import KeyringProvider
from trueup.sources.transport import HttpSettings
from trueup.sources.url import redact
from trueup.sources.uvconfig import UvIndex, uv_indexes

__all__ = ["IndexConfig", "IndexUrl", "PipSettings", "ask_pip", "index_config"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexUrl:
    """One index: the address of its Simple API, and where that address was found."""

    url: str
    origin: str

    def __str__(self) -> str:
        return f"`{redact(self.url)}` ({self.origin})"


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexConfig:
    """The indexes in the order in which they are asked, and how to reach them.

    ``find_links`` are folders and pages that pip would look at as well. They are no index, so they
    are only told: a folder is checked by naming it.
    """

    indexes: tuple[IndexUrl, ...]
    http: HttpSettings = HttpSettings()  # noqa: RUF009  (frozen)
    keyring: KeyringProvider = KeyringProvider.AUTO
    find_links: tuple[str, ...] = ()

    @property
    def urls(self) -> tuple[str, ...]:
        return tuple(index.url for index in self.indexes)


@dataclass(frozen=True, slots=True, kw_only=True)
class PipSettings:
    """What pip is set to, from its files and its environment variables.

    ``default_index`` is pip's built-in one. Strings are as written; None: not set.
    """

    default_index: str
    index_url: str | None = None
    extra_index_urls: tuple[str, ...] = ()
    no_index: bool = False
    find_links: tuple[str, ...] = ()
    cert: str | None = None
    client_cert: str | None = None
    proxy: str | None = None
    timeout: str | None = None
    trusted_hosts: tuple[str, ...] = ()
    keyring_provider: str | None = None


def ask_pip() -> PipSettings:
    """Ask the installed pip for its settings, in its own order of precedence.

    The one place that looks into pip. Its configuration object is no public interface, yet
    `get_value` has been there since pip 10, and running `pip config list` instead takes twice as
    long and does not tell the default index. Raises UsageError if that fails.
    """
    try:
        from pip._internal.configuration import Configuration
        from pip._internal.exceptions import PipError
        from pip._internal.models.index import PyPI

        default = PyPI.simple_url
        configuration = Configuration(isolated=False)
    except (ImportError, AttributeError) as error:
        raise UsageError(
            "pip cannot be asked for the configured index",
            found=str(error),
            hint="install pip next to trueup, or name the index with `--index`",
        ) from error

    def value(*names: str) -> str | None:
        # pip's precedence: environment, then the section of the command, then the global one.
        for section in (":env:", "install", "global"):
            for name in names:
                try:
                    return str(configuration.get_value(f"{section}.{name}"))
                except PipError:
                    continue
        return None

    try:
        configuration.load()
    except (PipError, OSError, UnicodeDecodeError) as error:
        raise UsageError(
            "pip cannot read its configuration",
            found=str(error),
            hint="repair the file (`pip config debug` names it), or name the index with `--index`",
        ) from error
    return PipSettings(
        default_index=default,
        index_url=value("index-url", "pypi-url"),
        extra_index_urls=tuple((value("extra-index-url") or "").split()),
        no_index=(value("no-index") or "").lower() in ("1", "true", "yes", "on", "y", "t"),
        find_links=tuple((value("find-links") or "").split()),
        cert=value("cert"),
        client_cert=value("client-cert"),
        proxy=value("proxy"),
        timeout=value("timeout", "default-timeout"),
        trusted_hosts=tuple((value("trusted-host") or "").split()),
        keyring_provider=value("keyring-provider"),
    )


def index_config(
    explicit: Sequence[str] = (),
    *,
    environ: Mapping[str, str],
    directory: Path | None = None,
    pip: Callable[[], PipSettings] = ask_pip,
) -> IndexConfig:
    """The indexes to ask, in order, and how to reach them.

    ``explicit`` (`--index`, addresses or folders) wins over everything. Otherwise, in this order:
    uv's additional indexes (its variables, then its files found from ``directory`` upwards, then
    the user's), the default index (uv's if it is set, else pip's), pip's additional indexes.
    A release is looked up in the first index that has the project.

    Raises UsageError for an address that is none, for a configuration file that cannot be read,
    and if no index is left.
    """
    settings = _pip_or_nothing(pip, needed=not explicit)
    if explicit:
        indexes = [IndexUrl(url=_folder_or_url(url), origin="--index") for url in explicit]
    else:
        assert settings is not None
        indexes = list(_configured(settings, uv_indexes(environ, directory)))
    if not indexes:
        raise UsageError(
            "no index is configured",
            found="pip's `no-index`",
            expected="an index",
            hint="name one with `--index`, or check a folder",
        )
    unique = {index.url.rstrip("/"): index for index in reversed(indexes)}
    kept = [index for index in indexes if unique[index.url.rstrip("/")] is index]
    for index in kept:
        _check(index)
    return IndexConfig(
        indexes=tuple(kept),
        http=_http(settings) if settings is not None else HttpSettings(),
        keyring=_keyring(settings),
        find_links=settings.find_links if settings is not None else (),
    )


def _pip_or_nothing(pip: Callable[[], PipSettings], *, needed: bool) -> PipSettings | None:
    try:
        return pip()
    except UsageError:
        if needed:
            raise
        return None  # With an explicit index, pip would only tell certificates and proxies.


def _configured(pip: PipSettings, uv: Sequence[UvIndex]) -> Iterator[IndexUrl]:
    default = next((index for index in uv if index.default), None)
    for index in uv:
        if not index.default:
            yield IndexUrl(url=index.url, origin=index.origin)
    if default is not None:
        yield IndexUrl(url=default.url, origin=default.origin)
    elif not pip.no_index:
        if pip.index_url is not None:
            yield IndexUrl(url=pip.index_url, origin="pip's `index-url`")
        else:
            yield IndexUrl(url=pip.default_index, origin="pip's default")
    if not pip.no_index:
        for url in pip.extra_index_urls:
            yield IndexUrl(url=url, origin="pip's `extra-index-url`")


def _folder_or_url(text: str) -> str:
    # A Windows drive letter looks like a scheme of one letter.
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+:", text):
        return text
    path = Path(text)
    if not path.is_dir():
        raise UsageError(
            f"`--index {redact(text)}`",
            found="neither an address nor a folder",
            expected="an http, https or file address, or a folder",
        )
    if _holds_files_only(path):
        raise UsageError(
            f"`--index {text}`",
            found="a folder of wheels and sdists",
            expected="a folder of pages, `PROJECT/index.html`",
            hint=f"this folder holds files; name it as a target: `trueup check {text}`",
        )
    return path.resolve().as_uri()


def _holds_files_only(path: Path) -> bool:
    """Whether a folder holds wheels and sdists, and no page of any project."""
    try:
        entries = list(path.iterdir())
    except OSError as error:
        raise SourceError(
            f"cannot be listed: {error.strerror or error}", place=(str(path),)
        ) from error
    return any(has_artifact_suffix(entry.name) for entry in entries) and not any(
        (entry / "index.html").is_file() for entry in entries
    )


def _check(index: IndexUrl) -> None:
    try:
        parts = urlsplit(index.url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
        parts.port  # noqa: B018  (the property raises for a malformed port)
    except ValueError:
        usable = False
        parts = urlsplit("")
    if not usable and parts.scheme != "file":
        raise UsageError(
            f"an index address from {index.origin} cannot be used",
            found=f"`{redact(index.url)}`",
            expected="an http, https or file address",
        )


def _http(pip: PipSettings) -> HttpSettings:
    defaults = HttpSettings()
    try:
        timeout = float(pip.timeout) if pip.timeout is not None else defaults.timeout
    except ValueError as error:
        raise UsageError(
            "pip's `timeout`", found=f"`{pip.timeout}`", expected="a number of seconds"
        ) from error
    if timeout <= 0:
        raise UsageError(
            "pip's `timeout`", found=f"`{pip.timeout}`", expected="a positive number of seconds"
        )
    return HttpSettings(
        cert=pip.cert or None,
        client_cert=pip.client_cert or None,
        proxy=pip.proxy or None,
        # A trusted host may be written with its port; certificates belong to the host.
        trusted_hosts=frozenset(re.sub(r":\d+$", "", host) for host in pip.trusted_hosts),
        timeout=timeout,
    )


def _keyring(pip: PipSettings | None) -> KeyringProvider:
    value = pip.keyring_provider if pip is not None else None
    if not value:
        return KeyringProvider.AUTO
    try:
        return KeyringProvider(value.lower())
    except ValueError as error:
        raise UsageError(
            "pip's `keyring-provider`",
            found=f"`{value}`",
            expected=" or ".join(f"`{provider}`" for provider in KeyringProvider),
        ) from error
