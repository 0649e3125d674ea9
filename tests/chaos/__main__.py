"""``python -m tests.chaos --kills 200 [--databases …] [--policies …] [--seed N] [--json FILE]``.

Runs the storm, prints a summary for each database and policy, and ends with 1 when a promise was broken. ``launching``
stands beside the policies: there the command line is killed while it compiles, stores and freezes the audience.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from mailer.storage import open_database
from tests.chaos import launching
from tests.chaos.runner import Chaos, Summary, relay, storm
from tests.support.databases import postgres_server
from tests.support.tables import create_all


def run(database: str, policy: str, kills: int, seed: int) -> Summary:
    """One storm in a folder of its own."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="postiljon-chaos-")))
        if database == "sqlite":
            url = f"sqlite:///{folder}/postiljon.db"
        else:
            server = stack.enter_context(postgres_server(durable=True))
            url = server.url(server.fresh())
        if policy == "launching":
            launches = launching.Launches(url, folder, stack.enter_context(relay(folder)), people=8_000)
            return launching.storm(launches, kills, seed)
        db = create_all(open_database(url))
        stack.callback(db.close)
        chaos = Chaos(db, folder, stack.enter_context(relay(folder)), policy, letters=60 * kills + 400)
        return storm(chaos, kills, seed)


def main() -> int:
    """See the module."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="in all, spread over databases and policies")
    parser.add_argument("--databases", nargs="*", default=["sqlite", "postgresql"])
    parser.add_argument("--policies", nargs="*", default=["hold", "send_again", "launching"])
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    storms = [(database, policy) for database in arguments.databases for policy in arguments.policies]
    print(f"seed {arguments.seed}", flush=True)
    summaries = []
    for number, (database, policy) in enumerate(storms):
        share = arguments.kills // len(storms) + (number < arguments.kills % len(storms))
        begun = time.monotonic()
        summary = run(database, policy, share, arguments.seed + number)
        summaries.append(summary.as_json() | {"seconds": round(time.monotonic() - begun)})
        print(json.dumps(summaries[-1]), flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps({"seed": arguments.seed, "storms": summaries}, indent=1) + "\n")
    return 0 if all(item["good"] for item in summaries) else 1


if __name__ == "__main__":
    sys.exit(main())
