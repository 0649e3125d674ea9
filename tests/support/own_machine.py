"""A machine of the test's own: this one, with private copies of ``/etc``, ``/var`` and ``/opt`` (overlays in memory).

What a command makes there, users too, is seen by nobody else and gone at the end. Postiljon is in ``/opt/postiljon``, a
virtual environment on this interpreter, which lies where every user can read it. systemd does not run there.
Needs root, and mount namespaces.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from tests.support.commandline import ROOT, Ran
from tests.support.needs import missing, need
from tests.support.waiting import wait_until

PROGRAM = "/opt/postiljon/bin/postiljon"
INSTALL = ("service", "install", "--public-name", "mail.example.org", "--smtp-url", "smtp://relay.example.org")
_MAKE = """\
set -eu
mkdir -p /mnt && mount -t tmpfs own /mnt
mkdir /mnt/before && mount --bind / /mnt/before
for name in etc var opt; do
    mkdir -p /mnt/$name/upper /mnt/$name/work
    mount -t overlay own -o lowerdir=/$name,upperdir=/mnt/$name/upper,workdir=/mnt/$name/work /$name
done
rm -rf /etc/postiljon /var/lib/postiljon /var/backups/postiljon /opt/postiljon
mkdir -p /run/systemd && mount -t tmpfs own /run/systemd
mkdir /opt/python /opt/site /opt/checkout
mount --bind "$1" /opt/python
mount --bind "$2" /opt/site
for name in mailer unsubscribe campaigns templates tests tools examples; do
    mkdir /opt/checkout/$name && mount --bind "$3/$name" /opt/checkout/$name
done
# An interpreter with a shared library looks for it where it was built, and others may not read that.
[ ! -d /opt/python/lib ] || { echo /opt/python/lib > /etc/ld.so.conf.d/00-own.conf; ldconfig; }
/opt/python/bin/python3 -m venv --without-pip /opt/postiljon
printf '/opt/checkout\\n/opt/site\\n' > "$(echo /opt/postiljon/lib/python3*/site-packages)/here.pth"
cat > /opt/postiljon/bin/postiljon <<'END'
#!/opt/postiljon/bin/python
from campaigns.__main__ import main

if __name__ == "__main__":
    main()
END
chmod -R a+rX /opt/postiljon && chmod 755 /opt/postiljon/bin/postiljon /opt
"""
_COPY = """\
set -eu
new=/mnt/copy.$$
mkdir $new && mount -t tmpfs own $new
for name in etc var opt; do
    mkdir $new/$name $new/$name/work && cp -a /mnt/$name/upper $new/$name/
done
mkdir $new/bound && mount --rbind /opt $new/bound
for name in etc var opt; do
    mount -t overlay own -o lowerdir=/mnt/before/$name,upperdir=$new/$name/upper,workdir=$new/$name/work /$name
done
for name in python site checkout/mailer checkout/unsubscribe checkout/campaigns checkout/templates checkout/tests \
    checkout/tools checkout/examples; do
    mount --bind $new/bound/$name /opt/$name
done
mount -t tmpfs own /run/systemd
mkdir $new/before && mount --bind /mnt/before $new/before
mount --rbind $new /mnt
"""


@dataclass(frozen=True)
class OwnMachine:
    """The namespace of a process that does nothing else."""

    pid: int

    def command(self, *words: object) -> list[str]:
        """The command with which this one runs there."""
        return [need("nsenter", "util-linux"), f"--target={self.pid}", "--mount", "--wd=/", "--", *map(str, words)]

    def run(self, *words: object, stdin: str = "") -> Ran:
        """Run a command there, as root, to its end."""
        env = {name: value for name, value in os.environ.items() if not name.startswith(("POSTILJON_", "PYTHON"))}
        done = subprocess.run(
            self.command(*words),
            check=False,
            input=stdin.encode(),
            env=env | {"LC_ALL": "C.UTF-8"},
            capture_output=True,
            timeout=240,
        )
        return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())

    def do(self, *words: object, stdin: str = "") -> str:
        """One that has to work; what it said."""
        ran = self.run(*words, stdin=stdin)
        assert ran.code == 0, (words, ran)
        return ran.out

    def postiljon(self, *words: object) -> Ran:
        """Postiljon there, as root."""
        return self.run(PROGRAM, *words)

    def as_service(self, *words: object, stdin: str = "") -> str:
        """Postiljon there, as the user of the service; it has to work."""
        return self.do("runuser", "-u", "postiljon", "--", PROGRAM, *words, stdin=stdin)

    def text(self, path: str) -> str:
        """A file there."""
        return self.do("cat", path)

    def write(self, path: str, text: str) -> None:
        """Write a file there."""
        self.do("sh", "-c", f"cat > {path}", stdin=text)

    def tree(self) -> str:
        """Everything that an installation could make: names, modes, owners, sizes and hours."""
        places = ("/etc/postiljon", "/etc/postiljon-proxy", "/etc/systemd/system", "/var/lib/postiljon", "/etc/passwd")
        return self.do("find", *places, "/var/backups", "/etc/group", "-printf", "%p %M %u %g %s %T+\\n")


@contextmanager
def own_machine() -> Iterator[OwnMachine]:
    """A machine until the end of the block."""
    if os.geteuid() != 0:
        missing("root, for a namespace of its own,", "util-linux")
    sleeping = [need("unshare", "util-linux"), "--mount", "--propagation", "private", "sleep", "infinity"]
    with _apart(sleeping, os.getpid()) as made:
        python, site = sys.base_prefix, sysconfig.get_path("purelib")
        made.do("sh", "-s", "--", python, site, ROOT, stdin=_MAKE)
        yield made


@contextmanager
def copy_of(machine: OwnMachine) -> Iterator[OwnMachine]:
    """A machine with the files of another that nobody changes meanwhile, until the end of the block."""
    sleeping = machine.command("unshare", "--mount", "--propagation", "private", "sleep", "infinity")
    with _apart(sleeping, machine.pid) as made:
        made.do("sh", "-s", stdin=_COPY)
        yield made


@contextmanager
def _apart(sleeping: list[str], other: int) -> Iterator[OwnMachine]:
    """A process whose namespace is not that of another one, nor ours."""
    process = subprocess.Popen(sleeping)
    try:
        known = {os.readlink(f"/proc/{pid}/ns/mnt") for pid in (other, os.getpid())}
        wait_until(lambda: os.readlink(f"/proc/{process.pid}/ns/mnt") not in known)
        yield OwnMachine(process.pid)
    finally:
        process.kill()
        process.wait()


def words_of(unit: str) -> Sequence[str]:
    """The command in a unit."""
    [line] = [line for line in unit.splitlines() if line.startswith("ExecStart=")]
    return line.removeprefix("ExecStart=").split()


def in_unit(unit: str, key: str) -> list[str]:
    """Every value of a key in a unit, in order."""
    return [line.partition("=")[2] for line in unit.splitlines() if line.partition("=")[0] == key]
