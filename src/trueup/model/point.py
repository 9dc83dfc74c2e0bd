"""One environment of a space, with everything that can be said of it."""

from __future__ import annotations

from dataclasses import dataclass

from .interpreter import Interpreter, Minor
from .platform import Host

__all__ = ["LAST_LINUX2", "Point", "minor_of"]

LAST_LINUX2: Minor = (3, 2)
"""Up to this Python `sys.platform` was `linux2` on Linux."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One environment: ``python`` is the representative ``major.minor.patch``."""

    python: str
    interpreter: Interpreter
    host: Host
    free: tuple[tuple[str, str], ...] = ()

    def environment(self) -> dict[str, str]:
        """Values for every marker variable but `extra`."""
        minor = ".".join(self.python.split(".")[:2])
        values = {
            "python_version": minor,
            "python_full_version": self.python,
            "implementation_name": self.interpreter.name,
            "implementation_version": self.python,
            "platform_python_implementation": self.interpreter.implementation,
            "sys_platform": self.host.platform.sys_platform,
            "platform_system": self.host.platform.platform_system,
            "os_name": self.host.platform.os_name,
            "platform_machine": self.host.machine,
            "platform_release": "",
            "platform_version": "",
        }
        if values["sys_platform"] == "linux" and minor_of(self.python) <= LAST_LINUX2:
            values["sys_platform"] = "linux2"
        return values | dict(self.free)

    @property
    def tag_part(self) -> str:
        """What no marker shows of this environment, in words; empty if nothing matters."""
        return ", ".join(words for words in (self.interpreter.words, self.host.words) if words)

    @property
    def words(self) -> str:
        """``Linux x86_64, Python 3.10`` and the implementation where it is not CPython."""
        parts = [f"{self.host.platform.words} {self.host.machine}", f"Python {self.python}"]
        if self.interpreter.name != "cpython":
            parts.append(self.interpreter.implementation)
        parts += (f"{name} `{value}`" for name, value in self.free)
        return ", ".join(parts)


def minor_of(python: str) -> Minor:
    """``3.12.1`` → (3, 12)."""
    major, minor, *_ = python.split(".")
    return int(major), int(minor)
