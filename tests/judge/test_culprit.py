"""The line that is the likely reason, for each kind of reason."""

from __future__ import annotations

import pytest

from trueup.judge.culprit import culprits
from trueup.model.finding import Case
from trueup.model.proof import Cause, FieldProof, Saying, Standing


def field(cause: str, name: str = "requires-dist") -> FieldProof:
    return FieldProof(
        field=name,
        case=Case.DYNAMIC,
        standing=Standing.VARIES,
        causes=(Cause(name=cause, sayings=()),),
    )


SETUP = """import os, platform, random, sys, time
from setuptools import setup
debug = os.environ.get("DEBUG")
started = time.time()
needed = ["numpy"]
{line}
setup(
    name="demo",
    version="1.0",
    install_requires=needed,
)
"""
CASES = [
    ("nothing", "needed = random.sample(['a', 'b', 'c'], 2)", "random"),
    ("clock", "needed += ['a'] if time.localtime().tm_year > 2026 else []", "time"),
    ("platform", "needed += ['a'] if platform.machine() == 'x86_64' else []", "platform"),
    ("variable", "if os.environ.get('MPI'): needed.append('mpi4py')", "environ"),
    ("python", "if sys.version_info < (3, 12): needed.append('tomli')", "version_info"),
    ("hash-seed", "needed = list({'a', 'b'})[:1]", "set"),
    ("path", "needed += [os.path.basename(os.getcwd())]", "getcwd"),
]


@pytest.mark.parametrize(("cause", "line", "sign"), CASES)
def test_the_line_is_named(cause: str, line: str, sign: str) -> None:
    (found,) = culprits({"setup.py": SETUP.format(line=line)}, [field(cause)])
    assert (found.file, found.line, found.reason) == ("setup.py", 6, f"uses `{sign}`")
    assert found.text == line


def test_a_keyword_of_setup() -> None:
    text = "import datetime\nsetup(\n  name='x',\n  version=str(datetime.date.today()),\n)\n"
    (found,) = culprits({"setup.py": text}, [field("clock", "version")])
    assert (found.line, found.text) == (4, "version=str(datetime.date.today()),")


def test_through_functions_and_several_names() -> None:
    text = (
        "import os\ndef read():\n    return ['a'] if os.getenv('X') else []\n"
        "found = read()\nsetup(install_requires=found)\n"
    )
    (found,) = culprits({"setup.py": text}, [field("variable")])
    assert found.line == 3


def test_a_sign_elsewhere_is_better_than_nothing() -> None:
    text = "import os\nflag = os.environ.get('X')\nsetup(**load(flag))\n"
    (found,) = culprits({"setup.py": text}, [field("variable")])
    assert found.line == 2


def test_a_promise_that_is_broken_points_to_what_is_computed() -> None:
    broken = FieldProof(
        field="version",
        case=Case.STATIC,
        standing=Standing.BROKEN,
        broken=(Saying(label="baseline", added=("2.0",), missing=("1.0",)),),
    )
    toml = "[project]\nname = 'demo'\ndynamic = ['version']\n"
    (found,) = culprits({"pyproject.toml": toml}, [broken])
    assert (found.line, found.reason) == (3, "says what the backend computes")


def test_what_cannot_be_parsed_names_nobody() -> None:
    assert culprits({"setup.py": "print 'x'\n"}, [field("nothing")]) == ()
    good = FieldProof(field="name", case=Case.STATIC, standing=Standing.REPRODUCIBLE)
    assert culprits({"setup.py": "import random\n"}, [good]) == ()
