"""What a page of a view says of itself in headers, and until when it is all that is known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from trueup.features.serve.outcome import Account, Verdict

__all__ = ["told", "until_of"]

_MOST = 10
"""So many versions are named."""
_SOON = 2.0
"""Seconds until a page is made again of which more is being found out."""


def told(accounts: Sequence[Account]) -> dict[str, str]:
    """Headers: what was not looked into, what no list can serve, where patches have drifted."""
    open_ = [f"{one.version}" for one in accounts if not one.is_known]
    apart = [
        f"{one.version} {one.outcome.verdict.value}"
        for one in accounts
        if one.outcome is not None and one.outcome.verdict.is_irreconcilable
    ]
    drifted = [
        f"{one.version}"
        for one in accounts
        if one.outcome is not None and one.outcome.verdict is Verdict.DRIFTED
    ]
    found = {
        "x-trueup-unchecked": _listed(open_),
        "x-trueup-irreconcilable": _listed(apart),
        "x-trueup-drift": _listed(drifted),
    }
    return {name: value for name, value in found.items() if value}


def _listed(words: Sequence[str]) -> str:
    words = list(dict.fromkeys(words))
    shown, left = words[:_MOST], len(words) - _MOST
    return ", ".join(shown) + (f" and {left} more" if left > 0 else "")


def until_of(accounts: Iterable[Account], now: float) -> float | None:
    """When more will be known than a page shows (seconds since 1970); None: it is complete."""
    moments = []
    for one in accounts:
        if one.outcome is None:
            moments.append(now + _SOON)
        elif one.outcome.retry is not None:
            moments.append(max(one.outcome.retry, now + _SOON))
    return min(moments, default=None)
