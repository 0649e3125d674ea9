"""How much of a relay's (or a domain's) capacity real senders use, and how much it refuses: ``python -m bench.slowed``.

A scripted server takes a number a second and answers the others with 454; senders are processes of their own. Only the
server counts. Each row: what it takes, how many senders, accepted and refused in the first and the last half, and what
became of the letters. ``--only NAME`` chooses a row, ``--json`` prints values.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from mailer.storage import Database, open_database
from tests.support.sending import sendable
from tests.support.sending_db import counts, person
from tests.support.smtpd import Limit, smtp_server
from tests.support.tables import create_all
from tests.support.waiting import until

TOO_FAST = "454 4.7.0 Too many messages, slow down"


@dataclass(frozen=True)
class Case:
    """``number`` letters a second are taken, at the relay or for one domain among others; for ``seconds``."""

    name: str
    number: float
    letters: int = 1500
    seconds: float = 20.0
    senders: int = 1
    smooth: bool = True
    depth: float = 1.0  # seconds' worth in store
    domain: bool = False
    text: str = TOO_FAST


CASES = (
    Case("relay 14/s", 14, depth=1.0),
    Case("relay 14/s each second", 14, smooth=False),
    Case("relay 14/s, tight", 14, depth=0.08),
    Case("relay 14/s, two senders", 14, senders=2),
    Case("domain 600/min", 10, letters=3000, domain=True),
    Case("domain 600/min, two senders", 10, letters=3000, domain=True, senders=2),
    Case("relay 300/s", 300, letters=12_000),
    Case("relay 300/s, two senders", 300, letters=12_000, senders=2),
)


async def measure(case: Case, folder: Path) -> dict[str, object]:
    """Run it; what the server counted."""
    database = create_all(open_database(f"sqlite:///{folder}/postiljon.db"))
    people = [person(n, f"d{n % 40}.example") for n in range(1, case.letters + 1)]
    if case.domain:
        people = [person(n, "one.example" if n % 2 else f"d{n % 40}.example") for n in range(1, case.letters + 1)]
    mailing = sendable(database, people)
    limit = Limit(case.text, case.number, 1.0, case.smooth, max(1.0, case.number * case.depth))
    if case.domain:
        limit.recipient = "@one.example"
    async with smtp_server(keep=False) as server:
        server.limits.append(limit)
        senders = [await _sender(folder, server.port, mailing) for _ in range(case.senders)]
        await until(lambda: limit.taken, 60)
        seen = []
        for _ in range(2):
            await asyncio.sleep(case.seconds / 2)
            seen.append((limit.taken, limit.refused))
        for sender in senders:
            sender.terminate()
        for sender in senders:
            await sender.wait()
        return _row(case, seen, database, mailing)


def _row(case: Case, seen: list[tuple[int, int]], database: Database, mailing: int) -> dict[str, object]:
    (half, refused_half), (taken, refused) = seen
    found = counts(database, mailing)
    database.close()
    late, late_refused = taken - half, refused - refused_half
    return asdict(replace(case)) | {
        "taken": taken,
        "refused": refused,
        "taken_late": late,
        "refused_late": late_refused,
        "used_late": round(late / (case.number * case.seconds / 2), 3),
        "refused_share_late": round(late_refused / max(1, late + late_refused), 3),
        "others_accepted": found.get("accepted", 0) - taken if case.domain else None,
        "put_off": found.get("retry", 0),
    }


async def _sender(folder: Path, port: int, mailing: int) -> asyncio.subprocess.Process:
    command = ["-m", "tests.chaos.child", f"sqlite:///{folder}/postiljon.db", str(folder), str(port), str(mailing)]
    command += [str(folder / "pid"), "--connections", "10", "--window", "40"]
    return await asyncio.create_subprocess_exec(sys.executable, *command)


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    for case in CASES:
        if arguments.only in ("", case.name):
            with tempfile.TemporaryDirectory() as folder:
                row = asyncio.run(measure(case, Path(folder)))
            if arguments.json:
                print(json.dumps(row))
            else:
                print(
                    f"{case.name:32} taken {row['taken']:6} refused {row['refused']:5} | second half: used "
                    f"{row['used_late']:.2f} refused {row['refused_share_late']:.1%} | put off {row['put_off']} "
                    f"others {row['others_accepted']}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
