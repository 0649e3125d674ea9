"""``postiljon`` as another user of this machine: the process that has all loaded is forked, and becomes that user.

The interpreter of the tests may lie where another user cannot read it, so nothing may be loaded later: see
:func:`tests.support.warm.load`. Only root can become another user; ``CAN`` says whether this process is root.
"""

from __future__ import annotations

import os
import pwd
from pathlib import Path

from tests.support.commandline import CommandLine, Ran
from tests.support.warm import warm

CAN = os.geteuid() == 0
NOBODY = pwd.getpwnam("nobody").pw_uid


def run_as(uid: int, cli: CommandLine, *commands: tuple[str, ...], **more: str) -> list[Ran]:
    """Commands in the folder of ``cli``, one after another, each to its end."""
    return [Ran(*warm().run(command, cli.folder, cli.env() | more, 120, uid=uid)) for command in commands]


def give(uid: int, *paths: Path) -> None:
    """Make them that user's, with all that is in them."""
    for path in paths:
        for each in (path, *path.rglob("*")):
            os.chown(each, uid, -1)
