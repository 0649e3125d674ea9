"""The file of settings and the files that settings name, put back where there is none of that name.

Promises: no file that is there is replaced. One with other content is put beside it, with ``.from-backup`` behind its
name, and a number where that name is taken too. No path comes out of the archive: a file goes to the path in the
settings in force, and with settings out of the archive only below their own folder or the data folder. All others go to
``from-backup`` in the data folder.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from campaigns.ops.backup import maintenance
from campaigns.ops.backup import manifest as manifests
from campaigns.ops.backup.archive import Opened
from campaigns.ops.backup.manifest import Entry
from campaigns.ops.restore.place import Place
from mailer import files, settings_file
from mailer.settings_base import environment

BESIDE, ASIDE = ".from-backup", "from-backup"


@dataclass(frozen=True, slots=True)
class PutBack:
    """A file of the archive, and where it is now. ``in_place``: where the settings name it."""

    path: Path
    in_place: bool


def put_settings(opened: Opened) -> Path | None:
    """Write the archive's file of settings where no file is in use; return it, if it was written now."""
    path = settings_file.in_use()
    if opened.manifest.entry(manifests.SETTINGS) is None or path.exists():
        return None
    with maintenance.disk_errors(path):
        files.make_folder(path.parent)
        _copy(opened.member(manifests.SETTINGS), path)
    return path


def are_settings_of(opened: Opened) -> bool:
    """Return whether the file of settings in use is that of the archive."""
    return opened.manifest.entry(manifests.SETTINGS) is not None and _same(
        opened.member(manifests.SETTINGS), settings_file.in_use()
    )


def put_back(opened: Opened, place: Place, are_ours: bool) -> list[PutBack]:
    """Put every file back. ``are_ours``: the settings in force are of this machine, not out of the archive."""
    done = []
    if opened.manifest.entry(manifests.SETTINGS):
        done.append(_put(opened.member(manifests.SETTINGS), settings_file.in_use(), place.data))
    for entry in opened.manifest.entries:
        if entry.name.startswith("files/"):
            target = _named(entry, opened, place)
            allowed = target if target and (are_ours or _is_below(target, place.data)) else None
            done.append(_put(opened.member(entry.name), allowed, place.data))
    return done


def _named(entry: Entry, opened: Opened, place: Place) -> Path | None:
    """Return where the settings in force name a file."""
    keys = settings_file.load()
    values = {**(keys.values if keys else {}), **environment()}
    if entry.setting != manifests.PICTURE:
        found = values.get(entry.setting)
        return Path(found) if isinstance(found, str) and found else None
    brand = place.settings.campaign.brand
    archived = next((one for one in opened.manifest.entries if one.setting == "brand"), None)
    if brand is None or archived is None or not (entry.original and archived.original):
        return None
    name = os.path.relpath(entry.original, os.path.dirname(archived.original))
    try:
        files.beside(brand.parent, name)
    except (OSError, ValueError):
        return None
    return brand.parent / name


def _is_below(path: Path, data: Path) -> bool:
    """Return whether a path lies below the folder of settings or the data folder, with every link followed."""
    real = os.path.realpath(path)
    roots = (os.path.realpath(settings_file.in_use().parent), os.path.realpath(data))
    return any(os.path.commonpath([root, real]) == root for root in roots)


def _put(source: Path, target: Path | None, data: Path) -> PutBack:
    """Put one file into its place if that is free, else beside it."""
    if target is not None:
        if target.exists() and _same(source, target):
            return PutBack(target, in_place=True)
        is_free = not os.path.lexists(target)
        try:
            files.make_folder(target.parent)
            wanted = target if is_free else _put_once(source, target.with_name(target.name + BESIDE))
            if is_free:
                _copy(source, wanted)
            return PutBack(wanted, in_place=is_free)
        except OSError:  # a folder of another user: aside, and told
            pass
    aside = data / ASIDE / source.name
    with maintenance.disk_errors(aside):
        files.make_folder(aside.parent)
        return PutBack(_put_once(source, aside), in_place=False)


def _put_once(source: Path, wanted: Path) -> Path:
    """Copy a file to a name that no other content has, the wanted one or one with a number; return it."""
    for number in count(1):
        path = wanted if number == 1 else wanted.with_name(f"{wanted.name}.{number}")
        if not os.path.lexists(path):
            _copy(source, path)
            return path
        if _same(source, path):
            return path
    raise AssertionError


def _same(source: Path, target: Path) -> bool:
    try:
        return target.is_file() and target.read_bytes() == source.read_bytes()
    except OSError:
        return False


def _copy(source: Path, target: Path) -> None:
    with files.replaced(target) as file, source.open("rb") as data:
        shutil.copyfileobj(data, file)
