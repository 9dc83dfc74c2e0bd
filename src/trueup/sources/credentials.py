"""Who we are to an index: user names and passwords, from where people keep them."""

from __future__ import annotations

import importlib
import netrc
import subprocess
import threading
from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from shutil import which
from typing import Any
from urllib.parse import urlsplit

from trueup.model.watcher import Watcher
from trueup.sources.url import credentials_in, origin_of, redact, without_credentials

__all__ = ["Credentials", "KeyringProvider", "netrc_path"]

Pair = tuple[str, str]


class KeyringProvider(StrEnum):
    """How to ask the user's keyring: pip's setting of this name."""

    AUTO = "auto"
    DISABLED = "disabled"
    IMPORT = "import"
    SUBPROCESS = "subprocess"


def netrc_path(environ: Mapping[str, str]) -> Path | None:
    """The user's netrc file: ``NETRC``, else `.netrc` or `_netrc` in the home folder."""
    if environ.get("NETRC"):
        return Path(environ["NETRC"])
    home = environ.get("HOME") or environ.get("USERPROFILE")
    for name in (".netrc", "_netrc"):
        if home and (path := Path(home) / name).is_file():
            return path
    return None


class Credentials:
    """Answers which user name and password belong to an address.

    In this order: the ones written into a configured index address of the same origin (the one
    whose path has most in common), what the keyring answered before, the netrc file. The keyring is
    asked only after the server has refused (status 401). Safe to use from several threads.
    """

    def __init__(
        self,
        urls: Iterable[str] = (),
        *,
        netrc_file: Path | None = None,
        keyring: KeyringProvider = KeyringProvider.AUTO,
        watcher: Watcher | None = None,
    ) -> None:
        self._urls = [(url, pair) for url in urls if (pair := credentials_in(url))]
        self._indexes = [without_credentials(url) for url in urls]
        self._keyring = keyring
        self._watcher = watcher or Watcher()
        self._netrc = self._read_netrc(netrc_file)
        self._asked: dict[tuple[str, str, int], Pair | None] = {}
        self._lock = threading.Lock()

    def known(self, url: str) -> Pair | None:
        """What is known without asking anyone."""
        origin = origin_of(url)
        path = urlsplit(url).path
        same = [(index, pair) for index, pair in self._urls if origin_of(index) == origin]
        learned = self._asked.get(origin)
        if learned is not None:
            return learned
        if same:
            return max(same, key=lambda item: _in_common(urlsplit(item[0]).path, path))[1]
        if self._netrc is not None:
            entry = self._netrc.authenticators(urlsplit(url).hostname or "")
            if entry is not None:
                return entry[0], entry[2] or ""
        return None

    def ask(self, url: str) -> Pair | None:
        """Ask the keyring, once per origin; None if it has nothing."""
        origin = origin_of(url)
        before = self.known(url)
        with self._lock:
            if origin not in self._asked:
                self._asked[origin] = self._ask_keyring(url, before[0] if before else None)
            return self._asked[origin]

    def _ask_keyring(self, url: str, user: str | None) -> Pair | None:
        services = [index for index in self._indexes if origin_of(index) == origin_of(url)]
        services.append(urlsplit(url).hostname or "")
        for service in dict.fromkeys(services):
            pair = self._from_module(service, user) or self._from_command(service, user)
            if pair is not None:
                return pair
        return None

    def _from_module(self, service: str, user: str | None) -> Pair | None:
        if self._keyring not in (KeyringProvider.AUTO, KeyringProvider.IMPORT):
            return None
        try:
            keyring: Any = importlib.import_module("keyring")
        except ImportError:
            return None
        try:
            found = keyring.get_credential(service, user)
        except Exception as error:  # A keyring's backend may raise anything at all.
            self._watcher.note(f"the keyring failed for `{redact(service)}`: {error}")
            return None
        return (found.username or "", found.password or "") if found is not None else None

    def _from_command(self, service: str, user: str | None) -> Pair | None:
        # The command can only be asked for a password, so a user name must be known (as in pip).
        if self._keyring not in (KeyringProvider.AUTO, KeyringProvider.SUBPROCESS) or not user:
            return None
        command = which("keyring")
        if command is None:
            return None
        try:
            done = subprocess.run(  # noqa: S603  (the arguments are no shell text)
                [command, "get", service, user],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=60,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            self._watcher.note(f"the command `keyring` failed: {error}")
            return None
        password = done.stdout.decode("utf-8", "replace").strip("\r\n")
        return (user, password) if done.returncode == 0 and password else None

    def _read_netrc(self, path: Path | None) -> netrc.netrc | None:
        if path is None or not path.is_file():
            return None
        try:
            return netrc.netrc(str(path))
        except (netrc.NetrcParseError, OSError, UnicodeDecodeError) as error:
            # The parser's own text may quote the line, password and all.
            line = f", line {error.lineno}" if isinstance(error, netrc.NetrcParseError) else ""
            self._watcher.note(f"`{path}`{line} cannot be read, so it gives no credentials")
            return None


def _in_common(first: str, second: str) -> int:
    count = 0
    for one, other in zip(first.split("/"), second.split("/"), strict=False):
        if one != other:
            break
        count += 1
    return count
