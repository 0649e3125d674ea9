"""``postiljon`` as another user of this machine: all is loaded as root, then the process becomes that user for good.

The interpreter of the tests may lie where another user cannot read it, so nothing may be loaded later. Only root can
become another user; ``CAN`` says whether this process is root.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import pwd
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from tests.support.commandline import ROOT, CommandLine, Ran
from tests.support.warm import LIBRARIES

CAN = os.geteuid() == 0
NOBODY = pwd.getpwnam("nobody").pw_uid


def run_as(uid: int, cli: CommandLine, *commands: tuple[str, ...], **more: str) -> list[Ran]:
    """Commands in the folder of ``cli``, one after another, each to its end."""
    asked = json.dumps([uid, commands, str(cli.folder), cli.env() | more])
    command = [sys.executable, "-m", "tests.support.other_user"]
    done = subprocess.run(command, check=True, cwd=ROOT, input=asked.encode(), stdout=subprocess.PIPE, timeout=240)
    return [Ran(*each) for each in json.loads(done.stdout)]


def give(uid: int, *paths: Path) -> None:
    """Make them that user's, with all that is in them."""
    for path in paths:
        for each in (path, *path.rglob("*")):
            os.chown(each, uid, -1)


def _load() -> None:
    """All modules of the product, and those that libraries and the standard library load when they are used."""
    later = ("encodings.idna", "encodings.utf_8_sig", "zoneinfo", "sqlite3", "uvicorn.protocols.http.auto", "uvloop")
    for name in (*LIBRARIES, *later, "sqlalchemy.dialects.sqlite.pysqlite", "logging.config", "multiprocessing.spawn"):
        with suppress(ImportError):
            importlib.import_module(name)
    for package in ("mailer", "unsubscribe", "templates", "campaigns"):
        for found in pkgutil.walk_packages([str(ROOT / package)], f"{package}."):
            if not found.name.endswith((".__main__", ".env")) and ".versions." not in found.name:
                importlib.import_module(found.name)


def _run(arguments: list[str]) -> tuple[int, str, str]:
    """One command in a child of this process."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = os.fork()
        if child == 0:
            os.dup2(out.fileno(), 1)
            os.dup2(err.fileno(), 2)
            sys.argv = [str(ROOT / ".venv" / "bin" / "postiljon"), *arguments]
            from campaigns.cli import main as postiljon

            postiljon()
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        out.seek(0)
        err.seek(0)
        return code, out.read().decode(), err.read().decode()


def main() -> None:
    """Become the user, and run the commands."""
    uid, commands, folder, environment = json.loads(sys.stdin.buffer.read())
    _load()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    os.setgroups([])
    os.setgid(uid)
    os.setuid(uid)
    print(json.dumps([_run(arguments) for arguments in commands]))


if __name__ == "__main__":
    main()
