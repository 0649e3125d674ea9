"""Runs the command of a unit with the unit's own limits, without systemd: ``python -m tests.support.confined UNIT``.

As root, in a mount namespace of its own. Applied as systemd does, from the lines of the unit: user and group, umask,
open files, no new privileges, an empty set of capabilities, a filter of system calls (libseccomp, the groups from
``systemd-analyze syscall-filter``) with the allowed address families, no memory that is both writable and executable
(PR_SET_MDWE of the kernel), the whole tree read-only except ``ReadWritePaths``, private ``/tmp``, no homes, ``/proc``
with nothing but the processes of this user.

Stricter than systemd in one point: a system call outside the filter kills the process instead of failing, so that none
can go unnoticed. Not applied: private devices, namespaces of IPC and of users, and what the kernel settings protect.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import resource
import subprocess
import sys
from pathlib import Path

from tests.support.own_machine import in_unit, words_of

NO_NEW_PRIVILEGES, MDWE, DROP_BOUNDING = 38, 65, 24  # prctl
REFUSE_GAIN = 1  # PR_MDWE_REFUSE_EXEC_GAIN
KILL, ALLOW, EQUAL = 0x80000000, 0x7FFF0000, 4  # libseccomp
FAMILIES = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10}
LIBC = ctypes.CDLL(None, use_errno=True)


class Compared(ctypes.Structure):
    """One argument of a system call, and its value: ``struct scmp_arg_cmp``."""

    _fields_ = (
        ("arg", ctypes.c_uint),
        ("op", ctypes.c_int),
        ("value", ctypes.c_uint64),
        ("mask", ctypes.c_uint64),
    )


def allowed(unit: str) -> set[str]:
    """The system calls that a unit allows."""
    found: set[str] = set()
    for line in in_unit(unit, "SystemCallFilter"):
        calls = {call for group in line.removeprefix("~").split() for call in _calls(group)}
        found = found - calls if line.startswith("~") else found | calls
    return found


def _calls(group: str) -> set[str]:
    """The calls in a group, and in the groups in it."""
    if not group.startswith("@"):
        return {group}
    said = subprocess.run(["systemd-analyze", "syscall-filter", group], capture_output=True, text=True, check=True)
    words = [line.strip() for line in said.stdout.splitlines()[1:] if line.strip() and "#" not in line]
    return {call for word in words for call in (_calls(word) if word.startswith("@") else {word})}


def filtered(names: set[str], families: list[str]) -> None:
    """Allow these system calls, and sockets of these families; all else kills."""
    library = ctypes.CDLL("libseccomp.so.2")
    library.seccomp_init.restype = ctypes.c_void_p
    library.seccomp_init.argtypes = [ctypes.c_uint32]
    library.seccomp_load.argtypes = [ctypes.c_void_p]
    library.seccomp_rule_add_array.argtypes = [
        *(ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint, ctypes.POINTER(Compared))
    ]
    context = library.seccomp_init(KILL)
    for name in names - {"socket"}:
        number = library.seccomp_syscall_resolve_name(name.encode())
        if number >= 0:  # else it is of another architecture
            assert library.seccomp_rule_add_array(context, ALLOW, number, 0, None) == 0, name
    socket = library.seccomp_syscall_resolve_name(b"socket")
    for family in families:
        compared = Compared(0, EQUAL, FAMILIES[family], 0)
        assert library.seccomp_rule_add_array(context, ALLOW, socket, 1, ctypes.byref(compared)) == 0
    assert library.seccomp_load(context) == 0


def mounted(unit: str) -> None:
    """The files as the unit shows them: read-only but for its own folders."""
    own = [folder for line in in_unit(unit, "ReadWritePaths") for folder in line.split()]
    for folder in own:
        _mount("--bind", folder, folder)
    for folder in ("/tmp", "/var/tmp"):
        _mount("-t", "tmpfs", "own", folder)
    for folder in ("/home", "/root"):
        _mount("-t", "tmpfs", "-o", "ro,mode=000", "own", folder)
    open_to_it = (*own, "/tmp", "/var/tmp", "/dev", "/proc", "/sys")
    for line in Path("/proc/self/mounts").read_text("utf-8").splitlines():
        place = line.split()[1].encode().decode("unicode_escape")
        if not any(place == each or place.startswith(f"{each}/") for each in open_to_it):
            subprocess.run(
                ["mount", "-o", "remount,bind,ro", place], capture_output=True, check=False
            )  # shadowed ones fail
    _mount("-t", "proc", "-o", "hidepid=invisible,subset=pid", "own", "/proc")


def _mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True)


def _prctl(option: int, value: int) -> None:
    if LIBC.prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), f"prctl {option}")


def main() -> None:
    """Confine this process, and become the command."""
    unit = Path(sys.argv[1]).read_text("utf-8")
    words = words_of(unit)
    names, families = allowed(unit), in_unit(unit, "RestrictAddressFamilies")[0].split()
    [limit] = in_unit(unit, "LimitNOFILE")
    user = pwd.getpwnam(in_unit(unit, "User")[0])
    mounted(unit)
    os.chdir(in_unit(unit, "WorkingDirectory")[0])
    os.umask(int(in_unit(unit, "UMask")[0], 8))
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(1024, int(limit)), int(limit)))
    last = int(Path("/proc/sys/kernel/cap_last_cap").read_text()) if Path("/proc/sys").exists() else 40
    for number in range(last + 1):
        _prctl(DROP_BOUNDING, number)
    os.setgroups([])
    os.setresgid(user.pw_gid, user.pw_gid, user.pw_gid)
    os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)
    _prctl(NO_NEW_PRIVILEGES, 1)
    _prctl(MDWE, REFUSE_GAIN)
    filtered(names, families)
    os.execve(words[0], words, {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"})


if __name__ == "__main__":
    main()
