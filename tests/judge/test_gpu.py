"""What of a library's device code a GPU loads."""

from __future__ import annotations

import pytest

from trueup.judge.gpu import bytes_by_target, needed_for
from trueup.model.errors import UsageError
from trueup.model.gpu import AmdGpu, NvidiaGpu, parse_gpu
from trueup.model.library import GpuCode, GpuKind

KINDS = {"sm": GpuKind.BINARY, "compute": GpuKind.PTX, "lto": GpuKind.LTO}


def codes(*modules: str) -> list[GpuCode]:
    """Modules as words of targets; ``~`` before one says that it is relocatable."""
    return [
        GpuCode(
            vendor="amd" if target.startswith(("gfx", "amdgcn")) else "nvidia",
            target=target,
            kind=GpuKind.SPIRV
            if target == "amdgcnspirv"
            else KINDS.get(target.partition("_")[0], GpuKind.BINARY),
            size=len(target),
            module=number,
            relocatable=module.startswith("~"),
        )
        for number, module in enumerate(modules)
        for target in module.removeprefix("~").split()
    ]


ONE_MODULE = [
    # what there is, the device, what it loads
    ("sm_80 sm_90", "sm_90", "sm_90"),
    ("sm_80", "sm_86", "sm_80"),
    ("sm_80 sm_86", "sm_89", "sm_86"),
    ("sm_86", "sm_80", ""),
    ("sm_80", "sm_90", ""),
    ("sm_80 compute_80", "sm_90", "compute_80"),
    ("sm_80 compute_80", "sm_120", "compute_80"),
    ("compute_70 compute_80 compute_90", "sm_86", "compute_80"),
    ("compute_90", "sm_86", ""),
    # Machine code goes before PTX, however much newer that is.
    ("sm_80 compute_89", "sm_89", "sm_80"),
    # For exactly one architecture.
    ("sm_90a compute_90a", "sm_90", "sm_90a"),
    ("compute_90a", "sm_90", "compute_90a"),
    ("compute_90a", "sm_100", ""),
    ("sm_100a", "sm_103", ""),
    ("sm_90 sm_90a", "sm_90", "sm_90a"),
    # For a family.
    ("sm_100f compute_100f", "sm_103", "sm_100f"),
    ("compute_100f", "sm_103", "compute_100f"),
    ("sm_100f compute_100f", "sm_110", ""),
    ("sm_100f compute_100f", "sm_120", ""),
    ("compute_100 compute_100f", "sm_120", "compute_100"),
    ("sm_103f", "sm_100", ""),
    ("sm_120f", "sm_121", "sm_120f"),
    ("sm_100 sm_100f sm_100a", "sm_100", "sm_100a"),
    ("sm_100 sm_100f sm_100a", "sm_103", "sm_100f"),
    # Embedded GPUs run their own.
    ("sm_80 sm_86", "sm_87", ""),
    ("sm_80 compute_80", "sm_87", "compute_80"),
    ("sm_87", "sm_89", ""),
    ("sm_101", "sm_110", "sm_101"),
    ("compute_110f", "sm_101", "compute_110f"),
    ("sm_100", "sm_101", ""),
    # What is for a linker.
    ("lto_90", "sm_90", ""),
    ("gfx90a", "sm_90", ""),
    # AMD: the same processor, and the features that it is known to have.
    ("gfx90a gfx942", "gfx90a", "gfx90a"),
    ("gfx908", "gfx90a", ""),
    ("gfx90a:xnack+ gfx90a:xnack-", "gfx90a", "gfx90a:xnack+ gfx90a:xnack-"),
    ("gfx90a:xnack+ gfx90a:xnack-", "gfx90a:xnack-", "gfx90a:xnack-"),
    ("gfx90a", "gfx90a:sramecc+:xnack-", "gfx90a"),
    ("gfx90a:sramecc+:xnack-", "gfx90a:sramecc-:xnack-", ""),
    ("gfx90a:sramecc+:xnack-", "gfx90a:xnack-", "gfx90a:sramecc+:xnack-"),
    ("gfx9-generic gfx906", "gfx906", "gfx906"),
    ("gfx9-generic gfx906", "gfx90c", "gfx9-generic"),
    ("gfx9-generic", "gfx90a", ""),
    ("gfx9-4-generic:xnack+", "gfx942:xnack-", ""),
    ("gfx11-generic amdgcnspirv", "gfx1103", "gfx11-generic"),
    ("gfx11-generic amdgcnspirv", "gfx1030", "amdgcnspirv"),
    ("sm_90 compute_90", "gfx90a", ""),
]


