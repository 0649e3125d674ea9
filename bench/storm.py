"""The row of the large storm: real senders and launches killed by SIGKILL, and what became of their letters.

``python -m tests.chaos`` does it, in a process of its own; :mod:`tests.chaos` says how, docs/chaos.md what came of it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.harness import ROOT, Row
from bench.sending import Scale

KILLS, FEW = 200, 12


def kills(scale: Scale) -> Row:
    """Letters lost, or mailed twice unasked, on SQLite and PostgreSQL; 200 kills, or 12 for a small table."""
    number = KILLS if scale.letters >= 50_000 else FEW
    with tempfile.TemporaryDirectory(prefix="postiljon-storm-") as folder:
        record = Path(folder) / "storm.json"
        command = [sys.executable, "-m", "tests.chaos", "--kills", str(number), "--json", str(record)]
        subprocess.run(command, cwd=ROOT, check=False, stdout=subprocess.DEVNULL)
        found = json.loads(record.read_text())
    storms = found["storms"]
    letters = sum(storm["letters"] for storm in storms)
    wrong = sum(len(storm[kind]) for storm in storms for kind in ("lost", "twice", "changed", "wrongs"))
    worst = max(storm["worst"] for storm in storms)
    return Row(
        f"{sum(storm['all_kills'] for storm in storms)} kills with SIGKILL: lost, or twice unasked",
        "letters",
        wrong,
        "letters",
        letters,
        wrong / letters,
        "0",
        all(storm["good"] for storm in storms),
        f"seed {found['seed']}; at most {worst} in doubt by one kill, the window is {max(s['window'] for s in storms)}",
    )
