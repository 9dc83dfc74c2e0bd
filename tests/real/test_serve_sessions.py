"""`trueup serve --sessions` in a process of its own: PEP 694 over HTTP, as a client would speak it."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from click.testing import CliRunner, Result
from msgspec import structs

from tests.attestation import attestation
from tests.build import make_sdist, make_wheel
from tests.serving import Server, serving
from trueup.features.serve.fsck import check_store
from trueup.interfaces.cli.serve import command
from trueup.sources.store.blobs import open_blobs
from trueup.sources.store.schema import open_engine, upgrade
from trueup.sources.store.store import Scope, Store
from trueup.sources.uploadindex import UploadError, UploadIndex

TYPE = "application/vnd.pypi.upload.v2+json"
META = {"api-version": "2.0"}
MACOS, WINDOWS = "py3-none-macosx_11_0_arm64", "py3-none-win_amd64"


class Client:
    """What PEP 694 asks of a client: it makes up no address, and says what it speaks."""

    def __init__(self, root: str, token: str) -> None:
        self.root = root
        self._token = token

    def ask(self, method: str, url: str, body: Any = None, **more: Any) -> httpx2.Response:
        if body is not None:
            headers = {"content-type": TYPE, "accept": TYPE}
            more = {"json": {"meta": META, **body}, "headers": headers, **more}
        auth = ("__token__", self._token)
        return httpx2.request(method, url, auth=auth, verify=False, timeout=30, **more)

    def open(self, name: str = "demo", version: str = "1.0") -> dict[str, Any]:
        answer = self.ask("POST", self.root, {"name": name, "version": version})
        assert answer.status_code == 201, answer.text
        assert answer.headers["content-type"] == TYPE
        assert answer.headers["location"] == answer.json()["links"]["session"]
        found: dict[str, Any] = answer.json()
        return found

    def status(self, session: dict[str, Any]) -> dict[str, Any]:
        answer = self.ask("GET", session["links"]["session"], headers={"accept": TYPE})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def announce(self, session: dict[str, Any], path: Path, **more: Any) -> httpx2.Response:
        data = path.read_bytes()
        body = {
            "filename": path.name, "size": len(data), "mechanism": "http-post-bytes",
            "hashes": {"sha256": hashlib.sha256(data).hexdigest()}, **more,
        }  # fmt: skip
        return self.ask("POST", session["links"]["upload"], body)

    def send(self, file: dict[str, Any], data: bytes) -> httpx2.Response:
        kind = {"content-type": "application/octet-stream"}
        return self.ask("POST", file["mechanism"]["file_url"], content=data, headers=kind)

    def upload(self, session: dict[str, Any], path: Path) -> dict[str, Any]:
        announced = self.announce(session, path)
        assert announced.status_code == 202, announced.text
        assert int(announced.headers["retry-after"]) > 0
        file = announced.json()
        assert (file["status"], file["mechanism"]["identifier"]) == ("pending", "http-post-bytes")
        sent = self.send(file, path.read_bytes())
        assert sent.status_code == 204, sent.text
        answer = self.ask("POST", file["links"]["complete"], {})
        assert answer.status_code == 201, answer.text
        assert answer.headers["location"] == file["links"]["file-upload-session"]
        found: dict[str, Any] = answer.json()
        return found

    def publish(self, session: dict[str, Any]) -> httpx2.Response:
        return self.ask("POST", session["links"]["publish"], {})


def problem(answer: httpx2.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert (body["meta"], body["status"]) == (META, status)
    assert all(one["message"] and one["source"] for one in body["errors"])
    return body


def client_of(server: Server, channel: str = "") -> Client:
    return Client(f"{server.url}{channel}/upload/", server.token)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("index")
    with serving(folder / "data", "--hosted-only", "--sessions", cwd=folder) as found:
        yield found


@pytest.fixture
def client(server: Server) -> Client:
    return client_of(server)


def test_from_an_empty_session_to_a_published_release(
    server: Server, client: Client, tmp_path: Path
) -> None:
    paths = [
        make_wheel(tmp_path, "demo", "1.0", tags=MACOS, requires=["one"]),
        make_wheel(tmp_path, "demo", "1.0", tags=WINDOWS, requires=["one"]),
        make_sdist(tmp_path, "demo", "1.0"),
    ]
    session = client.open("Demo", "1.0")
    assert session["status"] == "open"
    assert set(session["links"]) == {"session", "upload", "publish", "extend", "stage"}
    assert session["session-token"] in session["links"]["stage"]
    assert session["expires-at"].endswith("Z")
    for path in paths:
        assert client.upload(session, path)["status"] == "completed"
        assert server.get("/simple/demo/").status_code == 404
    known = client.status(session)["files"]
    assert {name: one["status"] for name, one in known.items()} == {
        path.name: "completed" for path in paths
    }
    for one in known.values():
        assert client.ask("GET", one["link"]).json()["status"] == "completed"
    answer = client.publish(session)
    assert (answer.status_code, answer.json()["status"]) == (201, "published")
    assert set(answer.json()["links"]) == {"session"}
    assert sorted(server.json("demo")) == sorted(path.name for path in paths)
    assert client.status(session)["status"] == "published"
    assert client.publish(session).status_code == 201


def test_a_stage_is_an_index_of_what_is_staged(
    server: Server, client: Client, tmp_path: Path
) -> None:
    session = client.open("staged")
    wheel = make_wheel(tmp_path, "staged", "1.0", files={"staged.py": b"HERE = 1\n"})
    client.upload(session, wheel)
    stage = session["links"]["stage"]
    path = stage.removeprefix(server.url)
    assert server.get(path, accept="application/vnd.pypi.simple.v1+json").json()["projects"] == [
        {"name": "staged"}
    ]
    assert server.get(f"{path}other/").status_code == 404
    assert wheel.name in server.get(f"{path}staged/", accept="text/html").text
    page = server.get(f"{path}Staged", accept="application/vnd.pypi.simple.v1+json")
    assert page.status_code == 301
    listed = server.get(f"{path}staged/", accept="application/vnd.pypi.simple.v1+json")
    assert listed.headers["cache-control"] == "private, no-store"
    [file] = listed.json()["files"]
    assert server.get(file["url"]).content == wheel.read_bytes()
    part = server.get(file["url"], range="bytes=-10")
    assert (part.status_code, part.content) == (206, wheel.read_bytes()[-10:])
    sidecar = server.get(f"{file['url']}.metadata")
    assert hashlib.sha256(sidecar.content).hexdigest() == file["core-metadata"]["sha256"]
    target = tmp_path / "installed"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--isolated", "--quiet", "--no-cache-dir",
         "--disable-pip-version-check", "--index-url", stage, "--target", str(target), "staged"],
        check=True, timeout=60,
    )  # fmt: skip
    assert (target / "staged.py").read_text("utf-8") == "HERE = 1\n"
    public = f"/files/{file['hashes']['sha256']}/{wheel.name}"
    assert server.get(public).status_code == 404
    client.publish(session)
    assert (server.get(public).status_code, server.get(path).status_code) == (200, 404)
    assert server.get(file["url"]).status_code == 404


def test_a_contradiction_is_told_early_and_keeps_the_session_open(
    server: Server, client: Client, tmp_path: Path
) -> None:
    session = client.open("differs")
    good = make_wheel(tmp_path, "differs", "1.0", tags=MACOS, requires=["one"])
    bad = make_wheel(tmp_path, "differs", "1.0", tags=WINDOWS, requires=["two"])
    assert client.upload(session, good)["notices"] == []
    told = client.upload(session, bad)
    assert told["status"] == "completed"
    assert any(good.name in one and bad.name in one for one in told["notices"])
    assert client.status(session)["files"][good.name]["notices"] == told["notices"]
    body = problem(client.publish(session), 422)
    assert "Requires-Dist" in body["detail"]
    assert body["notices"] == told["notices"]
    assert client.status(session)["status"] == "open"
    assert server.get("/simple/differs/").status_code == 404
    link = client.status(session)["files"][bad.name]["link"]
    assert client.ask("DELETE", link).status_code == 204
    assert list(client.status(session)["files"]) == [good.name]
    client.upload(session, make_wheel(tmp_path, "differs", "1.0", tags=WINDOWS, requires=["one"]))
    assert client.publish(session).status_code == 201


def test_a_second_session_is_sent_to_the_first(client: Client, tmp_path: Path) -> None:
    session = client.open("twice")
    answer = client.ask("POST", client.root, {"name": "Twice", "version": "1.0"})
    problem(answer, 409)
    assert answer.headers["location"] == session["links"]["session"]
    assert client.ask("DELETE", session["links"]["session"]).status_code == 204
    assert client.status(session)["status"] == "canceled"
    problem(client.announce(session, make_wheel(tmp_path, "twice", "1.0")), 409)
    second = client.open("twice")
    client.upload(second, make_wheel(tmp_path, "twice", "1.0"))
    client.publish(second)
    answer = client.ask("POST", client.root, {"name": "twice", "version": "1.0"})
    problem(answer, 409)
    assert answer.headers["location"] == second["links"]["session"]


def test_names_are_taken_for_both_ways_to_upload(
    server: Server, client: Client, tmp_path: Path
) -> None:
    mine, theirs = (make_wheel(tmp_path, "both", "1.0", tags=tag) for tag in (MACOS, WINDOWS))
    session = client.open("both")
    assert client.announce(session, mine).status_code == 202
    answer = server.upload(mine)
    assert (answer.status_code, "publishing session" in answer.reason_phrase) == (423, True)
    assert server.upload(theirs).status_code == 200
    problem(client.announce(session, theirs), 409)
    assert any(theirs.name in one for one in client.status(session)["notices"])
    assert server.post("/api/both/1.0/publish").status_code == 423
    body = problem(client.publish(session), 409)
    assert body["notices"] == [f"`{mine.name}` is pending"]


def test_bytes_are_those_that_were_announced(client: Client, tmp_path: Path) -> None:
    session = client.open("bytes")
    wheel = make_wheel(tmp_path, "bytes", "1.0")
    data, file = wheel.read_bytes(), client.announce(session, wheel).json()
    for wrong in (data[:-1], data[:-1] + b"x", data + b"x", b""):
        problem(client.send(file, wrong), 400)
    assert client.ask("GET", file["links"]["file-upload-session"]).json()["status"] == "pending"
    problem(client.ask("POST", file["links"]["complete"], {}), 409)
    kind = {"content-type": "multipart/form-data"}
    problem(client.ask("POST", file["mechanism"]["file_url"], content=data, headers=kind), 415)
    assert client.send(file, data).status_code == 204
    assert client.ask("POST", file["links"]["complete"], {}).json()["status"] == "completed"
    problem(client.send(file, data), 409)
    wheel.write_bytes(b"no wheel at all")
    torn = make_sdist(tmp_path, "bytes", "1.0")
    torn.write_bytes(b"no sdist at all")
    file = client.announce(session, torn).json()
    problem(client.send(file, torn.read_bytes()), 400)
    told = client.ask("GET", file["links"]["file-upload-session"]).json()
    assert (told["status"], bool(told["notices"])) == ("error", True)


def test_what_is_said_is_checked(client: Client, tmp_path: Path) -> None:
    root, good = client.root, {"name": "said", "version": "1.0"}
    for body, status in (
        ({"name": "said"}, 400), ({**good, "name": "a/b"}, 400), ({**good, "version": "x"}, 400),
        ({**good, "meta": {"api-version": "1.0"}}, 400), ({**good, "name": "said\0"}, 400),
    ):  # fmt: skip
        problem(client.ask("POST", root, body), status)
    plain = client.ask("POST", root, json={"meta": META, **good})
    problem(plain, 415)
    headers = {"content-type": TYPE, "accept": "text/html"}
    problem(client.ask("POST", root, json={"meta": META, **good}, headers=headers), 406)
    headers = {"content-type": TYPE}
    problem(client.ask("POST", root, content=b"[" * 100_000, headers=headers), 400)
    problem(client.ask("POST", root, content=b" " * (5 * 1024 * 1024), headers=headers), 413)
    session = client.open("said")
    wheel = make_wheel(tmp_path, "said", "1.0")
    problem(client.announce(session, wheel, mechanism="vnd-test-post"), 422)
    problem(client.announce(session, wheel, filename="other-1.0-py3-none-any.whl"), 409)
    problem(client.announce(session, wheel, hashes={"md5": "0" * 32}), 400)
    problem(client.announce(session, wheel, size=-1), 400)
    problem(client.announce(session, wheel, size=2**50), 409)
    later = client.ask("POST", session["links"]["extend"], {"extend-for": 3600}).json()
    assert later["expires-at"] > session["expires-at"]
    far = client.ask("POST", session["links"]["extend"], {"extend-for": 10**9})
    assert (far.status_code, far.json()["expires-at"]) == (200, later["expires-at"])


def test_every_request_needs_a_token_that_may(server: Server, tmp_path: Path) -> None:
    mine, channel = client_of(server), "/c/mpi"
    session = client_of(server, channel).open("guarded")
    file = mine.announce(session, make_wheel(tmp_path, "guarded", "1.0")).json()

    def with_token(project: str, *actions: str) -> Client:
        engine = open_engine(f"sqlite:///{server.data / 'index.db'}")
        made = Store(engine).make("t", Scope(projects=(project,), actions=actions))
        engine.dispose()
        return Client(f"{server.url}/upload/", made)

    strangers = {
        401: Client(mine.root, "nothing"),
        403: with_token("other", "upload", "publish"),
    }
    links = {**session["links"], **file["links"], "bytes": file["mechanism"]["file_url"]}
    del links["stage"]
    for status, stranger in strangers.items():
        problem(stranger.ask("GET", links["session"]), status)
        problem(stranger.ask("DELETE", links["session"]), status)
        problem(stranger.ask("GET", links["file-upload-session"]), status)
        problem(stranger.ask("DELETE", links["file-upload-session"]), status)
        for name in ("publish", "extend", "upload", "complete", "bytes"):
            problem(stranger.ask("POST", links[name], {}), status)
    helper = with_token("guarded", "upload")
    assert helper.ask("GET", links["session"]).status_code == 200
    problem(helper.publish(session), 403)
    problem(mine.ask("GET", f"{server.url}/upload/nothing"), 404)
    elsewhere = links["session"].replace(channel, "")
    problem(mine.ask("GET", elsewhere), 404)
    assert mine.ask("GET", links["session"]).json()["links"] == session["links"]


def test_a_session_outlives_a_server_that_was_killed(tmp_path: Path) -> None:
    data = tmp_path / "data"
    options = ("--hosted-only", "--sessions")
    wheels = [make_wheel(tmp_path, "kept", "1.0", tags=tag) for tag in (MACOS, WINDOWS)]
    data.mkdir()
    engine = open_engine(f"sqlite:///{data / 'index.db'}")
    upgrade(engine)
    token = Store(engine).make("tests", Scope())
    with serving(data, *options, cwd=tmp_path, token=token) as server:
        client = client_of(server)
        session = client.open("kept")
        client.upload(session, wheels[0])
        file = client.announce(session, wheels[1]).json()
        client.send(file, wheels[1].read_bytes())
        old = server.url
        server.process.send_signal(signal.SIGKILL)
        server.process.wait(10)
    with serving(data, *options, cwd=tmp_path, token=token) as server:
        client = client_of(server)
        session["links"] = {
            name: link.replace(old, server.url) for name, link in session["links"].items()
        }
        complete = file["links"]["complete"].replace(old, server.url)
        assert client.ask("POST", complete, {}).status_code == 201
        assert client.publish(session).status_code == 201
        assert sorted(server.json("kept")) == sorted(path.name for path in wheels)
    found = check_store(Store(engine), open_blobs(str(data / "blobs"), data))
    engine.dispose()
    assert (found.lost, found.unused) == ((), ())


def run(server: Server, *words: str, token: str | None = None) -> Result:
    environ = {"TRUEUP_SERVE_TOKEN": server.token if token is None else token}
    return CliRunner().invoke(command, ["upload", "--to", server.url, *words], env=environ)


def test_a_dist_folder_is_uploaded_tried_and_published(server: Server, tmp_path: Path) -> None:
    good = make_wheel(tmp_path, "folder", "1.0", tags=MACOS, requires=["one"])
    bad = make_wheel(tmp_path, "folder", "1.0", tags=WINDOWS, requires=["two"])
    first = run(server, str(tmp_path))
    assert first.exit_code == 0, first.output
    assert f"  {good.name}\n    error[dependencies-differ]: Requires-Dist" in first.stdout
    stage = first.stdout.partition("--extra-index-url ")[2].split()[0]
    page = server.get(f"{stage.removeprefix(server.url)}folder/", accept="text/html")
    assert good.name in page.text
    refused = run(server, str(tmp_path), "--publish")
    assert (refused.exit_code, "not published" in refused.stdout) == (1, True)
    assert "error: Requires-Dist" in refused.stderr
    assert server.get("/simple/folder/").status_code == 404
    bad.unlink()
    make_wheel(tmp_path, "folder", "1.0", tags=WINDOWS, requires=["one"])
    done = run(server, str(tmp_path), "--publish")
    assert (done.exit_code, done.stdout.splitlines()[-1]) == (0, "  published"), done.output
    assert sorted(server.json("folder")) == sorted(path.name for path in tmp_path.glob("*.whl"))
    again = run(server, str(tmp_path), "--publish")
    assert (again.exit_code, "is published" in again.stderr) == (1, True)


def test_attestations_beside_a_file_are_sent_with_it(server: Server, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "attested", "1.0")
    beside = tmp_path / f"{wheel.name}.publish.attestation"
    beside.write_text(json.dumps(attestation(wheel)), "utf-8")
    done = run(server, str(tmp_path), "--publish")
    assert done.exit_code == 0, done.output
    told = server.get(f"/integrity/attested/1.0/{wheel.name}/provenance").json()
    assert told["attestation_bundles"][0]["attestations"] == [attestation(wheel)]
    (tmp_path / "2").mkdir()
    other = make_wheel(tmp_path / "2", "attested", "2.0")
    beside.rename(tmp_path / "2" / f"{other.name}.publish.attestation")
    refused = run(server, str(other), "--publish")
    assert (refused.exit_code, "about another file" in refused.stderr) == (1, True)


def test_attestations_are_a_list_about_the_file(client: Client, tmp_path: Path) -> None:
    session, wheel = client.open("listed"), make_wheel(tmp_path, "listed", "1.0")
    file = client.announce(session, wheel).json()
    url = file["mechanism"]["attestations_url"]
    for content, kind, status in (
        (b"[]", "application/json", 400), (b"\xff", "application/json", 400),
        (b"[]", "text/html", 415),
    ):  # fmt: skip
        headers = {"content-type": kind}
        problem(client.ask("POST", url, content=content, headers=headers), status)
    good = json.dumps([attestation(wheel)])
    headers = {"content-type": "application/json"}
    assert client.ask("POST", url, content=good, headers=headers).status_code == 204
    client.send(file, wheel.read_bytes())
    client.ask("POST", file["links"]["complete"], {})
    problem(client.ask("POST", url, content=good, headers=headers), 409)


def test_what_the_index_refuses_is_told(server: Server, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "told", "1.0")
    for words, token, said in (
        ([str(wheel)], "nothing", "the token is not known"),
        ([str(wheel)], "", "a token is needed"),
        ([str(wheel), "--to", "ftp://index.test"], None, "no address of an index"),
        ([str(wheel), "--to", f"{server.url}/nothing/here"], None, "takes no sessions"),
        ([str(wheel), "--to", "http://127.0.0.1:9"], None, "no answer"),
    ):
        result = run(server, *words, token=token)
        assert result.exit_code != 0
        assert said in f"{result.output}{result.exception}", (words, result.output)
    wheel.write_bytes(b"no wheel")
    result = run(server, str(wheel), "--publish")
    assert (result.exit_code, f"  {wheel.name}: refused" in result.stdout) == (1, True)


def test_a_token_goes_to_no_other_server(server: Server, tmp_path: Path) -> None:
    with UploadIndex(server.url, server.token, environ={}) as index:
        session = index.open("stray", "1.0")
        links = structs.replace(session.links, upload="http://127.0.0.2:9/upload/x")
        with pytest.raises(UploadError, match="leads to another server"):
            index.send(structs.replace(session, links=links), make_wheel(tmp_path, "stray", "1.0"))
