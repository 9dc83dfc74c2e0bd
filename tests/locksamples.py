"""Sample reports on locks, written by hand: every shape that such a report can take."""

from __future__ import annotations

from dataclasses import replace

from trueup.model.finding import Evidence, Finding, Severity
from trueup.model.lockreport import LockReport, NotProven, VerifyReport

__all__ = ["HOSTILE_LOCK", "LOCK_SAMPLES", "MISSING", "SOUND", "UNPROVEN", "UNSOUND"]

TARGETS = (
    *(f"cp3{minor}-linux-x86_64-glibc2.28" for minor in range(10, 14)),
    *(f"cp3{minor}-linux-aarch64-glibc2.28" for minor in range(10, 14)),
    *(f"cp3{minor}-macos-arm64-14.0" for minor in (11, 12, 13)),
    "cp313-windows-amd64",
)
NCCL = "nvidia-nccl-cu12; platform_system == 'Linux'"

MISSING = Finding(
    code="missing-requirement",
    severity=Severity.ERROR,
    project="xgboost",
    version="3.0.5",
    message="asks for `nvidia-nccl-cu12`, which the lock does not install",
    where="Linux x86_64",
    field="Requires-Dist",
    evidence=(Evidence(files=("xgboost-3.0.5-py3-none-manylinux_2_28_x86_64.whl",), says=(NCCL,)),),
    origin="uv.lock:120",
    hint="add it as a requirement of your own, or use `trueup lock`",
)
WITHDRAWN = Finding(
    code="file-withdrawn",
    severity=Severity.WARNING,
    project="six",
    version="1.16.0",
    message="was yanked",
    evidence=(Evidence(files=("six-1.16.0-py2.py3-none-any.whl",), says=("wrong metadata",)),),
    origin="uv.lock:90",
)
UNSOUND = LockReport(
    path="uv.lock",
    kind="uv.lock",
    targets=TARGETS,
    entries=106,
    files=312,
    read=311,
    findings=(WITHDRAWN, MISSING),
    not_proven=(
        NotProven(
            project="nmslib",
            version="2.1.1",
            file="nmslib-2.1.1.tar.gz",
            where="Python ≥ 3.10",
            reason="the sdist's metadata is older than 2.2, so it promises nothing",
        ),
    ),
    workarounds=(
        (
            "uv, in `pyproject.toml`: use this metadata for every file",
            '[[tool.uv.dependency-metadata]]\nname = "xgboost"\nversion = "3.0.5"\n'
            "requires-dist = [\n"
            '  "numpy",\n'
            "  'nvidia-nccl-cu12; sys_platform == \"linux\"',\n"
            "]",
        ),
    ),
)
SOUND = LockReport(
    path="locks/pylock.dev.toml",
    kind="pylock.toml",
    targets=TARGETS[:4],
    entries=1,
    files=2,
    read=2,
    findings=(),
)
UNPROVEN = LockReport(
    path="app/requirements-linux.txt",
    kind="requirements.txt",
    targets=TARGETS[3:4],
    entries=20,
    files=20,
    read=19,
    findings=(),
    not_proven=(
        NotProven(
            project="legacy",
            version="1.0",
            file="legacy-1.0.tar.gz",
            where="everywhere",
            reason="`Requires-Dist` is dynamic",
        ),
    ),
    known=3,
)
HOSTILE_LOCK = LockReport(
    path="a<script>alert(1)</script>.lock",
    kind="poetry.lock",
    targets=("##[group]x", "cp312-windows-amd64"),
    entries=1,
    files=1,
    read=0,
    findings=(
        replace(
            MISSING,
            message="\x1b[31m\u202e<img src=x onerror=alert(1)> ::error::x",
            project="e\nvil",
            evidence=(Evidence(files=("</code><script>alert(1)</script>",), says=("##[add]x",)),),
        ),
    ),
    not_proven=(
        NotProven(
            project="e\nvil", version="<b>", file="<i>.tar.gz", where="\x1b[2J", reason="]]><b>"
        ),
    ),
    failures=(("::error::x", "</script>"),),
    workarounds=(("<b>", "</pre><script>alert(1)</script>"),),
)
LOCK_SAMPLES: dict[str, VerifyReport] = {
    "unsound": VerifyReport(locks=(UNSOUND,)),
    "sound": VerifyReport(locks=(SOUND,)),
    "unproven": VerifyReport(locks=(UNPROVEN,)),
    "many": VerifyReport(
        locks=(UNSOUND, SOUND, UNPROVEN), unread=(("Pipfile.lock", "is not valid JSON"),)
    ),
    "hostile": VerifyReport(locks=(HOSTILE_LOCK,)),
    "nothing": VerifyReport(locks=(), unread=(("uv.lock", "cannot be read"),)),
}
