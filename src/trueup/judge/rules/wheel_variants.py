"""The release has wheel variants.

PEP 825 wheels carry a label at the end of their file name, and an installer that knows variants
picks one by the properties of the machine. They are judged among equal labels only.

**Before and after**: nothing to mend; the finding says how the release was judged.
"""

from __future__ import annotations

from collections.abc import Iterator

from trueup.judge.judgement import Judgement
from trueup.judge.rule import Rule
from trueup.model.finding import Evidence, Finding, Severity

__all__ = ["RULE"]

CODE = "wheel-variants"


def _check(judgement: Judgement) -> Iterator[Finding]:
    labelled = [item for item in judgement.classifications if item.label is not None]
    if labelled:
        names = ", ".join(f"`{item.label}`" for item in labelled)
        yield judgement.finding(
            CODE,
            Severity.INFO,
            f"the release has wheel variants, judged among equal labels only: {names}",
            evidence=[
                Evidence(
                    files=tuple(wheel.filename for wheel in item.wheels),
                    says=(item.release_class.value,),
                    where=f"variant `{item.label}`",
                )
                for item in labelled
            ],
        )


RULE = Rule(code=CODE, severity=Severity.INFO, check=_check, page=__doc__)
