"""The sandbox, with code that does its worst: contained, said clearly, the host unharmed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.sandboxed import sandbox_or_skip
from trueup.model.errors import SourceError
from trueup.sources.cgroup import ControlGroup, make_control_group
from trueup.sources.process import Ended
from trueup.sources.sandbox import (
    RESULTS,
    Allowance,
    Bubblewrap,
    Job,
    Sandbox,
    Unconfined,
    open_sandbox,
)

MEGABYTE = 1000 * 1000
PYTHON = Path(sys.base_prefix)


@pytest.fixture(params=["control groups", "limits alone"])
def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    sandbox_or_skip()
    return Bubblewrap(control_groups=request.param == "control groups")


def run(sandbox: Sandbox, code: str, *, seconds: float = 10, memory: int = 500) -> Ended:
    """Run Python code with 60 processes, 40 MB of disk, and ``memory`` MB."""
    allowance = Allowance(
        seconds=seconds, memory=memory * MEGABYTE, processes=60, disk=40 * MEGABYTE
    )
    interpreter = str(PYTHON / "bin/python3")
    command = (interpreter, "-S", "-c", code, RESULTS)
    return sandbox.run(Job(command=command, visible=(PYTHON,), allowance=allowance))


def processes_of(uids: range) -> int:
    count = 0
    for entry in Path("/proc").iterdir():
        try:
            count += entry.name.isdecimal() and entry.stat().st_uid in uids
        except FileNotFoundError:
            continue
    return count


def test_it_runs_and_gives_back(sandbox: Sandbox) -> None:
    ended = run(
        sandbox,
        "import os, sys; print('talk'); os.write(int(sys.argv[1]), b'result')",
    )
    assert (ended.status, ended.stopped, ended.log) == (0, None, "talk\n")
    assert ended.results == b"result"


WORST = {
    "a fork bomb": ("import os\nwhile True: os.fork()", "processes", 60),
    "a fork bomb that does not give up": (
        "import os\nwhile True:\n try: os.fork()\n except OSError: pass",
        "time",
        2,
    ),
    "one large file": ("f = open('big', 'wb')\nwhile True: f.write(bytes(10**6))", "disk", 60),
    "many files": (
        "for i in range(100): open(f'file{i}', 'wb').write(bytes(10**6))",
        "disk",
        60,
    ),
    "shared memory": (
        "for i in range(100): open(f'/dev/shm/file{i}', 'wb').write(bytes(10**6))",
        "disk",
        60,
    ),
    "a flood of results": (
        "import os, sys\nwhile True: os.write(int(sys.argv[1]), bytes(10**6))",
        "time",
        2,
    ),
    "a flood of words": ("while True: print('x' * 10000)", "time", 1),
    "one large piece of memory": ("x = bytes(10**10)", "memory", 60),
    "an endless loop": ("while True: pass", "time", 1),
    "the network": (
        "import socket; socket.create_connection(('192.0.2.1', 80), 3)",
        "network",
        60,
    ),
}


@pytest.mark.parametrize("name", WORST)
def test_the_worst_is_contained(sandbox: Sandbox, name: str) -> None:
    code, stopped, seconds = WORST[name]
    started = time.monotonic()
    ended = run(sandbox, code, seconds=seconds)
    assert (ended.status != 0, ended.stopped) == (True, stopped), ended.log
    assert time.monotonic() - started < 90
    assert len(ended.log) <= 64 * 1024
    assert len(ended.results) <= 40 * MEGABYTE


def test_memory_of_all_processes_together() -> None:
    sandbox_or_skip()
    with_groups = Bubblewrap()
    if "control groups" not in with_groups.mechanism:
        pytest.skip("no control group can be made here")
    hog = "x = b'x' * 200_000_000; import time; time.sleep(5)"
    code = (
        "import subprocess, sys\n"
        f"all = [subprocess.Popen([sys.executable, '-S', '-c', {hog!r}]) for _ in range(6)]\n"
        "sys.exit(max(abs(one.wait()) for one in all))"
    )
    ended = run(with_groups, code, seconds=60, memory=300)
    assert (ended.status != 0, ended.stopped) == (True, "memory"), ended.log


def test_nothing_is_left_behind(sandbox: Sandbox) -> None:
    code = "import subprocess; subprocess.Popen(['sleep', '1000'], start_new_session=True)"
    assert run(sandbox, code).status == 0
    if os.geteuid() == 0:
        deadline = time.monotonic() + 5
        while processes_of(range(61184, 65520)) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert run(sandbox, "").status == 0
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    assert "sleep 1000" not in listed.stdout.splitlines()


SECRETS = (
    "/etc/shadow", "/etc/ssh", "/etc/hostname", "/root", "/home", "/var", "/run", "/sys",
    "/proc/1/environ", "/proc/1/root/etc",
)  # fmt: skip


def test_the_host_cannot_be_seen(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRUEUP_TEST_TOKEN", "secret")
    secret = tmp_path / "secret"
    secret.write_text("secret")
    # The interpreter may lie below a home folder; what else lies there may not be seen.
    code = f"""
