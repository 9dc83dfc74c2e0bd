"""`trueup serve` in a process of its own: uploads, policies, atomic releases, views, clients."""

from __future__ import annotations

import gzip
import hashlib
import json
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from uv import find_uv_bin

from tests.build import make_sdist, make_wheel
from tests.index_server import IndexServer
from tests.serving import Server, serving, trueup
from tests.waiting import until

THIS = f"cp{sys.version_info.major}{sys.version_info.minor}"
LINUX = f"{THIS}-{THIS}-manylinux_2_17_x86_64"
MACOS = f"{THIS}-{THIS}-macosx_11_0_arm64"
WINDOWS = f"{THIS}-{THIS}-win_amd64"


def release(folder: Path, *, differ: bool = True) -> list[Path]:
    """Three platform wheels; those that differ do so in a way that markers can describe."""
    folder.mkdir(exist_ok=True)
    asks = {LINUX: ["one", "linux-only"], MACOS: ["one"], WINDOWS: ["one", "windows-only"]}
    return [
        make_wheel(folder, "demo", "1.0", tags=tag, requires=asks[tag] if differ else ["one"])
        for tag in asks
    ]


@pytest.fixture
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    options = getattr(request, "param", ())
    with serving(tmp_path / "data", "--hosted-only", *options, cwd=tmp_path) as found:
        yield found


WARNING = pytest.mark.parametrize("server", [("--policy", "warn")], indirect=True)


def test_a_release_appears_whole_and_only_when_it_is_published(
    server: Server, tmp_path: Path
) -> None:
    for path in release(tmp_path / "dist", differ=False):
        assert server.upload(path).json()["state"] == "staged"
        assert server.get("/simple/demo/").status_code == 404
    assert server.post("/api/demo/1.0/publish").json()["state"] == "published"
    assert len(server.json("demo")) == 3
    assert "demo" in server.get("/simple/").text


def test_a_contradicting_file_is_refused_with_field_and_files(
    server: Server, tmp_path: Path
) -> None:
    first, second, _ = release(tmp_path / "dist")
    assert server.upload(first).status_code == 200
    answer = server.upload(second)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.reason_phrase.startswith("Requires-Dist: the wheels do not ask for the same")
    for path in (first, second):
        assert path.name in answer.json()["detail"]
    assert [one["filename"] for one in server_release(server)["files"]] == [first.name]


def server_release(server: Server) -> dict[str, list[dict[str, str]]]:
    found = httpx2.get(f"{server.url}/api/demo/1.0", auth=("__token__", server.token)).json()
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("server", [("--policy", "quarantine")], indirect=True)
def test_quarantine_takes_the_file_and_publishes_nothing(server: Server, tmp_path: Path) -> None:
    states = [server.upload(path).json()["state"] for path in release(tmp_path / "dist")]
    assert states == ["staged", "quarantined", "quarantined"]
    assert server.post("/api/demo/1.0/publish").status_code == 400
    assert server.get("/simple/demo/").status_code == 404


@WARNING
def test_the_corrected_view_lists_derived_wheels_first(server: Server, tmp_path: Path) -> None:
    paths = release(tmp_path / "dist")
    for path in paths:
        assert server.upload(path).json()["state"] == "staged"
    server.post("/api/demo/1.0/publish")
    assert sorted(server.json("demo")) == sorted(path.name for path in paths)
    names = server.json("demo", "/corrected")
    derived, originals = names[:3], names[3:]
    assert all("-1cons-" in name for name in derived)
    assert sorted(originals) == sorted(path.name for path in paths)
    page = server.get("/corrected/simple/demo/", accept="application/vnd.pypi.simple.v1+json")
    said = set()
    for file in page.json()["files"][:3]:
        data = server.get(file["url"]).content
        assert hashlib.sha256(data).hexdigest() == file["hashes"]["sha256"]
        wheel = tmp_path / file["filename"]
        wheel.write_bytes(data)
        with zipfile.ZipFile(wheel) as archive:
            assert archive.testzip() is None
            metadata = archive.read("demo-1.0.dist-info/METADATA")
        sidecar = server.get(f"{file['url']}.metadata").content
        assert sidecar == metadata
        assert hashlib.sha256(sidecar).hexdigest() == file["core-metadata"]["sha256"]
        said.add(metadata)
        part = server.get(file["url"], range="bytes=-100")
        assert (part.status_code, part.content) == (206, data[-100:])
    assert len(said) == 1


