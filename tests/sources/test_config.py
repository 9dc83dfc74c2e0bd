from __future__ import annotations

import os
from pathlib import Path

import pytest

from trueup.model.errors import UsageError
from trueup.sources.config import IndexConfig, PipSettings, ask_pip, index_config
from trueup.sources.credentials import KeyringProvider

DEFAULT = "https://default.test/simple/"


def settings(**given: object) -> PipSettings:
    return PipSettings(default_index=DEFAULT, **given)  # type: ignore[arg-type]


def configured(
    *explicit: str,
    environ: dict[str, str] | None = None,
    directory: Path | None = None,
    pip: PipSettings | None = None,
) -> IndexConfig:
    return index_config(
        explicit, environ=environ or {}, directory=directory, pip=lambda: pip or settings()
    )


def shown(config: IndexConfig) -> list[tuple[str, str]]:
    return [(index.url, index.origin) for index in config.indexes]


def test_the_default_is_pips() -> None:
    assert shown(configured()) == [(DEFAULT, "pip's default")]


def test_pips_settings() -> None:
    pip = settings(
        index_url="https://a.test/simple",
        extra_index_urls=("https://b.test/simple", "file:///srv/simple", "https://a.test/simple/"),
        find_links=("/srv/wheels",),
        cert="/ca.pem",
        client_cert="/me.pem",
        proxy="http://proxy.test:3128",
        timeout="7.5",
        trusted_hosts=("h.test", "g.test:8443"),
        keyring_provider="subprocess",
    )
    config = configured(pip=pip)
    assert shown(config) == [
        ("https://a.test/simple", "pip's `index-url`"),
        ("https://b.test/simple", "pip's `extra-index-url`"),
        ("file:///srv/simple", "pip's `extra-index-url`"),
    ]
    assert config.find_links == ("/srv/wheels",)
    assert config.http.cert == "/ca.pem"
    assert config.http.client_cert == "/me.pem"
    assert config.http.proxy == "http://proxy.test:3128"
    assert config.http.timeout == 7.5
    assert config.http.trusted_hosts == {"h.test", "g.test"}
    assert config.keyring is KeyringProvider.SUBPROCESS


def test_explicit_wins_over_everything(tmp_path: Path) -> None:
    config = configured(
        "https://x.test/simple/",
        str(tmp_path),
        environ={"UV_INDEX_URL": "https://uv.test/"},
        pip=settings(index_url="https://a.test/simple", cert="/ca.pem"),
    )
    assert shown(config) == [
        ("https://x.test/simple/", "--index"),
        (tmp_path.as_uri(), "--index"),
    ]
    assert config.http.cert == "/ca.pem", "pip's certificates hold for any index"


def test_explicit_needs_no_pip() -> None:
    def broken() -> PipSettings:
        raise UsageError("no pip")

    config = index_config(["https://x.test/"], environ={}, pip=broken)
    assert config.urls == ("https://x.test/",)
    with pytest.raises(UsageError, match="no pip"):
        index_config(environ={}, pip=broken)


def test_uvs_variables() -> None:
    environ = {
        "UV_INDEX": "one=https://1.test/simple https://2.test/?a=b",
        "UV_EXTRA_INDEX_URL": "https://3.test/",
        "UV_DEFAULT_INDEX": "main=https://d.test/",
        "UV_INDEX_URL": "https://ignored.test/",
        "UV_INDEX_ONE_USERNAME": "me",
        "UV_INDEX_ONE_PASSWORD": "p@ss",
    }
    config = configured(environ=environ, pip=settings(index_url="https://pip.test/"))
    assert shown(config) == [
        ("https://me:p%40ss@1.test/simple", "`UV_INDEX`"),
        ("https://2.test/?a=b", "`UV_INDEX`"),
        ("https://3.test/", "`UV_EXTRA_INDEX_URL`"),
        ("https://d.test/", "`UV_DEFAULT_INDEX`"),
    ]
    assert str(config.indexes[0]) == "`https://****@1.test/simple` (`UV_INDEX`)"


def test_uvs_files(tmp_path: Path) -> None:
    (tmp_path / "home" / "uv").mkdir(parents=True)
    (tmp_path / "home" / "uv" / "uv.toml").write_text('index-url = "https://user.test/"\n')
    project = tmp_path / "project"
    below = project / "src" / "deep"
    below.mkdir(parents=True)
    (below / "pyproject.toml").write_text("[project]\nname = 'no uv here'\n")
    (project / "pyproject.toml").write_text(
        """
        [[tool.uv.index]]
        name = "torch"
        url = "https://torch.test/"
        explicit = true
        [[tool.uv.index]]
        name = "extra"
        url = "https://extra.test/"
        [[tool.uv.index]]
        url = "local/simple"
        [[tool.uv.index]]
        url = "https://main.test/"
        default = true
        [tool.uv.pip]
        extra-index-url = ["https://pip.uv.test/"]
        """
    )
    environ = {"XDG_CONFIG_HOME": str(tmp_path / "home")}
    config = configured(environ=environ, directory=below)
    origin = f"`{project / 'pyproject.toml'}`"
    assert shown(config) == [
        ("https://extra.test/", origin),
        ((project / "local/simple").as_uri(), origin),
        ("https://pip.uv.test/", origin),
        ("https://main.test/", origin),
    ]
    (project / "uv.toml").write_text("")
    assert shown(configured(environ=environ, directory=project)) == [
        ("https://user.test/", f"`{tmp_path / 'home/uv/uv.toml'}`")
    ]
    assert configured(environ={**environ, "UV_NO_CONFIG": "1"}, directory=below).urls == (DEFAULT,)
    (tmp_path / "other.toml").write_text('extra-index-url = ["https://other.test/"]')
    environ["UV_CONFIG_FILE"] = str(tmp_path / "other.toml")
    assert configured(environ=environ, directory=below).urls == ("https://other.test/", DEFAULT)


