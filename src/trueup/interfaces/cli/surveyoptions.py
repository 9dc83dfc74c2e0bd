"""Options that several verbs of `trueup survey` have."""

from __future__ import annotations

import click

__all__ = ["local_workers", "new_buckets"]

local_workers = click.option(
    "workers",
    "--local-workers",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Processes on this machine.",
)
new_buckets = click.option(
    "buckets", "--buckets", type=click.IntRange(1, 4096), help="Of a new dataset: 64."
)
