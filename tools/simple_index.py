"""A private index of packages for pip, pipx and uv: ``python -m tools.simple_index FOLDER [LOCK]``.

Writes ``FOLDER/simple`` for the wheels in a folder: a page of each package, with the SHA-256 of each file (the *simple*
form of PyPA's *simple repository API*), which any web server can serve. With a lock it also writes a file for ``pip
install --require-hashes``, ``FOLDER/requirements.txt``: the lock and this wheel of Postiljon, all with hashes. Pages
that exist are replaced; the wheels stay as they are.
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Iterator
from html import escape
from pathlib import Path
from urllib.parse import quote

PRODUCT = "postiljon"


def normal(name: str) -> str:
    """Return the name of a package as an index has it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def checksum(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write(folder: Path) -> Iterator[Path]:
    """Write the pages; yield each. Raises ``OSError``."""
    packages: dict[str, list[Path]] = {}
    for wheel in sorted(folder.glob("*.whl")):
        packages.setdefault(normal(wheel.name.partition("-")[0]), []).append(wheel)
    yield _page(folder / "simple", [(name, f"{name}/") for name in packages])
    for name, wheels in packages.items():
        links = [(wheel.name, f"../../{quote(wheel.name)}#sha256={checksum(wheel)}") for wheel in wheels]
        yield _page(folder / "simple" / name, links)


def _page(folder: Path, links: list[tuple[str, str]]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    body = "".join(f'<a href="{escape(target)}">{escape(text)}</a><br>\n' for text, target in links)
    page = folder / "index.html"
    page.write_text(f"<!DOCTYPE html>\n<title>{escape(folder.name)}</title>\n{body}", "utf-8")
    return page


def with_product(lock: Path, folder: Path) -> Path:
    """Write the lock together with the newest wheel of Postiljon in the folder; return the file."""
    wheel = max(folder.glob(f"{PRODUCT}-*.whl"), key=lambda path: path.stat().st_mtime)
    version = wheel.name.split("-")[1]
    text = f"{lock.read_text('utf-8').rstrip()}\n{PRODUCT}=={version} \\\n    --hash=sha256:{checksum(wheel)}\n"
    path = folder / "requirements.txt"
    path.write_text(text, "utf-8")
    return path


def main(arguments: list[str]) -> int:
    """Write an index, and the file of requirements where a lock is named. Returns the exit code."""
    if not 1 <= len(arguments) <= 2 or not list(Path(arguments[0]).glob(f"{PRODUCT}-*.whl")):
        print("usage: python -m tools.simple_index FOLDER [LOCK]; FOLDER has the wheel that 'make wheel' built")
        return 2
    folder = Path(arguments[0])
    for page in write(folder):
        print(page)
    if arguments[1:]:
        print(with_product(Path(arguments[1]), folder))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