@WARNING
def test_uv_locks_right_from_corrected_and_wrong_from_faithful(
    server: Server, tmp_path: Path
) -> None:
    dist = tmp_path / "dist"
    for path in release(dist):
        server.upload(path)
    for name in ("one", "linux-only", "windows-only"):
        server.upload(make_wheel(dist, name, "1.0"))
        server.post(f"/api/{name}/1.0/publish")
    server.post("/api/demo/1.0/publish")
    locked = {}
    for view in ("", "/corrected"):
        folder = tmp_path / f"lock{view.replace('/', '-')}"
        folder.mkdir()
        (folder / "pyproject.toml").write_text(
            '[project]\nname = "x"\nversion = "1"\nrequires-python = ">=3.11"\n'
            'dependencies = ["demo"]\n',
            "utf-8",
        )
        subprocess.run(
            [find_uv_bin(), "lock", "-q", "--no-config", "--default-index",
             f"{server.url}{view}/simple/"],
            cwd=folder, check=True, timeout=60,
        )  # fmt: skip
        locked[view] = (folder / "uv.lock").read_text("utf-8")
    both = ('name = "linux-only"', 'name = "windows-only"')
    assert not all(name in locked[""] for name in both), "uv believes one wheel for all"
    assert all(name in locked["/corrected"] for name in both)
    assert '{ name = "linux-only", marker = "sys_platform == \'linux\'" }' in locked["/corrected"]


def test_a_release_never_shows_in_part(server: Server, tmp_path: Path) -> None:
    """A reader polls the page all the while: it sees nothing, then everything."""
    paths = release(tmp_path / "dist", differ=False)
    seen: set[int] = set()
    stop = threading.Event()

    def poll() -> None:
        with httpx2.Client() as client:
            while not stop.is_set():
                answer = client.get(
                    f"{server.url}/simple/demo/",
                    headers={"accept": "application/vnd.pypi.simple.v1+json"},
                )
                seen.add(len(answer.json()["files"]) if answer.status_code == 200 else 0)

    reader = threading.Thread(target=poll)
    reader.start()
    for path in paths:
        server.upload(path)
    server.post("/api/demo/1.0/publish")
    while len(server.json("demo")) != 3:
        pass
    stop.set()
    reader.join()
    assert seen <= {0, 3}


def test_pages_are_negotiated_packed_and_conditional(server: Server, tmp_path: Path) -> None:
    server.upload(make_wheel(tmp_path, "demo", "1.0"))
    server.post("/api/demo/1.0/publish")
    for accept, kind in (
        ("application/vnd.pypi.simple.v1+json", "application/vnd.pypi.simple.v1+json"),
        ("text/html", "text/html; charset=utf-8"),
        ("*/*", "text/html; charset=utf-8"),
        (
            "text/html;q=0.1, application/vnd.pypi.simple.v1+json",
            "application/vnd.pypi.simple.v1+json",
        ),
    ):
        answer = server.get("/simple/demo/", accept=accept)
        assert answer.headers["content-type"] == kind
        assert answer.headers["vary"] == "Accept, Accept-Encoding"
        again = server.get("/simple/demo/", accept=accept, if_none_match=answer.headers["etag"])
        assert (again.status_code, again.content) == (304, b"")
    with httpx2.Client() as client:
        request = client.build_request(
            "GET", f"{server.url}/simple/demo/", headers={"accept-encoding": "gzip"}
        )
        packed = b"".join(client.send(request, stream=True).iter_raw())
    assert b"demo-1.0" in gzip.decompress(packed)
    assert server.get("/simple/Demo/").status_code == 301


