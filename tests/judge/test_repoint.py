"""Whether a wheel can use a library wheel that is there already."""

from __future__ import annotations

import pytest

from tests.natives import distribution, image, native_file
from trueup.judge.repoint import plan_onto
from trueup.model.library import Distribution, NativeFile
from trueup.model.split import SharedPlan

SHA = "0123abcd" + "0" * 56
OWN = "libdeep-0123abcd.so"
GLIBC = "manylinux_2_28_x86_64"


def provider(tags: str = f"py3-none-{GLIBC}", sha256: str = SHA) -> Distribution:
    library = image("libdeep.so", exports=("deep",))
    return distribution(
        "deep-wheel", native_file("deep/lib/libdeep.so", library, sha256=sha256), tags=tags
    )


def module(search: str = "$ORIGIN/../one.libs") -> NativeFile:
    found = image(needed=(OWN,), rpath=(search,), exports=("PyInit_fast",), imports=("deep",))
    return native_file("one/fast.so", found)


def consumer(
    tags: str = f"cp312-cp312-{GLIBC}",
    *,
    own: str = "sha256 after patching",
    exports: tuple[str, ...] = ("deep",),
    name: str = OWN,
) -> Distribution:
    copy = native_file(f"one.libs/{name}", image(name, exports=exports), sha256=own)
    return distribution("one", module(), copy, tags=tags)


def test_auditwheels_digest_proves_where_a_copy_came_from() -> None:
    plan = plan_onto([consumer()], [provider()])
    assert isinstance(plan, SharedPlan)
    (library,), (changed,) = plan.libraries, plan.consumers
    assert library.requirement == "deep-wheel==1.0"
    assert library.levels == {"one": "L1"}
    assert library.existing
    assert changed.dropped == {f"one.libs/{OWN}": library}
    (relink,) = changed.relinks
    assert relink.needed == {OWN: "libdeep.so"}
    assert relink.search == ("$ORIGIN/../deep/lib",)


REFUSED: dict[str, tuple[Distribution, Distribution, str]] = {
    "no proof": (
        consumer(),
        provider(sha256="f" * 64),
        "nothing that one 1.0 bundles is proven to have come from deep-wheel 1.0",
    ),
    "musl": (
        consumer("cp312-cp312-musllinux_1_2_x86_64"),
        provider(),
        f"`libdeep.so` of deep_wheel-1.0-py3-none-{GLIBC}.whl is for Linux x86_64, and "
        "one-1.0-cp312-cp312-musllinux_1_2_x86_64.whl for Linux (musl) x86_64",
    ),
    "an older glibc": (
        consumer("cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64"),
        provider(),
        f"deep_wheel-1.0-py3-none-{GLIBC}.whl is for glibc 2.28 and later, and "
        "one-1.0-cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64.whl for 2.17 and later",
    ),
    "an older musl": (
        consumer("cp312-cp312-musllinux_1_1_x86_64"),
        provider("py3-none-musllinux_1_2_x86_64"),
        "deep_wheel-1.0-py3-none-musllinux_1_2_x86_64.whl is for musl 1.2 and later, and "
        "one-1.0-cp312-cp312-musllinux_1_1_x86_64.whl for 1.1 and later",
    ),
    "two of one name": (
        consumer(),
        provider(),
        "two of these wheels have the same file name",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusals(name: str) -> None:
    wheel, there, reason = REFUSED[name]
    wheels = [wheel, wheel] if name == "two of one name" else [wheel]
    found = plan_onto(wheels, [there])
    assert isinstance(found, tuple)
    assert [one.reason.replace("deep-wheel-1.0-py3", "deep_wheel-1.0-py3") for one in found] == [
        reason
    ]


def test_of_several_wheels_the_weakest_evidence_counts() -> None:
    same = consumer(f"cp311-cp311-{GLIBC}", own=SHA, name="libdeep.so")
    for wheels in ([consumer(), same], [same, consumer()]):
        plan = plan_onto(wheels, [provider()])
        assert isinstance(plan, SharedPlan)
        assert plan.libraries[0].levels == {"one": "L1"}
