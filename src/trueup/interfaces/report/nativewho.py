"""What `trueup libs --who` says: each copy of a library, and who gets it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from trueup.interfaces.report.columns import columns
from trueup.interfaces.report.nativewords import brief_path, bytes_text, short_path
from trueup.interfaces.report.page import Page, join_blocks
from trueup.interfaces.report.words import listed, natural, printable
from trueup.judge.wholoads import LoadedCopy, who_loads
from trueup.model.loading import Found, Link
from trueup.model.nativereport import LoadedMap

__all__ = ["render_who"]

_SHOWN_USERS = 4


def render_who(
    maps: Sequence[LoadedMap], library: str, *, colour: bool, width: int, verbose: bool = False
) -> str:
    """``libs --who``: per environment first the answer, then each copy of a library and its users.

    Text that ends with a line break; ``verbose`` lists every user.
    """
    page = _WhoPage(colour=colour, width=max(width, 40), verbose=verbose)
    blocks = [
        page.copies(loaded, copies, library)
        for loaded in maps
        if (copies := who_loads(loaded, library))
    ]
    if not blocks:
        blocks = [page.wrap(f"no file is, holds or asks for a library named `{library}`", "")]
    return "\n".join(join_blocks(blocks)) + "\n"


class _WhoPage(Page):
    """The blocks that only this question has."""

    __slots__ = ()

    def copies(self, loaded: LoadedMap, copies: Sequence[LoadedCopy], library: str) -> list[str]:
        number = sum(copy.path is not None for copy in copies)
        copies_text = "1 copy" if number == 1 else f"{number:,} copies"
        title = f"{loaded.layout.label}: {copies_text} of `{library}`"
        users = {id(copy): _projects(loaded, copy) for copy in copies}
        if (sharing := _sharing(copies, users)) is not None:
            title += f"; {sharing}"
        rows = sorted(
            {row for copy in copies for row in _answers(copy, users[id(copy)])},
            key=lambda row: tuple(map(natural, row)),
        )
        lines = [self.paint(line, bold=True) for line in self.wrap(title, "", "  ")]
        lines += columns(rows, width=self.width, whole=self.verbose)
        for copy in copies:
            lines += ["", *self.copy(copy)]
        return lines

    def copy(self, copy: LoadedCopy) -> list[str]:
        lines = [f"  {self.paint(printable(copy.path or copy.wanted), 'cyan')}"]
        if copy.distribution is not None and copy.file is not None:
            how = ", linked into it statically" if copy.static else ""
            size = bytes_text(copy.file.size)
            lines += self.wrap(f"of {copy.distribution.label}, {size}{how}", "    ")
        for text in copy.says:
            lines += self.wrap(text, "    ", "      ")
        if copy.static:
            return lines
        if not copy.links:
            return [*lines, "    nobody asks for it by name"]
        if copy.path is None:
            lines.append(f"    {_absent(copy)}; asked for by:")
        links = sorted(copy.links, key=lambda link: natural(link.user))
        shown = links if self.verbose else links[:_SHOWN_USERS]
        lines += columns(
            [(printable(link.user), self.how(link)) for link in shown],
            width=self.width,
            indent="      ",
            whole=self.verbose,
        )
        left = len(links) - len(shown)
        return [*lines, f"      … and {left:,} more; `-v` lists them"] if left else lines

    def how(self, link: Link) -> str:
        """Through what the loader gets there."""
        if link.through is None:
            return link.found.value if link.path is not None else ""
        whose = "" if link.owner in (None, link.user) else f" of {short_path(link.owner or '')}"
        return printable(f"{link.found.value} {link.through}{whose}")


def _absent(copy: LoadedCopy) -> str:
    found = copy.links[0].found
    words = {
        Found.MISSING: "nobody here provides it",
        Found.OUTSIDE: "a fixed path outside",
        Found.SYSTEM: "expected of the system",
    }
    return words.get(found, found.value)


def _projects(loaded: LoadedMap, copy: LoadedCopy) -> tuple[str, ...]:
    """Whose files ask for a copy, by name and version, each once."""
    owners = (loaded.files.get(link.user) for link in copy.links)
    labels = {owner[0].label for owner in owners if owner is not None}
    return tuple(sorted(labels, key=natural))


def _answers(copy: LoadedCopy, users: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """(Who, what it does, with which copy) for each project that has to do with it."""
    own = copy.distribution.label if copy.distribution is not None else None
    name = printable(brief_path(copy.path or copy.wanted))
    if own is not None and copy.static:
        yield printable(own), "has a copy linked in", name
    elif own is not None and not users:
        yield printable(own), "brings a copy nobody asks for", name
    for user in users:
        if copy.path is None:
            yield printable(user), f"asks for it: {_absent(copy)}", name
        elif user == own:
            yield printable(user), "loads its own", name
        else:
            yield printable(user), f"loads that of {printable(own or '')}", name


def _sharing(copies: Sequence[LoadedCopy], users: dict[int, tuple[str, ...]]) -> str | None:
    """Whether packages meet in one copy; None where at most one loads any."""
    shared = [users[id(copy)] for copy in copies if len(users[id(copy)]) > 1 and copy.path]
    if shared:
        return "; ".join(f"{listed(one, 4)} share one" for one in shared)
    loading = {user for copy in copies if copy.path is not None for user in users[id(copy)]}
    return "no two packages load the same one" if len(loading) > 1 else None
