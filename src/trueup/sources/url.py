"""Addresses: taking credentials out of them before anyone sees them, and local ones."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

__all__ = ["credentials_in", "local_path", "origin_of", "redact", "without_credentials"]


def redact(url: str) -> str:
    """The address with `****` for its user name and password, fit for messages."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        return url
    # By hand, not with `urlsplit`: a malformed address must not show its password either.
    authority, slash, path = rest.partition("/")
    userinfo, at, host = authority.rpartition("@")
    return f"{scheme}://{'****@' if at and userinfo else ''}{host}{slash}{path}"


def without_credentials(url: str) -> str:
    """The address without user name and password."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        return url
    authority, slash, path = rest.partition("/")
    return f"{scheme}://{authority.rpartition('@')[2]}{slash}{path}"


def credentials_in(url: str) -> tuple[str, str] | None:
    """User name and password of an address (RFC 3986, section 3.2.1), decoded; None if without."""
    parts = urlsplit(url)
    if parts.username is None and parts.password is None:
        return None
    return unquote(parts.username or ""), unquote(parts.password or "")


def origin_of(url: str) -> tuple[str, str, int]:
    """Scheme, host and port: what credentials belong to (RFC 6454, section 4)."""
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    port = parts.port or (443 if scheme == "https" else 80)
    return scheme, (parts.hostname or "").lower(), port


def local_path(url: str) -> Path:
    """The path of a `file:` address (RFC 8089)."""
    parts = urlsplit(url)
    host = f"//{parts.netloc}" if parts.netloc not in ("", "localhost") else ""
    return Path(url2pathname(host + parts.path))
