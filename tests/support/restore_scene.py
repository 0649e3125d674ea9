"""An installation with a backup and a later opt-out, for the tests of ``postiljon restore``."""

from __future__ import annotations

from pathlib import Path

from tests.support.databases import PostgresServer
from tests.support.installed import Installed, installed, place

EARLY, LATE = 3, 4  # who left before the backup, and after it


class Scene:
    """An installation of which a backup was made, after which a reader left; the journal was saved."""

    def __init__(self, folder: Path, server: PostgresServer | None) -> None:
        self.server = server
        self.installation = installed(folder, server)
        self.installation.leave(EARLY)
        self.archive = folder / self.installation.do("backup", "--json").json["archive"]
        self.installation.leave(LATE)
        self.journal = self.installation.data / "journal"

    def empty(self, folder: Path) -> Installed:
        """Another place, with an empty database."""
        return place(folder, self.server)


def there(cli: Installed) -> dict[str, bytes]:
    """All files below a folder, with their content."""
    return {str(path): path.read_bytes() for path in cli.folder.rglob("*") if path.is_file()}


def nothing_came(cli: Installed, before: dict[str, bytes]) -> bool:
    return {name: data for name, data in there(cli).items() if not name.endswith("maintenance.lock")} == before
