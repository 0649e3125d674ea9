"""The cost of hostile letters: ``python -m bench.hostile [KIND …]`` prints seconds of a processor and memory of each.

The letters are those of the tests (:mod:`tests.support.hostile_letters`); each is checked in a process of its own,
ended after 20 seconds. Read the memory beside that of an ordinary letter: most of it is Python and its libraries.
"""

from __future__ import annotations

import json
import subprocess
import sys

from tests.support.hostile_letters import KINDS


def main() -> int:
    """Measure and print, the dearest at the end; 1 if one ended badly."""
    rows = []
    for kind in sys.argv[1:] or ["fine", *KINDS]:
        command = [sys.executable, "-m", "tests.support.hostile_run", kind]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        for line in done.stdout.splitlines():
            row = json.loads(line)
            rows.append(row)
            print(f"{kind:10} {row['name']:56} {row['seconds']:6.2f} s {row['memory']:5} MiB  {row['how']}", flush=True)
    worst = sorted(rows, key=lambda row: -row["seconds"])[:5]
    most = max(row["memory"] for row in rows)
    print(f"{len(rows)} letters; the most memory: {most} MiB; the longest:")
    for row in worst:
        print(f"  {row['seconds']:.2f} s  {row['name']}")
    return 1 if any(row["how"] in ("crash", "killed", "error") for row in rows) else 0


if __name__ == "__main__":
    raise SystemExit(main())
