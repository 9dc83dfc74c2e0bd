"""What is staged, as an index of its own: an address that `--extra-index-url` takes.

It needs no token, because installers have none: who knows the address may read (PEP 694, "Stage
Previews").
"""

from __future__ import annotations

from packaging.utils import canonicalize_name
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from trueup.features.serve.desk import Desk
from trueup.features.serve.stage import Stages
from trueup.interfaces.web.replies import FORMS, file_asked, file_response, form_of, normal_page
from trueup.sources.simplepage import index_html, index_json, page_html, page_json

__all__ = ["StagePages"]

_KEPT_BY_NOBODY = "private, no-store"
"""What is staged changes, and is no business of caches."""


class StagePages:
    """The Simple API of one staged release."""

    def __init__(self, desk: Desk) -> None:
        self._stages = Stages(desk)

    def routes(self) -> list[Route]:
        base = "/stage/{stage}"
        return [
            Route(f"{base}/simple/", self.projects),
            Route(f"{base}/simple/{{project}}/", self.page),
            Route(f"{base}/simple/{{project}}", self.page),
            Route(f"{base}/files/{{sha256}}/{{filename}}", self.file, methods=["GET", "HEAD"]),
        ]

    async def projects(self, request: Request) -> Response:
        project = await run_in_threadpool(self._stages.project, request.path_params["stage"])
        form = form_of(request.headers.get("accept", ""))
        return _page(index_json([project]) if form == "json" else index_html([project]), form)

    async def page(self, request: Request) -> Response:
        elsewhere = normal_page(request)
        if elsewhere is not None:
            return elsewhere
        project = canonicalize_name(request.path_params["project"])
        form = form_of(request.headers.get("accept", ""))
        stage = request.path_params["stage"]
        listing = await run_in_threadpool(self._stages.listing, stage, project)
        return _page(page_json(listing) if form == "json" else page_html(listing), form)

    async def file(self, request: Request) -> Response:
        stage = request.path_params["stage"]
        sha256, filename = file_asked(request)
        if filename.endswith(".metadata"):
            name = filename.removesuffix(".metadata")
            data = await run_in_threadpool(self._stages.metadata, stage, sha256, name)
            answer = Response(data, media_type="application/octet-stream")
        else:
            found = await run_in_threadpool(self._stages.file, stage, sha256, filename)
            answer = file_response(found, sha256, request)
        answer.headers["cache-control"] = _KEPT_BY_NOBODY
        return answer


def _page(body: bytes, form: str) -> Response:
    headers = {"vary": "Accept", "cache-control": _KEPT_BY_NOBODY}
    return Response(body, media_type=FORMS[form], headers=headers)
