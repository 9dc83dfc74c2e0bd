"""Every reason why libraries are not shared, on values; compiled code is in tests/real."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.natives import distribution, image, native_file
from trueup.judge.sharing import plan_shared
from trueup.model.abi import AbiFile, parse_abi
from trueup.model.library import (
    BinaryFormat,
    Distribution,
    Export,
    Image,
    Import,
    NativeFile,
    SymbolKind,
    Witness,
)
from trueup.model.nativelib import Expected, NativeLib
from trueup.model.split import Refusal, SharedPlan

DECLARED = parse_abi(
    """
[library.libdeep]
version = "1.2.3"
family = "1"

[library.libgmp]
version = "6.3.0"
family = "6"
"""
)
NAME = {"one": "libdeep-11111111.so.1", "two": "libdeep-22222222.so.1"}


def copy(
    project: str,
    *,
    stem: str = "libdeep",
    exports: tuple[Export | str, ...] = ("deep",),
    needed: tuple[str, ...] = (),
    witnesses: tuple[Witness, ...] = (),
    versions: tuple[tuple[str, str], ...] = (),
    kind: BinaryFormat = BinaryFormat.ELF,
) -> NativeFile:
    name = NAME[project].replace("libdeep", stem)
    found = image(name, exports=exports, needed=needed, kind=kind)
    found = replace(found, witnesses=witnesses, needs_versions=versions)
    return native_file(f"{project}.libs/{name}", found, sha256=f"{project} {stem}")


def module(
    project: str, *needed: str, imports: tuple[Import | str, ...] = ("deep",), search: str = ""
) -> NativeFile:
    found = image(
        needed=needed or (NAME[project],),
        rpath=(search or f"$ORIGIN/../{project}.libs",),
        exports=("PyInit_fast",),
        imports=imports,
    )
    return native_file(f"{project}/fast.so", found)


def wheel(
    project: str, *files: NativeFile, tags: str = "cp312-cp312-manylinux_2_17_x86_64"
) -> Distribution:
    return distribution(project, *(files or (module(project), copy(project))), tags=tags)


def refused(
    *wheels: Distribution, libraries: tuple[str, ...] = ("libdeep",), abi: AbiFile | None = DECLARED
) -> list[str]:
    found = plan_shared(wheels, libraries, abi=abi)
    assert isinstance(found, tuple), found
    return [one.reason for one in found]


def planned(
    *wheels: Distribution,
    libraries: tuple[str, ...] = ("libdeep",),
    abi: AbiFile | None = DECLARED,
    owners: dict[str, str] | None = None,
) -> SharedPlan:
    found = plan_shared(wheels, libraries, abi=abi, owners=owners)
    assert isinstance(found, SharedPlan), found
    return found


def test_two_projects_share_what_is_declared_and_measured_alike() -> None:
    plan = planned(wheel("one"), wheel("two"))
    (library,) = plan.libraries
    identity = DECLARED.abi_id("libdeep")
    assert library.requirement == f"nl-deep-{identity}==1.2.3"
    assert library.path == f"_nl/libdeep-{identity[:8]}.so.1"
    assert library.levels == {"one": "L0", "two": "L2"}
    for consumer in plan.consumers:
        (relink,) = consumer.relinks
        assert relink.search == ("$ORIGIN/../_nl",)
        assert set(relink.needed.values()) == {library.soname}
        assert str(consumer.version) == "1.0+nl.1"
        assert consumer.symbols == {library.path: ("deep",)}


def test_the_copy_of_a_named_project_is_kept() -> None:
    plan = planned(wheel("one"), wheel("two"), owners={"libdeep": "two"})
    assert plan.libraries[0].owner.project == "two"


def test_a_private_library_keeps_its_folder_in_the_search_path() -> None:
    other = native_file("one.libs/libown-33333333.so.1", image("libown-33333333.so.1"))
    first = wheel("one", module("one", NAME["one"], "libown-33333333.so.1"), copy("one"), other)
    (relink,) = planned(first, wheel("two")).consumers[0].relinks
    assert relink.search == ("$ORIGIN/../one.libs", "$ORIGIN/../_nl")


def test_the_same_build_needs_no_declaration() -> None:
    twin = native_file("two.libs/libdeep-11111111.so.1", *copy("one").readable, sha256="x")
    second = wheel("two", module("two", NAME["one"]), twin)
    plan = planned(wheel("one"), second, abi=None)
    assert plan.libraries[0].levels["two"] == "L1"


ASSERTED = parse_abi(
    """
