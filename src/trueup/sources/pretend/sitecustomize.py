"""Runs at the start of every Python inside the sandbox, and pretends what its environment asks for.

- `TRUEUP_CLOCK`: seconds by which `time` and `datetime` go ahead of the real clock;
- `TRUEUP_PLATFORM`: `SYS_PLATFORM,SYSTEM,MACHINE`, such as `win32,Windows,AMD64`;
- `TRUEUP_BACKEND`: a module to import first, so that the backend itself sees the real platform.

What is not Python, such as the command `date`, sees the truth, and so do time stamps of files; only
the project's own code is told another `os.name`, for `pathlib` would break. That is why results
under pretence are marked as simulated. Written for any Python 3, for
it runs under the interpreters that build, not under trueup's own.
"""

import contextlib
import datetime
import importlib
import os
import platform
import sys
import sysconfig
import time
import types
from typing import Any

__all__ = ["pretend_clock", "pretend_platform"]


def pretend_clock(shift: float) -> None:
    """Let every clock of the standard library go ahead by so many seconds."""
    real_time, real_ns = time.time, time.time_ns
    real = {name: getattr(time, name) for name in ("gmtime", "localtime", "ctime")}
    strftime, asctime = time.strftime, time.asctime

    def of(name: str) -> Any:
        return lambda seconds=None: real[name](time.time() if seconds is None else seconds)

    time.time = lambda: real_time() + shift
    time.time_ns = lambda: real_ns() + int(shift * 1e9)
    for name in real:
        setattr(time, name, of(name))
    module: Any = time
    module.strftime = lambda form, *at: strftime(form, *(at or (time.localtime(),)))
    module.asctime = lambda *at: asctime(*(at or (time.localtime(),)))
    _pretend_dates()


def _pretend_dates() -> None:
    """Replace the classes, for their methods cannot be; old and new count as instances."""
    dates: Any = datetime
    real_date, real_datetime = dates.date, dates.datetime

    class OfDate(type):
        def __instancecheck__(cls, instance: object) -> bool:
            return isinstance(instance, real_date)

    class OfDatetime(type):
        def __instancecheck__(cls, instance: object) -> bool:
            return isinstance(instance, real_datetime)

    class date(real_date, metaclass=OfDate):  # type: ignore[misc,valid-type]  # noqa: N801
        @classmethod
        def today(cls) -> Any:
            return real_date.fromtimestamp(time.time())

    class datetime_(real_datetime, metaclass=OfDatetime):  # type: ignore[misc,valid-type]  # noqa: N801
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return real_datetime.fromtimestamp(time.time(), tz)

        @classmethod
        def utcnow(cls) -> Any:
            now = real_datetime.fromtimestamp(time.time(), dates.timezone.utc)
            return now.replace(tzinfo=None)

        @classmethod
        def today(cls) -> Any:
            return real_datetime.fromtimestamp(time.time())

    datetime_.__name__ = datetime_.__qualname__ = "datetime"
    dates.date, dates.datetime = date, datetime_


def pretend_platform(sys_platform: str, system: str, machine: str) -> None:
    """Let `sys.platform`, `platform` and `sysconfig` tell of another system."""
    module: Any = platform
    # These are read from a file that is named after the platform, and then kept.
    sysconfig.get_config_vars()
    sys.platform = sys_platform
    uname = platform.uname()
    release = "" if system == platform.system() else "0"
    module.system = lambda: system
    module.machine = lambda: machine
    module.processor = lambda: machine
    module.uname = lambda: uname._replace(
        system=system, machine=machine, release=release or uname.release
    )
    module.platform = lambda *_, **__: "-".join((system, release or uname.release, machine))
    _pretend_os_name("nt" if system == "Windows" else "posix")
    names = {"Windows": "win-amd64", "Darwin": "macosx-14.0-" + machine}
    place = names.get(system, "linux-" + machine)
    config: Any = sysconfig
    config.get_platform = lambda: place


def _pretend_os_name(name: str) -> None:
    """Tell another `os.name` to code below the working directory, and the truth to everyone else."""
    real = os.name

    class Os(types.ModuleType):
        @property
        def name(self) -> str:
            asking = sys._getframe(1)
            file = asking.f_globals.get("__file__") or asking.f_code.co_filename
            # Not `pathlib`: it asks for this very name.
            inside = os.path.abspath(file).startswith(os.getcwd() + os.sep)  # noqa: PTH100, PTH109
            return name if inside else real

    module: Any = os
    del module.name
    module.__class__ = Os


def _begin(environ: Any) -> None:
    if environ.get("TRUEUP_CLOCK"):
        pretend_clock(float(environ["TRUEUP_CLOCK"]))
    if environ.get("TRUEUP_PLATFORM"):
        with contextlib.suppress(ImportError):  # the hook says so itself, and better
            importlib.import_module(environ.get("TRUEUP_BACKEND") or "sys")
        pretend_platform(*environ["TRUEUP_PLATFORM"].split(","))


if __name__ == "sitecustomize":
    _begin(os.environ)