@pytest.mark.parametrize(("offered", "gpu", "loaded"), ONE_MODULE)
def test_what_a_device_loads_of_one_module(offered: str, gpu: str, loaded: str) -> None:
    found = needed_for(codes(offered), parse_gpu(gpu))
    assert [code.target for code in found] == loaded.split()


def test_of_each_module_the_best() -> None:
    offered = codes("sm_80 sm_90 compute_90", "sm_80", "sm_86", "compute_70 compute_75")
    found = needed_for(offered, parse_gpu("8.9"))
    assert [(code.module, code.target) for code in found] == [
        (0, "sm_80"), (1, "sm_80"), (2, "sm_86"), (3, "compute_75"),
    ]  # fmt: skip


def test_relocatable_code_only_where_nothing_was_linked() -> None:
    offered = codes("sm_80 sm_90", "~sm_80 sm_90 compute_90", "~lto_90 compute_80")
    for gpu, loaded in {
        "sm_86": [(0, "sm_80")],
        "sm_90": [(0, "sm_90")],
        "sm_120": [(1, "compute_90"), (2, "compute_80")],
        "sm_75": [],
    }.items():
        found = needed_for(offered, parse_gpu(gpu))
        assert [(code.module, code.target) for code in found] == loaded


def test_what_is_unread_is_needed_by_nobody_known() -> None:
    unread = GpuCode(vendor="amd", target="compressed (zstd)", kind=GpuKind.UNREAD, size=9)
    assert needed_for([unread], parse_gpu("gfx90a")) == ()
    assert needed_for([], parse_gpu("sm_90")) == ()


def test_bytes_by_target() -> None:
    assert bytes_by_target(codes("sm_80 compute_80", "sm_80 gfx90a")) == {
        "sm_80": 10, "compute_80": 10, "gfx90a": 6
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "gpu", "shown"),
    [
        ("sm_90", NvidiaGpu(major=9, minor=0), "sm_90"),
        (" SM_90a ", NvidiaGpu(major=9, minor=0), "sm_90"),
        ("8.6", NvidiaGpu(major=8, minor=6), "sm_86"),
        ("sm_121", NvidiaGpu(major=12, minor=1), "sm_121"),
        ("12.0", NvidiaGpu(major=12, minor=0), "sm_120"),
        ("gfx90a", AmdGpu(processor="gfx90a"), "gfx90a"),
        ("gfx1100", AmdGpu(processor="gfx1100"), "gfx1100"),
        ("gfx90a:xnack-:sramecc+",
         AmdGpu(processor="gfx90a", features=(("sramecc", True), ("xnack", False))),
         "gfx90a:sramecc+:xnack-"),
    ],
)  # fmt: skip
def test_gpus_as_users_name_them(text: str, gpu: NvidiaGpu | AmdGpu, shown: str) -> None:
    assert parse_gpu(text) == gpu
    assert str(gpu) == shown


@pytest.mark.parametrize(
    "text",
    ["", "90", "sm_9", "sm_9000", "compute_90", "h100", "gfx9-generic", "gfx90a:", "gfx90a:fast+",
     "gfx90a:xnack", "gfx90a:xnack+:xnack-", "sm_٩٠"],
)  # fmt: skip
def test_what_names_no_gpu(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_gpu(text)
    assert caught.value.found == f"`{text}`"
    assert "`sm_90`" in str(caught.value)
    assert "nvidia-smi" in (caught.value.hint or "")