def test_a_variable_overrides_a_file_by_name(tmp_path: Path) -> None:
    (tmp_path / "uv.toml").write_text('[[index]]\nname = "a"\nurl = "https://file.test/"\n')
    config = configured(environ={"UV_INDEX": "a=https://variable.test/"}, directory=tmp_path)
    assert config.urls == ("https://variable.test/", DEFAULT)


def message(error: pytest.ExceptionInfo[UsageError]) -> str:
    return str(error.value)


def test_addresses_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        configured("ftp://user:secret@x.test/")
    assert message(caught) == (
        "an index address from --index cannot be used: found `ftp://****@x.test/`, "
        "expected an http, https or file address"
    )
    with pytest.raises(UsageError) as caught:
        configured(str(tmp_path / "nothing"))
    assert message(caught) == (
        f"`--index {tmp_path / 'nothing'}`: found neither an address nor a folder, "
        "expected an http, https or file address, or a folder"
    )
    with pytest.raises(UsageError) as caught:
        configured("http://[")
    assert "cannot be used: found `http://[`" in message(caught)


def test_settings_that_are_none() -> None:
    with pytest.raises(UsageError) as caught:
        configured(pip=settings(timeout="soon"))
    assert message(caught) == "pip's `timeout`: found `soon`, expected a number of seconds"
    with pytest.raises(UsageError) as caught:
        configured(pip=settings(timeout="0"))
    assert message(caught) == "pip's `timeout`: found `0`, expected a positive number of seconds"
    with pytest.raises(UsageError) as caught:
        configured(pip=settings(keyring_provider="magic"))
    assert message(caught) == (
        "pip's `keyring-provider`: found `magic`, "
        "expected `auto` or `disabled` or `import` or `subprocess`"
    )


def test_no_index() -> None:
    with pytest.raises(UsageError) as caught:
        configured(pip=settings(no_index=True, extra_index_urls=("https://b.test/",)))
    assert message(caught) == "no index is configured: found pip's `no-index`, expected an index"
    assert caught.value.hint == "name one with `--index`, or check a folder"


def test_files_that_are_broken(tmp_path: Path) -> None:
    path = tmp_path / "uv.toml"
    path.write_text("index = ")
    with pytest.raises(UsageError) as caught:
        configured(directory=tmp_path)
    assert message(caught).startswith(f"`{path}`: is not valid TOML: found Invalid value")
    path.write_text("[[index]]\nname = 'x'\n")
    with pytest.raises(UsageError) as caught:
        configured(directory=tmp_path)
    assert message(caught) == (
        f"`{path}`: `[[index]]`: found {{'name': 'x'}}, expected a table with a `url`"
    )
    with pytest.raises(UsageError) as caught:
        configured(environ={"UV_CONFIG_FILE": str(tmp_path / "none.toml")})
    assert message(caught) == (
        f"`{tmp_path / 'none.toml'}`: cannot be read: found No such file or directory"
    )


def clean(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    """No settings of the machine; pip is asked for real."""
    for name in list(os.environ):
        if name.startswith("PIP_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "config"))


def test_the_real_pip(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    clean(monkeypatch, tmp_path)
    path = tmp_path / "pip.conf"
    path.write_text(
        "[global]\nindex-url = https://global.test/\ncert = /global.pem\ntimeout = 9\n"
        "extra-index-url =\n  https://b.test/\n  https://c.test/\n"
        "[install]\ncert = /install.pem\ntrusted-host = h.test\n"
    )
    monkeypatch.setenv("PIP_CONFIG_FILE", str(path))
    pip = ask_pip()
    assert pip.index_url == "https://global.test/"
    assert pip.extra_index_urls == ("https://b.test/", "https://c.test/")
    assert pip.cert == "/install.pem"
    assert pip.timeout == "9"
    assert pip.trusted_hosts == ("h.test",)
    assert not pip.no_index
    assert pip.proxy is None
    assert pip.default_index.startswith("https://")
    monkeypatch.setenv("PIP_INDEX_URL", "https://variable.test/")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_PROXY", "http://proxy.test")
    monkeypatch.setenv("PIP_CERT", "/variable.pem")
    pip = ask_pip()
    assert pip.index_url == "https://variable.test/"
    assert pip.cert == "/variable.pem"
    assert pip.proxy == "http://proxy.test"
    assert pip.no_index


def test_the_real_pip_with_a_broken_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    clean(monkeypatch, tmp_path)
    path = tmp_path / "pip.conf"
    path.write_text("index-url = before any section\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(path))
    with pytest.raises(UsageError) as caught:
        ask_pip()
    assert message(caught).startswith("pip cannot read its configuration: found ")
    assert str(path) in message(caught)


def test_a_flat_folder_of_files_is_no_index(tmp_path: Path) -> None:
    (tmp_path / "demo-1.0-py3-none-any.whl").touch()
    with pytest.raises(UsageError) as caught:
        configured(str(tmp_path))
    assert str(caught.value) == (
        f"`--index {tmp_path}`: found a folder of wheels and sdists, "
        "expected a folder of pages, `PROJECT/index.html`"
    )
    assert caught.value.hint == (
        f"this folder holds files; name it as a target: `trueup check {tmp_path}`"
    )


def test_a_folder_of_pages_may_hold_files_as_well(tmp_path: Path) -> None:
    (tmp_path / "demo-1.0-py3-none-any.whl").touch()
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "index.html").touch()
    assert shown(configured(str(tmp_path))) == [(tmp_path.as_uri(), "--index")]
