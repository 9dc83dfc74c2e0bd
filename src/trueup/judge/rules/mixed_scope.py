"""The same public version is listed with several local versions.

`2.1.0+cpu` and `2.1.0+cu126` are different builds with different requirements on purpose. They are
judged each for itself, and no merge goes across them; a tool that takes `==2.1.0` gets either.

**Before**: one folder holds `demo-1.0+cpu-…whl` and `demo-1.0+cu126-…whl`.

**After**: one folder, or one index, for each of them.
"""

from __future__ import annotations

from collections.abc import Iterator

from trueup.judge.judgement import Judgement
from trueup.judge.rule import Rule
from trueup.model.finding import Finding, Severity

__all__ = ["RULE"]

CODE = "mixed-scope"


def _check(judgement: Judgement) -> Iterator[Finding]:
    siblings = judgement.release.siblings
    if siblings:
        names = ", ".join(f"`{version}`" for version in siblings)
        yield judgement.finding(
            CODE,
            Severity.INFO,
            f"the same public version is listed there as {names} as well; each is judged by itself",
            hint="keep local versions apart, in folders or indexes of their own",
        )


RULE = Rule(code=CODE, severity=Severity.INFO, check=_check, page=__doc__)
