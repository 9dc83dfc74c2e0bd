"""Libraries that a wheel may expect of the system, and whether they are always there.

Sources: PEP 600 and the policies of the manylinux and musllinux images (what a wheel may link to);
macOS' own libraries (below `/usr/lib` and `/System`); the DLLs of a plain Windows and of CPython.
"""

from __future__ import annotations

import re

from trueup.model.library import BinaryFormat

__all__ = ["is_base", "is_system"]

# The C and C++ run-time of every glibc or musl system.
_BASE = re.compile(
    r"(?:ld-linux[-\w]*|ld64|ld-musl-\w+|libc\.musl-\w+|lib(?:c|m|dl|rt|util|pthread|resolv|anl"
    r"|BrokenLocale|gcc_s|stdc\+\+|mvec))\.so(?:\.\d+)*",
    re.ASCII,
)
# Allowed by the policies, or the dispatcher of a driver, and missing in many containers; libpython
# is there only if the interpreter was built as a shared library.
_ALLOWED = re.compile(
    r"lib(?:z|expat|atomic|X11|Xext|Xrender|ICE|SM|GL|EGL|OpenGL|GLdispatch|gobject-2\.0"
    r"|gthread-2\.0|glib-2\.0|python[\d.]+[dt]?)\.so(?:\.\d+)*|libnsl\.so\.1",
    re.ASCII,
)
_MACOS = ("/usr/lib/", "/System/Library/", "/System/iOSSupport/")
_PYTHON_FRAMEWORK = re.compile(
    r"(?:.*/)?Python(?:T)?\.framework/Versions/[^/]+/PythonT?|.*/libpython[\d.]+t?\.dylib"
)
_DLL_SETS = re.compile(r"(?:api-ms-win-|ext-ms-|python3\d*t?\.dll|vcruntime140)", re.I)
_DLLS = re.compile(
    r"(?:advapi32|avicap32|avrt|bcrypt|bcryptprimitives|cabinet|cfgmgr32|combase|comctl32"
    r"|comdlg32|crypt32|d2d1|d3d10|d3d11|d3d12|d3d9|d3dcompiler_47|dbghelp|ddraw|dnsapi"
    r"|dsound|dwmapi|dwrite|dxgi|dxva2|evr|gdi32|gdiplus|glu32|hid|imm32|iphlpapi|kernel32"
    r"|kernelbase|ksuser|mf|mfplat|mfreadwrite|mpr|msimg32|msvcrt|mswsock|ncrypt|netapi32"
    r"|normaliz|ntdll|ole32|oleacc|oleaut32|opengl32|pdh|powrprof|propsys|psapi|rpcrt4"
    r"|secur32|setupapi|shcore|shell32|shlwapi|strmiids|synchronization|ucrtbase|user32"
    r"|userenv|usp10|uxtheme|version|wevtapi|windowscodecs|winhttp|wininet|winmm|winscard"
    r"|winspool|wintrust|wldap32|ws2_32|wsock32|wtsapi32)\.(?:dll|drv)",
    re.I,
)


def is_base(name: str, kind: BinaryFormat) -> bool:
    """Whether every system that can run the wheel at all has this library."""
    if kind is BinaryFormat.ELF:
        return _BASE.fullmatch(name) is not None
    return is_system(name, kind)


def is_system(name: str, kind: BinaryFormat) -> bool:
    """Whether the platform's policy lets a wheel leave this library to the system."""
    match kind:
        case BinaryFormat.ELF:
            return bool(_BASE.fullmatch(name) or _ALLOWED.fullmatch(name))
        case BinaryFormat.MACHO:
            return name.startswith(_MACOS) or _PYTHON_FRAMEWORK.fullmatch(name) is not None
        case BinaryFormat.PE:
            return bool(_DLL_SETS.match(name) or _DLLS.fullmatch(name))
