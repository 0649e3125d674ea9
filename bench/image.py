"""The image of the container: its size, its layers, and how long until the first 200 of ``/health``.

``sudo python -m bench.image [--times 5] [--image postiljon] [-- WORD …]``. In turns with the container runs the same
command as a plain process of this tree, each at its first start (an empty data folder). Words behind ``--`` are
further ones for ``podman run``, such as ``--runtime=crun``. Prints medians, the least, and the median of the ratios,
turn by turn.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Sequence

from bench.harness import ROOT

PORT = "8997"
COMMAND = ("serve", "--init", "--host", "127.0.0.1", "--port", PORT)
LIMITS = ("--read-only", "--tmpfs=/tmp", "--cap-drop=all", "--security-opt=no-new-privileges", "--network=host")
LONGEST = 120.0  # seconds


def until_healthy(command: Sequence[str], env: dict[str, str]) -> float:
    """Seconds from the start of a process until ``/health`` answers 200; the process is then ended in order."""
    began = time.monotonic()
    process = subprocess.Popen(
        command, env=env, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )  # a runtime may give its standard input to the container's user: never the machine's null device
    try:
        while not _is_healthy():
            if process.poll() is not None or time.monotonic() - began > LONGEST:
                raise RuntimeError(f"it did not start: {command}")
            time.sleep(0.01)
        return time.monotonic() - began
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(LONGEST)


def _is_healthy() -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def contained(image: str, more: Sequence[str]) -> float:
    """One first start of the container, on a volume of its own."""
    name = f"bench-{os.getpid()}"
    volume = f"--volume={name}:/var/lib/postiljon"
    try:
        return until_healthy(["podman", "run", "--rm", volume, *LIMITS, *more, image, *COMMAND], dict(os.environ))
    finally:
        subprocess.run(["podman", "volume", "rm", "--force", name], capture_output=True, check=False)


def plain() -> float:
    """One first start of the same command of this tree."""
    folder = tempfile.mkdtemp()
    try:
        env = {key: value for key, value in os.environ.items() if not key.startswith("POSTILJON_")}
        return until_healthy([sys.executable, "-m", "campaigns", *COMMAND], env | {"POSTILJON_DATA": folder})
    finally:
        shutil.rmtree(folder)


def layers(image: str) -> None:
    """Print the size of the image and of each layer that has one."""
    said = subprocess.run(["podman", "history", "--format=json", "--no-trunc", image], capture_output=True, check=True)
    sizes = [(int(layer["size"]), layer["CreatedBy"]) for layer in json.loads(said.stdout) if int(layer["size"])]
    print(f"{image}: {sum(size for size, _ in sizes) / 1e6:.0f} MB")
    for size, made_by in reversed(sizes):
        print(f"  {size / 1e6:8.1f} MB  {' '.join(made_by.split())[:90]}")


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.image", description=__doc__)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--image", default="localhost/postiljon")
    parser.add_argument("words", nargs="*", help="further words for podman run, behind --")
    given = parser.parse_args()
    layers(given.image)
    turns = [(contained(given.image, given.words), plain()) for _ in range(given.times)]
    for name, values in zip(("container", "plain process"), zip(*turns, strict=True), strict=True):
        print(f"{name:14} {statistics.median(values):6.2f} s (median of {len(values)}), least {min(values):.2f} s")
    print(f"{'ratio':14} {statistics.median(one / other for one, other in turns):6.2f} (median, turn by turn)")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
