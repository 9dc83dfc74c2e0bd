"""What the HTTP client is made of: settings, certificates, proxies."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import trueup
from trueup.model.errors import SourceError
from trueup.sources.url import redact

if TYPE_CHECKING:
    import httpx2

__all__ = ["HttpSettings", "RetryPolicy", "certificate_failed", "new_client", "tls"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often and how slowly to try again; times in seconds.

    Before attempt `n` (from 2) the client waits ``base * 2 ** (n - 2)``, at most ``cap``, times a
    random number between 0.5 and 1, or what the server asks for with `Retry-After`, at most
    ``retry_after_cap``. A connection that cannot be made is tried ``connect_attempts`` times.
    """

    attempts: int = 5
    connect_attempts: int = 3
    base: float = 0.5
    cap: float = 20.0
    retry_after_cap: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSettings:
    """How to reach servers. ``cert`` is a bundle of certificate authorities (file or folder);
    ``client_cert`` our own certificate with its key; ``proxy`` wins over the environment's proxies;
    ``trusted_hosts`` are not asked for a valid certificate; times are in seconds; ``per_host``
    limits the requests that are under way to one host at a time.
    """

    cert: str | None = None
    client_cert: str | None = None
    proxy: str | None = None
    trusted_hosts: frozenset[str] = frozenset()
    timeout: float = 15.0
    connect_timeout: float = 10.0
    per_host: int = 16
    retry: RetryPolicy = field(default_factory=RetryPolicy)


def new_client(
    settings: HttpSettings, environ: Mapping[str, str], *, insecure: bool
) -> httpx2.Client:
    """A client of the HTTP library; ``insecure`` for the trusted hosts.

    Raises SourceError if a certificate file cannot be read or the proxy cannot be used.
    """
    import httpx2

    try:
        return httpx2.Client(
            verify=tls(settings, environ, insecure=insecure),
            proxy=settings.proxy,
            timeout=httpx2.Timeout(
                settings.timeout, connect=min(settings.connect_timeout, settings.timeout)
            ),
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=64),
            headers={
                "User-Agent": f"trueup/{trueup.__version__}",
                "Accept-Encoding": "identity",
            },
            follow_redirects=False,
        )
    except (ImportError, ValueError) as error:
        raise SourceError(
            "the proxy cannot be used", found=redact(str(error)), hint="see pip's `proxy`"
        ) from error


def tls(
    settings: HttpSettings, environ: Mapping[str, str], *, insecure: bool
) -> ssl.SSLContext | bool:
    """What certificates are verified with: True for the usual ones, False for none.

    Raises SourceError if a certificate file cannot be read.
    """
    context: ssl.SSLContext | bool = not insecure
    names = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE")
    named = next((environ[name] for name in names if environ.get(name)), None)
    bundle = settings.cert or named
    try:
        if bundle is not None and not insecure:
            folder = Path(bundle).is_dir()
            context = ssl.create_default_context(
                cafile=None if folder else bundle, capath=bundle if folder else None
            )
        if settings.client_cert is not None:
            if not isinstance(context, ssl.SSLContext):
                context = ssl.create_default_context()
                context.check_hostname = not insecure
                context.verify_mode = ssl.CERT_NONE if insecure else ssl.CERT_REQUIRED
            context.load_cert_chain(settings.client_cert)
    except (OSError, ssl.SSLError) as error:
        raise SourceError(
            f"the certificates `{bundle or settings.client_cert}` cannot be read",
            found=error.strerror or str(error),
            expected="a file in PEM form",
            hint="see pip's `cert`, `REQUESTS_CA_BUNDLE` and `SSL_CERT_FILE`",
        ) from error
    return context


def certificate_failed(error: BaseException) -> bool:
    """Whether a connection error goes back to a certificate that cannot be verified."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return True
        cause = cause.__cause__ or cause.__context__
    return "CERTIFICATE_VERIFY_FAILED" in str(error)
