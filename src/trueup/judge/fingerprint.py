"""What makes a finding the same finding at the next release."""

from __future__ import annotations

import hashlib
import re

from trueup.model.finding import Finding

__all__ = ["fingerprint"]


def fingerprint(finding: Finding) -> str:
    """Sixteen hexadecimal digits that stay while the fault stays.

    They cover the code, the project, the field, and what the evidence says. They leave out the
    severity, the wording, and, so that a fault that is known at 1.0 is known at 1.1, the
    release's own version; where files disagree also which files (a new Python adds files, not
    faults).
    """
    own_version = re.compile(rf"(?<![\w.]){re.escape(finding.version)}(?![\w.]*\w)")

    def steady(text: str) -> str:
        return own_version.sub("*", text)

    said = {tuple(map(steady, evidence.says)) for evidence in finding.evidence}
    files = [(steady(name),) for name in sorted(finding.files)]
    matter = sorted(said) if any(said) else files or [(steady(finding.message),)]
    parts = (finding.code, finding.project, finding.field or "", repr(matter))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