import os
for path in {(*SECRETS, str(secret))!r}:
    try:
        found = os.listdir(path) if os.path.isdir(path) else [open(path, 'rb').read()]
    except OSError:
        continue
    allowed = {str(PYTHON)!r}
    found = [one for one in found if one and not (
        isinstance(one, str) and allowed.startswith(os.path.join(path, one) + '/'))]
    if found:
        print(path, found)
print(sorted(os.environ))
print(os.uname().nodename, [e for e in os.listdir('/proc') if e.isdigit() and int(e) > 20])
"""
    ended = run(sandbox, code)
    assert ended.status == 0, ended.log
    environment, rest = ended.log.splitlines()[-2:]
    assert environment == "['HOME', 'LC_ALL', 'PATH', 'PWD', 'TMPDIR']"
    assert rest == "sandbox []"
    assert len(ended.log.splitlines()) == 2, ended.log


def test_the_host_cannot_be_changed(sandbox: Sandbox) -> None:
    code = """
import os
for path in ('/x', '/dev/x', '/etc/x', '/usr/x', '/proc/x', '/etc/passwd', '/proc/sys/kernel/hostname'):
    try:
        open(path, 'a').close()
    except OSError:
        continue
    print('wrote', path)
for call in (lambda: os.setuid(0), lambda: os.kill(1, 9), lambda: os.chroot('/box')):
    try:
        call()
        print('was allowed')
    except OSError:
        pass
import subprocess
print(subprocess.run(['unshare', '-Urm', 'true'], stderr=subprocess.STDOUT).returncode)
print(subprocess.run(['unshare', '-n', 'true'], stderr=subprocess.STDOUT).returncode)
"""
    ended = run(sandbox, code)
    words = [line for line in ended.log.splitlines() if not line.startswith("unshare:")]
    assert words == ["1", "1"], ended.log


def test_a_user_id_that_is_nobody(sandbox: Sandbox) -> None:
    ended = run(sandbox, "import os, pwd; print(os.getuid(), pwd.getpwuid(os.getuid()).pw_name)")
    number, name = ended.log.split()
    assert name == "builder"
    assert int(number) in (range(61184, 65520) if os.geteuid() == 0 else [os.getuid()])


def test_the_mechanism_is_said() -> None:
    sandbox_or_skip()
    assert Bubblewrap(control_groups=False).mechanism.endswith(
        "memory is limited process by process"
    )
    assert Unconfined().mechanism == "none: the code runs with your rights, limited in time only"


def test_without_bubblewrap_it_refuses(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("setpriv", "prlimit"):
        (tmp_path / name).symlink_to(shutil.which("true") or "/bin/true")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SourceError) as caught:
        open_sandbox()
    assert str(caught.value) == (
        "foreign code is run in a sandbox only, and `bwrap` cannot be found"
    )
    assert caught.value.hint == (
        "install bubblewrap (`apt-get install bubblewrap`); "
        "`--no-sandbox` runs the code of the sdist unconfined, with your rights"
    )
    assert isinstance(open_sandbox(confined=False), Unconfined)


def test_unconfined_is_still_limited_in_time() -> None:
    sandbox = Unconfined()
    assert run(sandbox, "while True: pass", seconds=1).stopped == "time"
    ended = run(sandbox, "import os; print(sorted(os.environ))")
    assert ended.log == "['HOME', 'LC_ALL', 'PATH', 'TMPDIR']\n"


# --- control groups: the two layouts of files ---------------------------------------------------


@pytest.mark.parametrize("version", [1, 2])
def test_a_folder_that_is_no_control_group(tmp_path: Path, version: int) -> None:
    if version == 2:
        (tmp_path / "cgroup.controllers").write_text("cpu\n")
    assert make_control_group(memory=1000, processes=10, root=tmp_path) is None
    assert [path for path in tmp_path.iterdir() if path.is_dir()] == []


def test_what_a_group_of_version_2_tells(tmp_path: Path) -> None:
    group = ControlGroup(version=2, folders=(tmp_path,))
    assert group.entries == (str(tmp_path / "cgroup.procs"),)
    assert not group.out_of_memory()
    (tmp_path / "memory.events").write_text("low 0\noom 1\noom_kill 1\noom_group_kill 0\n")
    (tmp_path / "pids.events").write_text("max 0\n")
    assert group.out_of_memory()
    assert not group.out_of_processes()
