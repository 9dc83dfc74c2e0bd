"""The difference between a local build and the public release, made from judged releases."""

from __future__ import annotations

from tests.releases import release, sdist, wheel
from trueup.interfaces.web.difference import Difference, difference
from trueup.judge.release import judge_release

LINUX = "cp312-cp312-manylinux_2_17_x86_64"


def test_a_local_build_beside_the_public_one() -> None:
    local = judge_release(release(wheel(LINUX, ["one", "mpi4py"], python=">=3.10")))
    public = judge_release(release(wheel(LINUX, ["one"]), sdist(["one"])))
    assert difference(local, public) == (
        Difference(name="Requires-Dist", here=("mpi4py",), public=()),
        Difference(name="Requires-Python", here=(">=3.10",), public=()),
    )
    assert difference(local, local) == ()