def test_who_may_do_what(server: Server, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "demo", "1.0")
    files = {"content": (wheel.name, wheel.read_bytes())}
    data = {":action": "file_upload"}
    url = f"{server.url}/legacy/"
    assert httpx2.post(url, data=data, files=files).status_code == 401
    assert httpx2.post(url, data=data, files=files, auth=("__token__", "x")).status_code == 401
    other = trueup("serve", "--data", str(server.data), "token", "o", "--project", "Other_Name")
    answer = httpx2.post(url, data=data, files=files, headers={"authorization": f"Bearer {other}"})
    assert answer.status_code == 403
    assert "may not upload `demo`" in answer.json()["detail"]
    mine = make_wheel(tmp_path, "other-name", "1.0")
    files = {"content": (mine.name, mine.read_bytes())}
    answer = httpx2.post(url, data=data, files=files, headers={"authorization": f"Bearer {other}"})
    assert answer.status_code == 200


def test_a_token_changes_nothing_of_another_project(server: Server, tmp_path: Path) -> None:
    ours, theirs = make_wheel(tmp_path, "ours", "1.0"), make_wheel(tmp_path, "theirs", "1.0")
    for wheel in (ours, theirs):
        server.upload(wheel)
        server.post(f"/api/{wheel.name.partition('-')[0]}/1.0/publish")
    words = [word for one in ("yank", "upload") for word in ("--may", one)]
    token = trueup(
        "serve", "--data", str(server.data), "token", "o", "--project", "ours", *words
    )  # fmt: skip

    def post(path: str, **form: Any) -> int:
        url = f"{server.url}{path}"
        return httpx2.post(url, auth=("__token__", token), verify=False, **form).status_code

    assert post(f"/api/ours/yank/{theirs.name}?reason=mine") == 404
    assert post(f"/api/theirs/yank/{theirs.name}?reason=mine") == 403
    assert server.release("theirs", "1.0")["files"][0]["yanked"] is None
    assert post(f"/api/ours/yank/{ours.name}?reason=mine") == 200
    assert server.release("ours", "1.0")["files"][0]["yanked"] == "mine"
    # Neither is anything published by who may only upload.
    new = make_wheel(tmp_path, "ours", "2.0")
    form = {"files": {"content": (new.name, new.read_bytes())}}
    for manifest, status in ((json.dumps([new.name]), 403), ("{", 400), ("[1]", 400), ("", 200)):
        data = {":action": "file_upload", "trueup_expected": manifest}
        assert post("/legacy/", data=data, **form) == status
    assert server.release("ours", "2.0")["state"] == "staged"


@pytest.mark.parametrize(
    ("action", "published", "staged"),
    [("upload", 200, 200), ("read", 200, 404), ("metrics", 403, 403)],
)
def test_what_waits_is_for_those_who_work_on_it(
    server: Server, tmp_path: Path, action: str, published: int, staged: int
) -> None:
    for version in ("1.0", "2.0"):
        server.upload(make_wheel(tmp_path, "demo", version))
    server.post("/api/demo/1.0/publish")
    token = trueup("serve", "--data", str(server.data), "token", "o", "--may", action)
    for version, status in (("1.0", published), ("2.0", staged)):
        url = f"{server.url}/api/demo/{version}"
        assert httpx2.get(url, auth=("__token__", token), verify=False).status_code == status


def test_a_channel_shadows_for_its_readers_only(server: Server, tmp_path: Path) -> None:
    public = make_wheel(tmp_path, "demo", "1.0")
    local = make_wheel(tmp_path, "demo", "1.0", tags=LINUX, requires=["mpi"])
    server.upload(public)
    server.post("/api/demo/1.0/publish")
    server.upload(local, "/c/mpi")
    server.post("/c/mpi/api/demo/1.0/publish")
    assert server.json("demo") == [public.name]
    assert server.json("demo", "/c/mpi") == [local.name]
    assert server.json("demo", "/c/other") == [public.name]


def test_yank_and_delete(server: Server, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "demo", "1.0")
    server.upload(wheel)
    server.post("/api/demo/1.0/publish")
    assert server.post(f"/api/demo/yank/{wheel.name}?reason=broken").status_code == 200
    page = server.get("/simple/demo/", accept="application/vnd.pypi.simple.v1+json").json()
    assert page["files"][0]["yanked"] == "broken"
    assert 'data-yanked="broken"' in server.get("/simple/demo/").text
    said = f"/api/demo/yank/{wheel.name}?reason="
    assert "too long" in server.post(said + "x" * 1001).json()["detail"]
    assert server.post(f"{said}one%00%20%0atwo").json()["yanked"] == "one two"
    assert server.post("/api/demo/1.0/delete").status_code == 200
    assert server.get("/simple/demo/").status_code == 404


