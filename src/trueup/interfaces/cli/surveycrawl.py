"""`trueup survey crawl`: read a live index, politely, as far as releases have to be compared."""

from __future__ import annotations

import asyncio
import ipaddress
import math
import os
import re
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from trueup.interfaces.cli.errors import COULD_NOT, FINDINGS, HOLDS
from trueup.interfaces.cli.surveyoptions import new_buckets
from trueup.interfaces.progress import watching
from trueup.interfaces.surveyplaces import import_lines, journal_path
from trueup.model.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from packaging.utils import NormalizedName

    from trueup.features.survey.crawl import Crawled, Wanted
    from trueup.sources.config import IndexConfig
    from trueup.sources.crawl.fetch import Fetcher
    from trueup.sources.dataset import Dataset

__all__ = ["command"]

_FEW = 200
"""Projects that anybody may look at without saying who it is."""
_CONTACT = re.compile(r"[\x21-\x27\x2a-\x7e]{3,200}", re.ASCII)
_EPILOG = """\b
Examples:
  trueup survey crawl dataset numpy scipy==1.14.0      two projects, of one of them one release
  trueup survey crawl dataset --from names.txt --newest 1
  trueup survey crawl dataset --sample 2000 --contact me@example.org
  trueup survey crawl dataset --contact me@example.org all that the configured index lists

An interrupted crawl goes on when the same command is given again. A later one asks only for what
has changed.

\b
Exit code 0: all was read. 1: something was not, and is named. 2: the index gave no list, or
stopped answering.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    """The command line, field by field as its options are named."""

    dataset: str
    project: tuple[str, ...]
    listed: Path | None
    index: str | None
    rate: float
    contact: str | None
    sdists: bool
    newest: int | None
    limit: int | None
    sample: int | None
    seed: int
    buckets: int | None
    verbose: bool


@click.command("crawl", epilog=_EPILOG)
@click.argument("dataset")
@click.argument("project", nargs=-1)
@click.option(
    "listed",
    "--from",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Projects of FILE as well: a `NAME` or `NAME==VERSION` in each line.",
)
@click.option(
    "index", "--index", metavar="URL", help="This index; otherwise the one that pip is set to."
)
@click.option(
    "rate",
    "--rate",
    type=click.FloatRange(min=0, min_open=True),
    default=10.0,
    show_default=True,
    help="Requests a second, in all.",
)
@click.option(
    "contact",
    "--contact",
    metavar="MAIL|URL",
    help="Tell the index whom to turn to; needed for more than 200 projects.",
)
@click.option(
    "sdists", "--sdists", is_flag=True, help="Read sdists too, and compare wheels with them."
)
@click.option(
    "newest", "--newest", type=click.IntRange(min=1), metavar="N",
    help="Only the N newest releases of each project.",
)  # fmt: skip
@click.option(
    "limit", "--limit", type=click.IntRange(min=1), metavar="N",
    help="Stop after N projects; the same command goes on.",
)  # fmt: skip
@click.option(
    "sample", "--sample", type=click.IntRange(min=1), metavar="N",
    help="Only N projects of all that the index lists, drawn by when they were changed last; the "
    "report then says what that means for the whole.",
)  # fmt: skip
@click.option(
    "seed", "--seed", type=int, default=1, show_default=True, help="Which ones are drawn."
)
@new_buckets
@click.option("verbose", "-v", "--verbose", is_flag=True, help="Say what is tried again.")
@click.pass_context
def command(context: click.Context, /, **options: Any) -> None:
    """Read PROJECTs of an index into DATASET, or all that it lists.

    A release is read as far as its files have to be compared: wheels whose index gives equal
    digests of their metadata need nothing more, others one text for each digest.
    """
    context.exit(_run(_Options(**options)))


def _run(options: _Options) -> int:
    from trueup.features.survey.crawl import Wanted
    from trueup.features.survey.imports import dataset_buckets
    from trueup.features.survey.live import Manner
    from trueup.sources.crawl.apart import apart
    from trueup.sources.dataset import open_dataset

    config = _index(options.index)
    url = config.urls[0]
    names = _names(options)
    if options.sample is not None and names is not None:
        raise UsageError(
            "`--sample` draws from all projects of the index",
            hint="name no projects, or leave `--sample` out",
        )
    _is_polite(options, url, options.sample if names is None else len(names))
    workers = min(64, max(4, math.ceil(options.rate)))
    wanted = Wanted(
        url=_bare(url),
        names=names,
        manner=Manner(newest=options.newest, sdists=options.sdists),
        limit=options.limit,
        workers=workers,
    )
    config = replace(config, http=replace(config.http, per_host=workers))
    with apart() as executor:
        buckets = executor.submit(
            dataset_buckets, _place(options.dataset), options.buckets
        ).result()
        dataset = open_dataset(_place(options.dataset))
        try:
            crawled = asyncio.run(_crawl(options, config, wanted, dataset, executor, buckets))
        except KeyboardInterrupt:
            click.echo("interrupted: the same command goes on where this one stopped", err=True)
            return COULD_NOT
    click.echo("\n".join(_words(crawled)))
    unread = sum(written.unread for _, written in crawled.written)
    return FINDINGS if crawled.tally.unread or unread or crawled.strange else HOLDS


async def _crawl(
    options: _Options,
    config: IndexConfig,
    wanted: Wanted,
    dataset: Dataset,
    executor: Any,
    buckets: int,
) -> Crawled:
    from trueup.features.survey.crawl import crawl
    from trueup.features.survey.imports import Imports
    from trueup.sources.crawl.fetch import Fetcher
    from trueup.sources.crawl.journal import Journal
    from trueup.sources.crawl.rate import Bucket
    from trueup.sources.credentials import Credentials, netrc_path

    credentials = Credentials(
        config.urls, netrc_file=netrc_path(os.environ), keyring=config.keyring
    )
    path = journal_path(dataset, wanted.url)
    with (
        watching(sys.stderr, bar=sys.stderr.isatty(), notes=options.verbose) as watcher,
        Journal(path, manner=str(wanted.manner)) as journal,
    ):
        async with Fetcher(
            config.http,
            bucket=Bucket(options.rate),
            contact=options.contact,
            credentials=credentials,
            watcher=watcher,
            environ=os.environ,
        ) as fetcher:
            if options.sample is not None:
                wanted = await _drawn(options, wanted, dataset, fetcher)
            about = {"index": wanted.url, "manner": str(wanted.manner)}
            imports = Imports(dataset, journal, executor, buckets=buckets, about=about)
            return await crawl(wanted, journal, fetcher, imports, watcher=watcher)


async def _drawn(options: _Options, wanted: Wanted, dataset: Dataset, fetcher: Fetcher) -> Wanted:
    """What is wanted, limited to the sample of the dataset, which is drawn now if there is none."""
    from packaging.utils import canonicalize_name

    from trueup.features.survey.crawl import listed_projects
    from trueup.features.survey.sample import draw, keep_sample, kept_sample

    assert options.sample is not None
    sample = kept_sample(dataset)
    if sample is None:
        listed = await listed_projects(wanted.url, fetcher)
        sample = draw(
            {str(name): serial for name, serial in listed.items()}, options.sample, options.seed
        )
        keep_sample(dataset, sample)
    elif (len(sample.projects), sample.seed) != (options.sample, options.seed):
        raise UsageError(
            f"`{dataset.where}` holds another sample",
            found=f"{len(sample.projects):,} projects, seed {sample.seed}",
            expected=f"{options.sample:,} projects, seed {options.seed}",
            hint="one dataset is one sample: give another folder",
        )
    return replace(wanted, names={canonicalize_name(name): None for name in sample.projects})


def _place(dataset: str) -> str:
    """The dataset as another process finds it."""
    return dataset if "://" in dataset else str(Path(dataset).resolve())


def _index(explicit: str | None) -> IndexConfig:
    """The one index that is meant, and how it is reached."""
    from trueup.sources.config import index_config

    config = index_config(
        () if explicit is None else (explicit,), environ=os.environ, directory=Path.cwd()
    )
    live = [index for index in config.indexes if not index.url.startswith("file:")]
    if len(live) != 1:
        raise UsageError(
            "a crawl reads one index",
            found=", ".join(map(str, live or config.indexes)),
            expected="one http or https address",
            hint="name it with `--index`; `trueup survey walk` reads folders",
        )
    return replace(config, indexes=(live[0],))


def _bare(url: str) -> str:
    from trueup.sources.url import without_credentials

    return without_credentials(url)


def _is_polite(options: _Options, url: str, count: int | None) -> None:
    """An index that is asked for much must be able to turn to somebody."""
    contact = options.contact
    if contact is not None and not _CONTACT.fullmatch(contact):
        raise UsageError("`--contact`", found=f"`{contact}`", expected="a mail address or a URL")
    if contact is None and (count is None or count > _FEW) and not _is_here(url):
        raise UsageError(
            "who crawls an index tells it whom to turn to",
            found=f"{count:,} projects" if count is not None else "all projects of the index",
            expected=f"at most {_FEW} without `--contact`",
            hint="give a mail address or a URL with `--contact`; it is sent with every request",
        )


def _is_here(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _names(options: _Options) -> dict[NormalizedName, tuple[str, ...] | None] | None:
    """The projects by name, with the versions that are wanted of them; None: all of the index."""
    from packaging.utils import canonicalize_name

    from trueup.model.version import written_version
    from trueup.sources.crawl.names import is_name

    if not options.project and options.listed is None:
        return None
    found: dict[NormalizedName, set[str] | None] = {}
    for text, place in _texts(options):
        name, equals, version = (part.strip() for part in text.partition("=="))
        if not is_name(name) or (equals and not version):
            raise UsageError(
                "is no project", found=f"`{text}`", expected="`NAME` or `NAME==VERSION`",
                place=place,
            )  # fmt: skip
        versions = found.setdefault(canonicalize_name(name), set())
        if not version:
            found[canonicalize_name(name)] = None
        elif versions is not None:
            versions.add(written_version(version))
    return {name: None if some is None else tuple(sorted(some)) for name, some in found.items()}


def _texts(options: _Options) -> Iterable[tuple[str, tuple[str, ...]]]:
    for text in options.project:
        yield text, ()
    if options.listed is None:
        return
    try:
        lines = options.listed.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot be read: {error}", place=(str(options.listed),)) from error
    for number, line in enumerate(lines, 1):
        text = line.partition("#")[0].strip()
        if text:
            yield text, (str(options.listed), f"line {number}")


def _words(crawled: Crawled) -> list[str]:
    tally = crawled.tally
    left = f", {tally.left:,} left: the same command goes on" if tally.left else ""
    first = (
        f"{tally.wanted:,} projects: {tally.read:,} read, {tally.same:,} as they were, "
        f"{tally.gone:,} gone, {tally.unread:,} unread{left}; {crawled.requests:,} requests"
    )
    return [first, *import_lines(crawled.written, crawled.problems)]
