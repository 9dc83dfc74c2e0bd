"""A filter of system calls: whoever runs under it makes no namespaces and mounts nothing.

A namespace of its own would give a process a file system without the limits of ours.
"""

from __future__ import annotations

import errno
import struct
from dataclasses import dataclass

__all__ = ["namespace_filter"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Machine:
    """The numbers of one architecture (`linux/audit.h`, its table of system calls)."""

    audit: int
    clone: int
    unshare: int
    setns: int
    mount: int


_MACHINES = {
    "x86_64": _Machine(audit=0xC000003E, clone=56, unshare=272, setns=308, mount=165),
    "aarch64": _Machine(audit=0xC00000B7, clone=220, unshare=97, setns=268, mount=40),
}
# The calls that are newer than the split of the tables have one number everywhere.
_CLONE3, _FSOPEN, _FSMOUNT, _OPEN_TREE, _MOVE_MOUNT = 435, 430, 432, 428, 429
_NEW_NAMESPACE = 0x7E020000
"""CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET in one mask."""
_X32 = 0x40000000

# Offsets in `struct seccomp_data`; the low half of the first argument (little endian).
_NUMBER, _AUDIT, _ARGUMENT = 0, 4, 16
_LOAD, _EQUAL, _AT_LEAST, _BITS, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _ERROR = 0x7FFF0000, 0x00050000


def namespace_filter(machine: str) -> bytes | None:
    """The filter as classic BPF, for the ``machine`` that `uname` gives; None for one unknown here.

    `clone3` hides its flags from filters, so it does not exist (ENOSYS): the C library then uses
    `clone`, whose flags are looked at. Calls of another architecture are refused as a whole.
    """
    known = _MACHINES.get(machine)
    if known is None:
        return None
    refuse, missing = _ERROR | errno.EPERM, _ERROR | errno.ENOSYS
    forbidden = (known.setns, known.mount, _FSOPEN, _FSMOUNT, _OPEN_TREE, _MOVE_MOUNT)
    code = [
        _step(_LOAD, _AUDIT),
        *_unless(_EQUAL, known.audit, refuse),
        _step(_LOAD, _NUMBER),
        *_when(_AT_LEAST, _X32, refuse),
        *_when(_EQUAL, _CLONE3, missing),
    ]
    for number in forbidden:
        code += _when(_EQUAL, number, refuse)
    for number in (known.clone, known.unshare):
        # Three steps follow if it is this call: look at its flags, refuse, or allow.
        code += [_step(_EQUAL, number, 0, 4), _step(_LOAD, _ARGUMENT)]
        code += [*_when(_BITS, _NEW_NAMESPACE, refuse), _step(_RETURN, _ALLOW)]
    code.append(_step(_RETURN, _ALLOW))
    return b"".join(code)


def _step(operation: int, value: int, yes: int = 0, no: int = 0) -> bytes:
    """One instruction (`struct sock_filter`); ``yes`` and ``no`` are steps to skip."""
    return struct.pack("=HBBI", operation, yes, no, value)


def _when(test: int, value: int, answer: int) -> list[bytes]:
    return [_step(test, value, 0, 1), _step(_RETURN, answer)]


def _unless(test: int, value: int, answer: int) -> list[bytes]:
    return [_step(test, value, 1, 0), _step(_RETURN, answer)]