def test_the_same_file_again_and_another_under_its_name(server: Server, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "demo", "1.0")
    assert server.upload(wheel).status_code == 200
    assert server.upload(wheel).status_code == 409
    other = make_wheel(tmp_path, "demo", "1.0", requires=["more"])
    answer = server.upload(other)
    assert answer.status_code == 400
    assert "with other bytes" in answer.json()["detail"]


def test_hostile_uploads_are_refused(server: Server, tmp_path: Path) -> None:
    good = make_wheel(tmp_path, "demo", "1.0")
    cases = {
        "no archive": ("demo-1.0-py3-none-any.whl", b"MZ" * 100),
        "another project": ("other-1.0-py3-none-any.whl", good.read_bytes()),
        "another version": ("demo-2.0-py3-none-any.whl", good.read_bytes()),
        "no artifact": ("demo-1.0.exe", b"MZ"),
        "a path": ("../demo-1.0-py3-none-any.whl", good.read_bytes()),
    }
    for name, (filename, data) in cases.items():
        answer = httpx2.post(
            f"{server.url}/legacy/",
            data={":action": "file_upload"},
            files={"content": (filename, data)},
            auth=("__token__", server.token),
        )
        assert answer.status_code == 400, name
        assert answer.headers["content-type"] == "application/problem+json"
    assert server.get("/simple/demo/").status_code == 404
    assert trueup("serve", "--data", str(server.data), "fsck").startswith("0 files lost, 0 blobs")


@pytest.mark.parametrize("server", [("--quiet-period", "1")], indirect=True)
def test_a_quiet_period_publishes(server: Server, tmp_path: Path) -> None:
    server.upload(make_sdist(tmp_path, "demo", "1.0"))
    until(lambda: server.get("/simple/demo/").status_code == 200)
    assert server.json("demo") == ["demo-1.0.tar.gz"]


def test_a_declared_manifest_publishes_when_it_is_complete(server: Server, tmp_path: Path) -> None:
    paths = release(tmp_path / "dist", differ=False)
    expected = json.dumps([path.name for path in paths])
    fields = {"name": "demo", "version": "1.0", "trueup_expected": expected}
    for path in paths:
        assert server.get("/simple/demo/").status_code == 404
        server.upload(path, **fields)
    assert len(server.json("demo")) == 3
    more = server.upload(paths[0], trueup_expected=json.dumps(["a"] * 2001))
    assert (more.status_code, "at most 2,000" in more.text) == (400, True)


def test_what_a_form_says_is_repeated_in_part(server: Server, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "demo", "1.0")
    for fields in (
        {"name": "x" * 100_000},
        {"sha256_digest": "0" * 100_000},
        {":action": "x" * 100_000},
    ):
        answer = server.upload(wheel, **fields)
        assert (answer.status_code, len(answer.text) < 1000) == (400, True), answer.text[:1000]


def test_an_index_behind_it_and_what_stays_when_that_is_away(tmp_path: Path) -> None:
    with IndexServer() as upstream:
        wheel = make_wheel(tmp_path, "demo", "1.0")
        upstream.add(wheel.name, wheel.read_bytes())
        with serving(tmp_path / "data", "--index", upstream.url, cwd=tmp_path) as server:
            assert server.json("demo") == [wheel.name]
            page = server.get("/simple/demo/", accept="application/vnd.pypi.simple.v1+json").json()
            url = page["files"][0]["url"]
            assert server.get(url).content == wheel.read_bytes()
            assert server.get("/simple/nothing/").status_code == 404
            asked = upstream.count(path="/files/")
            server.get(url)
            assert upstream.count(path="/files/") == asked, "a file is fetched once"
    with serving(
        tmp_path / "data", "--index", "http://127.0.0.1:9/simple/", cwd=tmp_path
    ) as server:
        answer = server.get("/corrected/simple/demo/")
        assert wheel.name in answer.text
        assert "last good page" in answer.headers["x-trueup-stale"]
        assert server.get(url).content == wheel.read_bytes()
