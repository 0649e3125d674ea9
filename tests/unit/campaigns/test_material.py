"""A campaign file and what lies beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from campaigns.material import Folder, differences, load
from mailer.errors import InputError

HEAD = "---\nslug: a\nsubject: S\nfrom: VNG <info@vng.nl>\nlanguage: nl\ntopic: t\n---\n"


def write(folder: Path, body: str = "Tekst") -> Path:
    path = folder / "a.md"
    path.write_text(HEAD + body, "utf-8")
    return path


def test_only_pictures_that_the_text_names_or_means_are_read(tmp_path: Path) -> None:
    for name in ("foto.png", "fotos.png", "ander.jpg"):
        (tmp_path / name).write_bytes(b"x")
    assert list(Folder(tmp_path, "![alt](foto.png)")) == ["foto.png"]
    assert list(Folder(tmp_path, "![alt](fotoo.png)")) == ["foto.png"]


@pytest.mark.parametrize("name", ["../geheim.png", "/etc/hostname", "link.png", ""])
def test_nothing_outside_the_folder_is_read(tmp_path: Path, name: str) -> None:
    (tmp_path / "geheim.png").write_bytes(b"x")
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "link.png").symlink_to(tmp_path / "geheim.png")
    with pytest.raises(KeyError):
        Folder(folder, name)[name]


def test_a_file_that_is_not_there_or_not_utf8_is_told_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no such file"):
        load(tmp_path / "b.md")
    path = write(tmp_path)
    path.write_bytes(path.read_bytes() + "é".encode("latin-1"))
    with pytest.raises(InputError, match=r"a\.md:8: found the byte 0xE9; expected text in UTF-8"):
        load(path)


def test_the_same_material_does_not_differ(tmp_path: Path) -> None:
    material = load(write(tmp_path))
    assert differences(material, material.definition.source, material.parts()) == ""


def test_a_changed_line_a_changed_picture_and_a_changed_brand_are_named(tmp_path: Path) -> None:
    (tmp_path / "foto.png").write_bytes(b"one")
    (tmp_path / "brand.toml").write_text('name = "VNG"\n')
    before = load(write(tmp_path, "![alt](foto.png)"), tmp_path / "brand.toml")
    source, parts = before.definition.source, before.parts()
    (tmp_path / "foto.png").write_bytes(b"two")
    (tmp_path / "brand.toml").write_text('name = "VNG!"\n')
    after = load(write(tmp_path, "Nieuw\n\n![alt](foto.png)"), tmp_path / "brand.toml")
    said = differences(after, source, parts)
    assert "+Nieuw" in said
    assert "brand is not what it was at launch" in said
    assert "image foto.png is not what it was at launch" in said
