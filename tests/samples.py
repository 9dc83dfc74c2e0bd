"""Sample reports, written by hand after instructive real releases.

They are what the judge says of those releases in substance; the point here is to have, without
the judge, every shape that a report can take.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from trueup.model.finding import (
    Advice,
    Case,
    Evidence,
    FieldReport,
    FileReport,
    FileStatus,
    Finding,
    Merged,
    ReleaseClass,
    ReleaseReport,
    Report,
    Severity,
    Variant,
    Witness,
)

__all__ = [
    "APACHE_BEAM",
    "CROWD",
    "EVIL",
    "FLASK",
    "HOSTILE",
    "IFCOPENSHELL",
    "MANY",
    "NMSLIB",
    "SAMPLES",
    "TORCH",
    "UNREAD",
    "XGBOOST",
]

INDEX = "https://index.test/simple"


def _file(
    filename: str, status: FileStatus = FileStatus.CHOSEN, how: str = "sidecar"
) -> FileReport:
    digest = hashlib.sha256(filename.encode()).hexdigest()
    return FileReport(filename=filename, status=status, how=how, verified=True, digest=digest)


def _files(wheels: Iterable[str], sdists: Iterable[str] = ()) -> tuple[FileReport, ...]:
    return (
        *(_file(name, FileStatus.SDIST, "file") for name in sdists),
        *(_file(name) for name in wheels),
    )


def _agreeing(field: str, values: Sequence[str], files: Iterable[str]) -> FieldReport:
    """A field in which all files agree."""
    return FieldReport(
        field=field,
        release_class=ReleaseClass.IDENTICAL,
        case=Case.STATIC,
        variants=(Variant(files=tuple(files), values=tuple(values), region="everywhere"),),
    )


# --- nmslib 2.1.1: three wheels lost their markers; one list serves all ------------------------

_NMSLIB_SDIST = "nmslib-2.1.1.tar.gz"
_NMSLIB_PLAIN = tuple(
    f"nmslib-2.1.1-cp35-cp35m-{platform}.whl"
    for platform in ("macosx_10_14_x86_64", "macosx_10_15_x86_64", "win_amd64")
)
_NMSLIB_MARKED = (
    *(
        f"nmslib-2.1.1-cp27-cp27m-{platform}.whl"
        for platform in (
            "macosx_10_14_x86_64",
            "macosx_10_15_x86_64",
            "manylinux1_x86_64",
            "manylinux2010_x86_64",
            "win_amd64",
        )
    ),
    "nmslib-2.1.1-cp27-cp27mu-manylinux1_x86_64.whl",
    "nmslib-2.1.1-cp27-cp27mu-manylinux2010_x86_64.whl",
    "nmslib-2.1.1-cp35-cp35m-manylinux2010_x86_64.whl",
    *(
        f"nmslib-2.1.1-{python}-{abi}-{platform}.whl"
        for python, abi in (("cp36", "cp36m"), ("cp37", "cp37m"), ("cp38", "cp38"))
        for platform in (
            "macosx_10_14_x86_64",
            "macosx_10_15_x86_64",
            "manylinux1_x86_64",
            "manylinux2010_x86_64",
            "manylinux2014_aarch64",
            "win_amd64",
        )
    ),
    *(
        f"nmslib-2.1.1-cp39-cp39-{platform}.whl"
        for platform in (
            "macosx_10_14_x86_64",
            "macosx_10_15_x86_64",
            "manylinux1_x86_64",
            "manylinux2010_x86_64",
            "manylinux2014_aarch64",
        )
    ),
)

NMSLIB = ReleaseReport(
    project="nmslib",
    version="2.1.1",
    origin=f"{INDEX}/nmslib/",
    release_class=ReleaseClass.MERGEABLE,
    at_least=False,
    advice=Advice.PER_TARGET,
    advice_reason="3 of 34 wheels ask for other requirements than the rest",
    files=_files((*_NMSLIB_MARKED, *_NMSLIB_PLAIN), [_NMSLIB_SDIST]),
    fields=(
        FieldReport(
            field="Requires-Dist",
            release_class=ReleaseClass.MERGEABLE,
            case=Case.LEGACY,
            variants=(
                Variant(
                    files=_NMSLIB_MARKED,
                    values=(
                        'numpy<1.17,>=1.10.0; python_version == "2.7"',
                        'numpy>=1.10.0; python_version >= "3.5"',
                        "psutil",
                        "pybind11<2.6.2",
                    ),
                    region="everywhere but Python 3.5 on macOS and Windows",
                ),
                Variant(
                    files=_NMSLIB_PLAIN,
                    values=("numpy<1.17,>=1.10.0", "numpy>=1.10.0", "psutil", "pybind11<2.6.2"),
                    region="Python 3.5 on macOS and Windows",
                ),
                Variant(files=(_NMSLIB_SDIST,), values=(), region="the sdist"),
            ),
        ),
        _agreeing("Requires-Python", (), [_NMSLIB_SDIST, *_NMSLIB_MARKED, *_NMSLIB_PLAIN]),
        _agreeing("Provides-Extra", (), [_NMSLIB_SDIST, *_NMSLIB_MARKED, *_NMSLIB_PLAIN]),
    ),
    findings=(
        Finding(
            code="dependencies-differ",
            severity=Severity.ERROR,
            project="nmslib",
            version="2.1.1",
            field="Requires-Dist",
            message="the wheels ask for different requirements, and markers could tell them apart",
            where="Python 3.5, macOS x86_64",
            evidence=(
                Evidence(files=_NMSLIB_PLAIN, says=("numpy<1.17,>=1.10.0",), where="chosen there"),
                Evidence(files=_NMSLIB_MARKED, says=("numpy>=1.10.0",), where="elsewhere"),
            ),
            hint="uv, Poetry and PDM read one of them and lock it for every target",
        ),
        Finding(
            code="metadata-legacy",
            severity=Severity.INFO,
            project="nmslib",
            version="2.1.1",
            message="the sdist's metadata is older than 2.2, so it promises nothing",
            evidence=(Evidence(files=(_NMSLIB_SDIST,), says=("Metadata-Version: 1.0",)),),
        ),
    ),
    witnesses=(
        Witness(
            environment=(
                ("implementation_name", "cpython"),
                ("python_version", "3.5"),
                ("python_full_version", "3.5.10"),
                ("sys_platform", "darwin"),
                ("platform_system", "Darwin"),
                ("platform_machine", "x86_64"),
            ),
            tag_parts=("macOS 10.14", "macOS 10.14"),
            files=(_NMSLIB_PLAIN[0], _NMSLIB_MARKED[0]),
            values=(
                ("numpy<1.17,>=1.10.0", "psutil", "pybind11<2.6.2"),
                ("numpy>=1.10.0", "psutil", "pybind11<2.6.2"),
            ),
            field="Requires-Dist",
            project="numpy",
        ),
    ),
    merged=Merged(
        requires_dist=(
            'numpy<1.17,>=1.10.0; python_version < "3.6" and sys_platform != "linux"',
            'numpy>=1.10.0; python_version >= "3.6" or sys_platform == "linux"',
            "psutil",
            "pybind11<2.6.2",
        ),
        requires_python=None,
        provides_extra=(),
    ),
    workarounds=(
        (
            "uv, in `pyproject.toml`",
            "[[tool.uv.dependency-metadata]]\n"
            'name = "nmslib"\n'
            'version = "2.1.1"\n'
            "requires-dist = [\n"
            "  'numpy>=1.10.0',\n"
            "  'psutil',\n"
            "  'pybind11<2.6.2',\n"
            "]\n",
        ),
    ),
)

# --- xgboost 3.0.5: no marker can tell two wheels apart, and the sdist says otherwise ----------

_XGBOOST_SDIST = "xgboost-3.0.5.tar.gz"
_XGBOOST_NEW = "xgboost-3.0.5-py3-none-manylinux_2_28_x86_64.whl"
_XGBOOST_OLD = "xgboost-3.0.5-py3-none-manylinux2014_x86_64.whl"
_XGBOOST_WITH = (
    "xgboost-3.0.5-py3-none-macosx_10_15_x86_64.whl",
    "xgboost-3.0.5-py3-none-macosx_12_0_arm64.whl",
    _XGBOOST_NEW,
    "xgboost-3.0.5-py3-none-win_amd64.whl",
)
_XGBOOST_WITHOUT = (
    "xgboost-3.0.5-py3-none-manylinux2014_aarch64.whl",
    _XGBOOST_OLD,
    "xgboost-3.0.5-py3-none-manylinux_2_28_aarch64.whl",
)
_XGBOOST_ALL = (_XGBOOST_SDIST, *_XGBOOST_WITH, *_XGBOOST_WITHOUT)
_NCCL = 'nvidia-nccl-cu12; platform_system == "Linux" and platform_machine != "aarch64"'
_LINUX_310 = (
    ("implementation_name", "cpython"),
    ("python_version", "3.10"),
    ("python_full_version", "3.10.19"),
    ("sys_platform", "linux"),
    ("platform_system", "Linux"),
    ("platform_machine", "x86_64"),
)

XGBOOST = ReleaseReport(
    project="xgboost",
    version="3.0.5",
    origin=f"{INDEX}/xgboost/",
    release_class=ReleaseClass.IRRECONCILABLE,
    at_least=False,
    advice=Advice.PER_TARGET,
    advice_reason="what a Linux wheel asks for depends on the version of glibc",
    files=_files((*_XGBOOST_WITH, *_XGBOOST_WITHOUT), [_XGBOOST_SDIST]),
    fields=(
        FieldReport(
            field="Requires-Dist",
            release_class=ReleaseClass.IRRECONCILABLE,
            case=Case.STATIC,
            variants=(
                Variant(
                    files=(_XGBOOST_SDIST, *_XGBOOST_WITH),
                    values=("numpy", _NCCL, "scipy"),
                    region="macOS, Windows, Linux x86_64 with glibc ≥ 2.28",
                ),
                Variant(
                    files=_XGBOOST_WITHOUT,
                    values=("numpy", "scipy"),
                    region="Linux aarch64, Linux x86_64 with glibc < 2.28",
                ),
            ),
        ),
        _agreeing("Requires-Python", (">=3.10",), _XGBOOST_ALL),
        _agreeing(
            "Provides-Extra",
            ("dask", "pandas", "plotting", "pyspark", "scikit-learn"),
            _XGBOOST_ALL,
        ),
    ),
    findings=(
        Finding(
            code="dependencies-differ",
            severity=Severity.ERROR,
            project="xgboost",
            version="3.0.5",
            field="Requires-Dist",
            message="no marker can tell these files apart",
            where="Linux x86_64, Python 3.10",
            evidence=(
                Evidence(files=(_XGBOOST_NEW,), says=("nvidia-nccl-cu12",), where="glibc ≥ 2.28"),
                Evidence(files=(_XGBOOST_OLD,), where="glibc < 2.28"),
            ),
            hint="uv, Poetry and PDM read one of them and lock it for both",
        ),
        Finding(
            code="undeclared-difference",
            severity=Severity.WARNING,
            project="xgboost",
            version="3.0.5",
            field="Requires-Dist",
            message="the sdist says that `Requires-Dist` is static, and some wheels differ from it",
            evidence=(
                Evidence(files=(_XGBOOST_SDIST,), says=(_NCCL,)),
                Evidence(files=_XGBOOST_WITHOUT),
            ),
            hint="list `dependencies` under `dynamic` in `pyproject.toml`, or make the wheels agree",
        ),
    ),
    witnesses=(
        Witness(
            environment=_LINUX_310,
            tag_parts=("glibc 2.28", "glibc 2.17"),
            files=(_XGBOOST_NEW, _XGBOOST_OLD),
            values=(("numpy", "nvidia-nccl-cu12", "scipy"), ("numpy", "scipy")),
            field="Requires-Dist",
            project="nvidia-nccl-cu12",
        ),
    ),
    workarounds=(
        (
            "uv, in `pyproject.toml`: ask for NCCL on every Linux x86_64",
            "[[tool.uv.dependency-metadata]]\n"
            'name = "xgboost"\n'
            'version = "3.0.5"\n'
            "requires-dist = ['numpy', 'nvidia-nccl-cu12; sys_platform == \"linux\"', 'scipy']\n",
        ),
        ("pip and uv, as a constraint: the release before it", "xgboost!=3.0.5\n"),
    ),
)

# --- torch 1.13.1: only the x86_64 Linux wheels ask for CUDA -------------------------------------

_TORCH_CUDA = tuple(
    f"torch-1.13.1-{tags}-manylinux1_x86_64.whl"
    for tags in ("cp310-cp310", "cp311-cp311", "cp37-cp37m", "cp38-cp38", "cp39-cp39")
)
_TORCH_CPU = (
    *(
        f"torch-1.13.1-{tags}-{platform}.whl"
        for tags in ("cp310-cp310", "cp37-cp37m", "cp38-cp38", "cp39-cp39")
        for platform in ("manylinux2014_aarch64", "win_amd64")
    ),
    *(
        f"torch-1.13.1-{python}-none-{platform}.whl"
        for python in ("cp310", "cp37", "cp38", "cp39")
        for platform in ("macosx_10_9_x86_64", "macosx_11_0_arm64")
    ),
)
_CUDA = (
    "nvidia-cublas-cu11==11.10.3.66",
    "nvidia-cuda-nvrtc-cu11==11.7.99",
    "nvidia-cuda-runtime-cu11==11.7.99",
    "nvidia-cudnn-cu11==8.5.0.96",
)
_X86_LINUX = 'platform_machine == "x86_64" and platform_system == "Linux"'

TORCH = ReleaseReport(
    project="torch",
    version="1.13.1",
    origin=f"{INDEX}/torch/",
    release_class=ReleaseClass.MERGEABLE,
    at_least=False,
    advice=Advice.PER_TARGET,
    advice_reason="only the Linux x86_64 wheels ask for CUDA",
    files=_files((*_TORCH_CUDA, *_TORCH_CPU)),
    fields=(
        FieldReport(
            field="Requires-Dist",
            release_class=ReleaseClass.MERGEABLE,
            case=Case.NO_SDIST,
            variants=(
                Variant(
                    files=_TORCH_CPU,
                    values=("typing-extensions", 'opt-einsum>=3.3; extra == "opt-einsum"'),
                    region="Linux aarch64, macOS, Windows",
                ),
                Variant(
                    files=_TORCH_CUDA,
                    values=(
                        *(f'{line}; platform_system == "Linux"' for line in _CUDA),
                        "typing-extensions",
                        'opt-einsum>=3.3; extra == "opt-einsum"',
                    ),
                    region="Linux x86_64",
                ),
            ),
        ),
        _agreeing("Requires-Python", (">=3.7.0",), (*_TORCH_CUDA, *_TORCH_CPU)),
        _agreeing("Provides-Extra", ("opt-einsum",), (*_TORCH_CUDA, *_TORCH_CPU)),
    ),
    findings=(
        Finding(
            code="dependencies-differ",
            severity=Severity.ERROR,
            project="torch",
            version="1.13.1",
            field="Requires-Dist",
            message="the wheels ask for different requirements, and markers could tell them apart",
            where="Linux, Python 3.10",
            evidence=(
                Evidence(files=(_TORCH_CUDA[0],), says=_CUDA, where="x86_64"),
                Evidence(files=(_TORCH_CPU[0],), where="aarch64"),
            ),
            hint="a lock made from the first file installs CUDA on aarch64, where there is none",
        ),
    ),
    merged=Merged(
        requires_dist=(
            *(f"{line}; {_X86_LINUX}" for line in _CUDA),
            "typing-extensions",
            'opt-einsum>=3.3; extra == "opt-einsum"',
        ),
        requires_python=">=3.7.0",
        provides_extra=("opt-einsum",),
        notes=("the marker of no wheel is right as it is: each lacks `platform_machine`",),
    ),
)

# --- apache-beam 2.77.0: irreconcilable, but only for a rare Python -------------------------------

_BEAM_PLATFORMS = (
    "macosx_11_0_arm64",
    "manylinux2014_aarch64.manylinux_2_17_aarch64.manylinux_2_28_aarch64",
    "manylinux2014_x86_64.manylinux_2_17_x86_64.manylinux_2_28_x86_64",
    "win_amd64",
)
_BEAM_PYTHONS = ("cp310", "cp311", "cp312", "cp313", "cp314")
_BEAM_SDIST = "apache_beam-2.77.0.tar.gz"
_BEAM_WITH = tuple(
    f"apache_beam-2.77.0-{python}-{python}-{platform}.whl"
    for python in _BEAM_PYTHONS
    for platform in _BEAM_PLATFORMS
)
_BEAM_WITHOUT = tuple(f"apache_beam-2.77.0-{python}-{python}-win32.whl" for python in _BEAM_PYTHONS)
_BEAM_SHARED = ("cryptography<51.0.0,>=39.0.0", "fastavro<2,>=0.23.6", "numpy<2.5.0,>=1.14.3")
_PYARROW = "pyarrow<26.0.0,>=14.0.1"

APACHE_BEAM = ReleaseReport(
    project="apache-beam",
    version="2.77.0",
    origin=f"{INDEX}/apache-beam/",
    release_class=ReleaseClass.IRRECONCILABLE,
    at_least=False,
    advice=Advice.PER_TARGET,
    advice_reason="32-bit and 64-bit Windows wheels ask for different requirements",
    only_in="32-bit Python on Windows AMD64",
    files=_files((*_BEAM_WITH, *_BEAM_WITHOUT), [_BEAM_SDIST]),
    fields=(
        FieldReport(
            field="Requires-Dist",
            release_class=ReleaseClass.IRRECONCILABLE,
            case=Case.DYNAMIC,
            variants=(
                Variant(
                    files=(_BEAM_SDIST, *_BEAM_WITH),
                    values=(*_BEAM_SHARED, _PYARROW),
                    region="Linux, macOS, 64-bit Python on Windows",
                ),
                Variant(
                    files=_BEAM_WITHOUT, values=_BEAM_SHARED, region="32-bit Python on Windows"
                ),
            ),
        ),
        _agreeing("Requires-Python", (">=3.10",), (_BEAM_SDIST, *_BEAM_WITH, *_BEAM_WITHOUT)),
    ),
    findings=(
        Finding(
            code="dependencies-differ",
            severity=Severity.ERROR,
            project="apache-beam",
            version="2.77.0",
            field="Requires-Dist",
            message="no marker can tell these files apart",
            where="Windows AMD64, Python 3.10",
            evidence=(
                Evidence(
                    files=("apache_beam-2.77.0-cp310-cp310-win_amd64.whl",),
                    says=(_PYARROW,),
                    where="64-bit Python",
                ),
                Evidence(
                    files=("apache_beam-2.77.0-cp310-cp310-win32.whl",), where="32-bit Python"
                ),
            ),
            hint="markers see the machine, not the interpreter",
        ),
    ),
    merged=Merged(
        requires_dist=(*_BEAM_SHARED, f'{_PYARROW}; platform_machine != "x86"'),
        requires_python=">=3.10",
        provides_extra=(),
        residue="32-bit Python on Windows AMD64",
    ),
)

# --- ifcopenshell 0.8.3.post1: the index contradicts the files ------------------------------------

_IFC_PLATFORMS = (
    "macosx_10_15_x86_64",
    "macosx_11_0_arm64",
    "manylinux_2_31_x86_64",
    "win_amd64",
)
_IFC_OLD = tuple(
    f"ifcopenshell-0.8.3.post1-{python}-none-{platform}.whl"
    for python in ("py39", "py310", "py311", "py312")
    for platform in _IFC_PLATFORMS
)
_IFC_313 = tuple(
    f"ifcopenshell-0.8.3.post1-py313-none-{platform}.whl" for platform in _IFC_PLATFORMS
)

IFCOPENSHELL = ReleaseReport(
    project="ifcopenshell",
    version="0.8.3.post1",
    origin=f"{INDEX}/ifcopenshell/",
    release_class=ReleaseClass.UNIFORM,
    at_least=False,
    advice=Advice.READ_ONE,
    advice_reason="",
    files=_files((*_IFC_OLD, *_IFC_313)),
    fields=(
        _agreeing("Requires-Dist", ("numpy", "shapely"), (*_IFC_OLD, *_IFC_313)),
        FieldReport(
            field="Requires-Python",
            release_class=ReleaseClass.UNIFORM,
            case=Case.NO_SDIST,
            variants=(
                Variant(files=_IFC_OLD, values=("<3.13,>=3.9",), region="Python 3.9 to 3.12"),
                Variant(files=_IFC_313, values=("<3.14,>=3.9",), region="nowhere"),
            ),
        ),
    ),
    findings=(
        Finding(
            code="index-requires-python",
            severity=Severity.WARNING,
            project="ifcopenshell",
            version="0.8.3.post1",
            field="Requires-Python",
            message="the index shows another `requires-python` than the files have",
            evidence=(
                Evidence(files=_IFC_313, says=("Requires-Python: <3.14,>=3.9",), where="the file"),
                Evidence(files=_IFC_313, says=("<3.13,>=3.9",), where="the index"),
            ),
            hint="installers believe the index and offer these wheels to no Python 3.13",
        ),
    ),
)

# --- flask 3.1.3: all is well ---------------------------------------------------------------------

_FLASK = ("flask-3.1.3-py3-none-any.whl", "flask-3.1.3.tar.gz")

FLASK = ReleaseReport(
    project="flask",
    version="3.1.3",
    origin=f"{INDEX}/flask/",
    release_class=ReleaseClass.IDENTICAL,
    at_least=False,
    advice=Advice.READ_ONE,
    advice_reason="",
    files=_files(_FLASK[:1], _FLASK[1:]),
    fields=(
        _agreeing("Requires-Dist", ("blinker>=1.9.0", "click>=8.1.3"), _FLASK),
        _agreeing("Requires-Python", (">=3.9",), _FLASK),
    ),
    findings=(),
)

# --- a release with a file that cannot be read -------------------------------------------------

_UNREAD_GOOD = "spam-1.0-cp312-cp312-win_amd64.whl"
_UNREAD_BAD = "spam-1.0-cp312-cp312-manylinux_2_28_x86_64.whl"

UNREAD = ReleaseReport(
    project="spam",
    version="1.0",
    origin="dist",
    release_class=ReleaseClass.IDENTICAL,
    at_least=True,
    advice=Advice.UNKNOWN,
    advice_reason="one file is unread",
    files=(
        _file(_UNREAD_GOOD, how="file"),
        FileReport(
            filename=_UNREAD_BAD,
            status=FileStatus.UNREAD,
            how="not-read",
            verified=False,
            reason="is not a zip file: it ends after 4,096 of 81,920 bytes",
        ),
        FileReport(
            filename="spam-1.0.exe",
            status=FileStatus.OTHER,
            how="not-read",
            verified=False,
            reason="a Windows installer",
        ),
    ),
    fields=(_agreeing("Requires-Dist", ("eggs",), (_UNREAD_GOOD,)),),
    findings=(
        Finding(
            code="unreadable-file",
            severity=Severity.ERROR,
            project="spam",
            version="1.0",
            message="a file cannot be read, so what it asks for is unknown",
            evidence=(
                Evidence(
                    files=(_UNREAD_BAD,),
                    says=("is not a zip file: it ends after 4,096 of 81,920 bytes",),
                ),
            ),
            hint="upload it again under a new version",
        ),
    ),
)

# --- 175 wheels × 10 fields -----------------------------------------------------------------------

_CROWD_WHEELS = tuple(
    f"crowd-6.1.0-{python}-{python}-{platform}.whl"
    for python in (f"cp3{minor}" for minor in range(8, 15))
    for platform in (
        *(f"macosx_{level}_x86_64" for level in ("10_13", "10_15", "11_0")),
        *(f"macosx_{level}_arm64" for level in ("11_0", "14_0")),
        *(
            f"{libc}_{machine}"
            for libc in ("manylinux2014", "manylinux_2_28", "musllinux_1_2")
            for machine in ("aarch64", "armv7l", "i686", "ppc64le", "riscv64", "s390x")
        ),
        "win_amd64",
        "win_arm64",
    )
)
_CROWD_SDIST = "crowd-6.1.0.tar.gz"


def _crowd_field(field: str, period: int) -> FieldReport:
    """A field in which every ``period``-th wheel goes its own way."""
    groups: list[list[str]] = [[] for _ in range(period)]
    for number, name in enumerate(_CROWD_WHEELS):
        groups[number % period].append(name)
    return FieldReport(
        field=field,
        release_class=ReleaseClass.MERGEABLE if period > 1 else ReleaseClass.IDENTICAL,
        case=Case.STATIC,
        variants=tuple(
            Variant(
                files=(_CROWD_SDIST, *group) if number == 0 else tuple(group),
                values=(*(f"shared-{line}>=1" for line in range(12)), f"own-{number}=={number}.0"),
                region=f"region {number + 1} of {period}: Linux, Python 3.{8 + number}",
            )
            for number, group in enumerate(groups)
        ),
    )


CROWD = ReleaseReport(
    project="crowd",
    version="6.1.0",
    origin="dist",
    release_class=ReleaseClass.MERGEABLE,
    at_least=False,
    advice=Advice.PER_TARGET,
    advice_reason="the wheels differ by platform",
    files=_files(_CROWD_WHEELS, [_CROWD_SDIST]),
    fields=tuple(
        _crowd_field(field, period)
        for field, period in (
            ("Requires-Dist", 4),
            ("Requires-Python", 2),
            ("Provides-Extra", 1),
            ("Name", 1),
            ("Version", 1),
            ("Import-Name", 1),
            ("License-File", 12),
            ("Classifier", 30),
            ("Summary", 1),
            ("Description", 3),
        )
    ),
    findings=(
        Finding(
            code="dependencies-differ",
            severity=Severity.ERROR,
            project="crowd",
            version="6.1.0",
            field="Requires-Dist",
            message="the wheels ask for different requirements, and markers could tell them apart",
            evidence=tuple(
                Evidence(
                    files=_CROWD_WHEELS[number::4],
                    says=(f"own-{number}",),
                    where=f"region {number}",
                )
                for number in range(4)
            ),
        ),
    ),
)

# --- names and values from files that mean harm --------------------------------------------------

EVIL = "<script>alert(1)</script>\x1b[31m\u202egnp\x07\x9b\u2028](javascript:x)`|&\"'%0A"
_EVIL_FILE = f"::error::{EVIL}-1.0-py3-none-any.whl"

HOSTILE = ReleaseReport(
    project="hostile",
    version="1.0",
    origin="https://user:secret@index.test/simple/hostile/",
    release_class=ReleaseClass.MERGEABLE,
    at_least=True,
    advice=Advice.PER_TARGET,
    advice_reason=EVIL,
    files=(
        _file(_EVIL_FILE),
        FileReport(
            filename="hostile-1.0-py2-none-any.whl",
            status=FileStatus.UNREAD,
            how=EVIL,
            verified=False,
            reason=f"{EVIL}\n::error::second line",
        ),
    ),
    fields=(
        FieldReport(
            field=f"X-{EVIL}",
            release_class=None,
            case=Case.LEGACY,
            variants=(
                Variant(files=(_EVIL_FILE,), values=(EVIL,), region=EVIL),
                Variant(files=("hostile-1.0-py2-none-any.whl",), values=("ok",), region="x"),
            ),
        ),
    ),
    findings=(
        Finding(
            code="dependencies-differ",
            severity=Severity.ERROR,
            project="hostile",
            version="1.0",
            message=f"found `{EVIL}`\n::warning::injected",
            where=EVIL,
            field=EVIL,
            evidence=(Evidence(files=(_EVIL_FILE,), says=(EVIL, "##[add-mask]x"), where=EVIL),),
            hint=EVIL,
        ),
    ),
    witnesses=(
        Witness(
            environment=(("platform_version", EVIL),),
            tag_parts=(EVIL, ""),
            files=(_EVIL_FILE, "hostile-1.0-py2-none-any.whl"),
            values=((EVIL,), ()),
            field="Requires-Dist",
            extra=EVIL,
        ),
    ),
    merged=Merged(
        requires_dist=(f"spam @ https://index.test/{EVIL}", f"eggs; extra == '{EVIL}'"),
        requires_python=EVIL,
        provides_extra=(EVIL,),
        residue=EVIL,
        notes=(EVIL,),
    ),
    only_in=EVIL,
    workarounds=((EVIL, f"name = '{EVIL}'\n::error::x\n"),),
)

SAMPLES: dict[str, Report] = {
    "nmslib": Report(releases=(NMSLIB,)),
    "xgboost": Report(releases=(XGBOOST,)),
    "torch": Report(releases=(TORCH,)),
    "apache-beam": Report(releases=(APACHE_BEAM,)),
    "ifcopenshell": Report(releases=(IFCOPENSHELL,)),
    "flask": Report(releases=(FLASK,)),
    "unread": Report(releases=(UNREAD,)),
    "crowd": Report(releases=(CROWD,)),
    "hostile": Report(releases=(HOSTILE,)),
    "empty": Report(releases=()),
    "failed": Report(
        releases=(FLASK,),
        failures=(("nosuch==1.0", "`nosuch`: the index does not have this project"),),
        known=2,
    ),
}
MANY = Report(releases=(NMSLIB, XGBOOST, TORCH, APACHE_BEAM, IFCOPENSHELL, FLASK, UNREAD, CROWD))
SAMPLES["many"] = MANY
