"""Attestations of files: taken with an upload, served where tools look for them.

Sources: PEP 740; the address is that of the integrity API, for which clients exist.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import quote

from packaging.utils import canonicalize_name
from packaging.version import Version
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from trueup.features.serve.attested import check_attestations, provenance
from trueup.features.serve.desk import MAIN, Desk
from trueup.features.serve.receive import RefusedError
from trueup.interfaces.web.access import channel_of
from trueup.interfaces.web.upload import Form
from trueup.model.errors import NotFoundError, TrueupError
from trueup.model.version import parse_version
from trueup.sources.store.store import State, Store, Token

__all__ = ["Provenance", "attesting", "provenance_address"]

_TYPE = "application/vnd.pypi.integrity.v1+json"


class Provenance:
    """Serves the provenance of hosted files; that of others is where their page says."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[Route]:
        """One address for each file, by channel."""
        path = "/integrity/{project}/{version}/{filename}/provenance"
        return [Route(prefix + path, self.provenance) for prefix in ("", "/c/{channel}")]

    async def provenance(self, request: Request) -> Response:
        """The provenance object of a published file."""
        found = await run_in_threadpool(self._find, channel_of(request), request.path_params)
        if found is None:
            raise NotFoundError("nothing is attested of this file, or it is not published here")
        # It does not change while the file is there, and the file may go.
        headers = {"cache-control": "max-age=600"}
        return Response(found, media_type=_TYPE, headers=headers)

    def _find(self, channel: str, asked: dict[str, str]) -> str | None:
        store, project = self._desk.store, canonicalize_name(asked["project"])
        # The channel that has the project has it alone, as on its pages.
        owner = next((name for name in (channel, MAIN) if store.owns(name, project)), None)
        version = parse_version(asked["version"])
        if version is None:
            return None
        release = None if owner is None else store.release(owner, project, version)
        if owner is None or release is None or release.state is not State.PUBLISHED:
            return None
        for file in release.files:
            if file.filename == asked["filename"]:
                return store.provenance(owner, file.filename, file.sha256)
        return None


def provenance_address(channel: str, project: str, version: Version, filename: str) -> str:
    """The path of a file's provenance.

    Pages for people link it. Those for installers cannot: there it must be a whole URL (PEP 740),
    and they are made once for whatever name the server is asked under.
    """
    prefix = "" if channel == MAIN else f"/c/{channel}"
    return f"{prefix}/integrity/{project}/{version}/{quote(filename)}/provenance"


@asynccontextmanager
async def attesting(store: Store, form: Form, channel: str, token: Token) -> AsyncIterator[None]:
    """Keep the attestations that came with a file, if it is taken within.

    They are kept first: a file that is there has what was attested of it. Raises RefusedError for
    those that are not about the file.
    """
    texts = [text for text in form.fields.get("attestations", ()) if text]
    filename, sha256 = form.filename or "", form.sha256
    if not texts:
        yield
        return
    if len(texts) > 1:
        raise RefusedError("the form has `attestations` twice", expected="one list in JSON")
    check_attestations(texts[0], filename, sha256)
    terms = await run_in_threadpool(store.terms_of, token.id)
    document = provenance(texts[0], terms)
    kept = await run_in_threadpool(store.keep_provenance, channel, filename, sha256, document)
    try:
        yield
    except TrueupError:
        if kept:
            await run_in_threadpool(store.drop_provenance, channel, filename, sha256)
        raise