[[assertion]]
library = "libdeep"
consumer = "two"
reason = "compared the headers"
by = "M. Aintainer"
"""
)


def test_symbols_alone_are_never_enough_but_a_human_may_assert() -> None:
    assert refused(wheel("one"), wheel("two"), abi=None) == [
        "`libdeep` of one 1.0 is not known to be that of two 1.0: the symbols may be there, and no "
        "recipe is declared"
    ]
    with_version = replace(ASSERTED, libraries={"libdeep": replace(DECLARED.libraries["libdeep"])})
    different = wheel("two", module("two"), copy("two", exports=("deep", "more")))
    assert "though one recipe is declared" in refused(wheel("one"), different)[0]
    plan = planned(wheel("one"), different, abi=with_version)
    assert plan.libraries[0].asserted == {"two": "compared the headers (M. Aintainer)"}


def data(size: int) -> tuple[Export, ...]:
    return (Export("deep"), Export("table", SymbolKind.DATA, size))


CONTRADICTIONS = {
    "size of data (LP64 against ILP64)": (
        copy("two", exports=data(520)),
        "the size of `table`: 260 against 520 bytes",
    ),
    "another configuration": (
        copy(
            "two",
            exports=data(260),
            witnesses=(Witness("openblas", "configuration", "OpenBLAS 0.3.30 USE64BITINT"),),
        ),
        "the configuration of openblas: `OpenBLAS 0.3.30` against `OpenBLAS 0.3.30 USE64BITINT`",
    ),
    "another kind of symbol": (
        copy("two", exports=(Export("deep", SymbolKind.DATA, 8), *data(260)[1:])),
        "the kind of `deep`: function against data",
    ),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_what_contradicts_is_refused_whatever_is_asserted(name: str) -> None:
    theirs, against = CONTRADICTIONS[name]
    told = Witness("openblas", "configuration", "OpenBLAS 0.3.30")
    first = wheel("one", module("one"), copy("one", exports=data(260), witnesses=(told,)))
    abi = replace(ASSERTED, libraries=DECLARED.libraries)
    found = plan_shared([first, wheel("two", module("two"), theirs)], ["libdeep"], abi=abi)
    assert isinstance(found, tuple)
    assert found[0].reason == "`libdeep` of one 1.0 cannot stand in for that of two 1.0"
    assert against in found[0].files


def test_types_of_another_layout_contradict() -> None:
    types = {
        "one libdeep": {"struct options": "16 bytes (level at 0)"},
        "two libdeep": {"struct options": "24 bytes (level at 0)"},
    }
    found = plan_shared([wheel("one"), wheel("two")], ["libdeep"], abi=DECLARED, types=types)
    assert isinstance(found, tuple)
    assert found[0].files == (
        "the layout of `struct options`: 16 bytes (level at 0) against 24 bytes (level at 0)",
    )


def test_a_symbol_that_the_kept_copy_lacks() -> None:
    second = wheel(
        "two", module("two", imports=("deep", "extra")), copy("two", exports=("deep", "extra"))
    )
    abi = replace(ASSERTED, libraries=DECLARED.libraries)
    assert refused(wheel("one"), second, abi=abi) == [
        "`libdeep` of one 1.0 does not have what two 1.0 takes from its own"
    ]


def test_half_of_what_belongs_together() -> None:
    base = native_file("one.libs/libbase-44444444.so.1", image("libbase-44444444.so.1"))
    first = wheel("one", module("one"), copy("one", needed=("libbase-44444444.so.1",)), base)
    found = plan_shared([first], ["libdeep"], abi=DECLARED)
    assert isinstance(found, tuple)
    assert found[0].reason == (
        "`libdeep` needs libraries that would stay with one 1.0: half of what belongs together "
        "would be shared"
    )
    assert found[0].hint == "share them as well: --shared libbase"


def test_a_symbol_that_would_come_from_two_libraries() -> None:
    own = native_file(
        "two.libs/libown-33333333.so.1", image("libown-33333333.so.1", exports=("helper",))
    )
    first = wheel("one", module("one"), copy("one", exports=("deep", "helper")))
    second = wheel(
        "two",
        module("two", NAME["two"], "libown-33333333.so.1", imports=("deep", "helper")),
        copy("two"),
        own,
    )
    abi = replace(ASSERTED, libraries=DECLARED.libraries)
    assert refused(first, second, abi=abi) == [
        "in two 1.0 1 symbols would come from two libraries, and the order of loading would decide"
    ]


def test_sets_that_are_released_together() -> None:
    crypto, ssl = "libcrypto-11111111.so.1", "libssl-11111111.so.1"
    files = (
        module("one", crypto, ssl),
        native_file(f"one.libs/{crypto}", image(crypto, exports=("deep",))),
        native_file(f"one.libs/{ssl}", image(ssl, needed=(crypto,))),
    )
    abi = parse_abi('[library.libcrypto]\nversion = "3.5"\nfamily = "3"\n')
    assert (
        "`libssl` of one 1.0 is released together with `libcrypto`, and would be torn from it"
        in refused(wheel("one", *files), libraries=("libcrypto",), abi=abi)
    )


def test_a_kept_copy_that_needs_a_newer_system() -> None:
    newer = copy("one", versions=(("libc.so.6", "GLIBC_2.28"),))
    old = wheel("two", tags="cp312-cp312-manylinux_2_17_x86_64")
    first = wheel("one", module("one"), newer, tags="cp312-cp312-manylinux_2_28_x86_64")
    assert refused(first, old) == [
        "`libdeep` of one 1.0 needs GLIBC 2.28, and two 1.0 promises GLIBC 2.17"
    ]
    assert planned(first, old, owners={"libdeep": "two"}).libraries[0].owner is old


def test_a_path_that_was_compiled_in() -> None:
    def told(path: str) -> tuple[Witness, ...]:
        return (Witness("openssl", "installation path", f'OPENSSLDIR: "{path}"'),)

    first = wheel("one", module("one"), copy("one", witnesses=told("/usr/local/ssl")))
    second = wheel("two", module("two"), copy("two", witnesses=told("/host/tmp/build")))
    assert refused(first, second)[0] == "`libdeep` of one 1.0 cannot stand in for that of two 1.0"
    same = wheel("two", module("two"), copy("two", witnesses=told("/usr/local/ssl")))
    assert planned(first, same).libraries


def test_state_of_the_whole_process_must_be_acknowledged() -> None:
    wheels = [
        wheel(
            name, module(name, NAME[name].replace("libdeep", "libgmp")), copy(name, stem="libgmp")
        )
        for name in ("one", "two")
    ]
    assert refused(*wheels, libraries=("libgmp",)) == [
        "`libgmp` keeps state for the whole process: its memory functions "
        "(`mp_set_memory_functions`)"
    ]
    known = replace(DECLARED, acknowledged={"libgmp": "nobody sets them"})
    assert planned(*wheels, libraries=("libgmp",), abi=known).libraries
    assert planned(wheels[0], libraries=("libgmp",)).libraries, "one user shares it with nobody"


def pe(project: str, crt: str) -> Distribution:
    def dll(name: str, *needed: str, exports: tuple[str, ...] = ()) -> Image:
        return image(name, needed=needed, exports=exports, machine="AMD64", kind=BinaryFormat.PE)

    name = f"libdeep-{'12'[project == 'two'] * 32}.dll"
    return distribution(
        project,
        native_file(f"{project}/fast.pyd", dll("fast.pyd", name, exports=("PyInit_fast",))),
        native_file(f"{project}.libs/{name}", dll(name, crt, exports=("deep",)), sha256=project),
        tags="cp312-cp312-win_amd64",
    )


def test_two_c_run_times() -> None:
    abi = replace(ASSERTED, libraries=DECLARED.libraries)
    wheels = pe("one", "msvcrt.dll"), pe("two", "api-ms-win-crt-heap-l1-1-0.dll")
    assert refused(*wheels, abi=abi) == [
        "`libdeep` of one 1.0 uses the C run-time msvcrt, that of two 1.0 uses ucrt"
    ]


def test_the_wheels_of_a_release_must_ask_for_the_same() -> None:
    bare = wheel("one", native_file("one/fast.so", image(exports=("PyInit_fast",))),
                 tags="cp313-cp313-manylinux_2_17_x86_64")  # fmt: skip
    assert refused(wheel("one"), bare) == [
        "the wheels of one 1.0 would ask for different libraries"
    ]


@pytest.mark.parametrize(
    ("libraries", "owners", "reason"),
    [
        (("libnone",), {}, "no wheel bundles `libnone`"),
        (("libdeep",), {"libdeep": "three"}, "`three` is to bring `libdeep`, and bundles none"),
    ],
)
def test_what_is_not_there(libraries: tuple[str, ...], owners: dict[str, str], reason: str) -> None:
    found = plan_shared([wheel("one")], libraries, abi=DECLARED, owners=owners)
    assert isinstance(found, tuple)
    assert [one.reason for one in found] == [reason]
    assert all(isinstance(one, Refusal) for one in found)


MUSL = "cp312-cp312-musllinux_1_2_x86_64"


def test_glibc_and_musl_do_not_share() -> None:
    """One machine, and nothing that is measured need tell them apart."""
    assert (
        "`libdeep` of one-1.0-cp312-cp312-manylinux_2_17_x86_64.whl is for Linux x86_64, and "
        f"two-1.0-{MUSL}.whl for Linux (musl) x86_64"
    ) in refused(wheel("one"), wheel("two", tags=MUSL))


def test_a_module_without_search_path_follows_the_library_too() -> None:
    """It is imported after another one, which loads the library under the name it asks for."""
    alone = native_file(
        "one/late.so", image(needed=(NAME["one"],), exports=("PyInit_late",), imports=("deep",))
    )
    plan = planned(wheel("one", module("one"), alone, copy("one")), wheel("two"))
    relinks = {one.path: one for one in plan.consumers[0].relinks}
    assert relinks["one/late.so"].needed == {NAME["one"]: plan.libraries[0].soname}
    assert relinks["one/late.so"].search == ("$ORIGIN/../_nl",)


def test_of_several_wheels_of_a_project_the_weakest_evidence_counts() -> None:
    other = replace(copy("two"), sha256="two, built again")
    wheels = [
        wheel("one"),
        wheel("two", module("two"), other, tags="cp311-cp311-manylinux_2_17_x86_64"),
        wheel("two", module("two"), replace(copy("two"), sha256="one libdeep")),
    ]
    for ordered in (wheels, [wheels[0], *wheels[:0:-1]]):
        assert planned(*ordered).libraries[0].levels == {"one": "L0", "two": "L2"}


def test_the_name_of_a_library_becomes_one_of_a_distribution() -> None:
    stem = "libdeep++"
    wheels = [
        wheel(name, module(name, NAME[name].replace("libdeep", stem)), copy(name, stem=stem))
        for name in ("one", "two")
    ]
    abi = parse_abi('[library."libdeep++"]\nversion = "1"\nfamily = "1"\n')
    (library,) = planned(*wheels, libraries=(stem,), abi=abi).libraries
    assert library.project == f"nl-deeppp-{abi.abi_id(stem)}"


def test_wheels_that_are_not_fit_at_all() -> None:
    expects = Expected(project="nl-x", version="1", path="_nl/libx.so", name=None, sha256="00")
    before = replace(wheel("one"), nativelib=NativeLib(expects=(expects,)))
    damaged = native_file("two/other.so", unreadable="is damaged")
    reasons = refused(before, wheel("two", module("two"), damaged, copy("two")))
    assert reasons[:2] == [
        "there are wheels that use libraries of other wheels already",
        "there are files of which is not known what libraries they ask for",
    ]
    assert refused(wheel("one"), wheel("one"))[0] == "two of these wheels have the same file name"
