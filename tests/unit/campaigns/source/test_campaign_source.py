"""A campaign file and what lies beside it."""

from __future__ import annotations

import os
import socket
import unicodedata
from pathlib import Path

import pytest

from campaigns.source.campaign_source import Folder, differences, from_folder, from_texts, house_brand
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
        from_folder(tmp_path / "b.md")
    path = write(tmp_path)
    path.write_bytes(path.read_bytes() + "é".encode("latin-1"))
    with pytest.raises(InputError, match=r"a\.md:8: found the byte 0xE9; expected text in UTF-8"):
        from_folder(path)


def test_the_same_material_does_not_differ(tmp_path: Path) -> None:
    material = from_folder(write(tmp_path))
    assert differences(material, material.definition.source, material.parts()) == ""


def test_a_changed_line_a_changed_picture_and_a_changed_brand_are_named(tmp_path: Path) -> None:
    (tmp_path / "foto.png").write_bytes(b"one")
    (tmp_path / "brand.toml").write_text('name = "VNG"\n')
    before = from_folder(write(tmp_path, "![alt](foto.png)"), tmp_path / "brand.toml")
    source, parts = before.definition.source, before.parts()
    (tmp_path / "foto.png").write_bytes(b"two")
    (tmp_path / "brand.toml").write_text('name = "VNG!"\n')
    after = from_folder(write(tmp_path, "Nieuw\n\n![alt](foto.png)"), tmp_path / "brand.toml")
    said = differences(after, source, parts)
    assert "+Nieuw" in said
    assert "brand is not what it was at launch" in said
    assert "image foto.png is not what it was at launch" in said


OUTSIDE = ["../brand.toml", "/etc/passwd", "/dev/zero", "/dev/tty", "/proc/self/environ", "out.toml", "in/brand.toml"]


def campaign(folder: Path, brand: str) -> Path:
    path = folder / "a.md"
    path.write_text(HEAD.replace("topic: t\n", f"topic: t\nbrand: {brand}\n") + "Tekst", "utf-8")
    return path


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_brand_that_leads_out_of_the_folder_is_a_fault_with_its_line(tmp_path: Path, name: str) -> None:
    (tmp_path / "brand.toml").write_text('name = "geheim"\n')
    folder = tmp_path / "campaign"
    folder.mkdir()
    (folder / "out.toml").symlink_to(tmp_path / "brand.toml")
    (folder / "in").symlink_to(tmp_path)
    material = from_folder(campaign(folder, name))
    assert [(fault.line, fault.field) for fault in material.faults] == [(7, "brand")]
    assert name not in ("out.toml", "in/brand.toml") or "lies outside this folder" in material.faults[0].hint
    assert material.brand.name == "VNG"
    assert material.brand_file == b""


def test_a_brand_that_is_no_ordinary_file_or_endless_is_a_fault_and_blocks_nothing(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.toml")
    (tmp_path / "folder.toml").mkdir()
    with (tmp_path / "large.toml").open("wb") as file:
        file.truncate(2_000_001)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s.toml"))
        for name, why in {
            "fifo.toml": "no ordinary file",
            "folder.toml": "no ordinary file",
            "s.toml": "No such device",
            "large.toml": "more than 100000 bytes",
            "missing.toml": "no such file",
        }.items():
            faults = from_folder(campaign(tmp_path, name)).faults
            assert [(fault.line, fault.field) for fault in faults] == [(7, "brand")]
            assert why in faults[0].hint


def test_a_brand_below_the_folder_and_a_link_that_stays_in_it_are_read(tmp_path: Path) -> None:
    (tmp_path / "huis").mkdir()
    (tmp_path / "huis" / "brand.toml").write_text('name = "Huis"\n')
    (tmp_path / "brand.toml").symlink_to("huis/brand.toml")
    named = [from_folder(campaign(tmp_path, name)).brand.name for name in ("huis/brand.toml", "brand.toml")]
    assert named == ["Huis"] * 2


@pytest.mark.parametrize("logo", ["../geheim.png", "/dev/zero", "out.png", "fifo.png"])
def test_a_logo_that_leads_out_or_blocks_is_a_fault_of_the_brand_file(tmp_path: Path, logo: str) -> None:
    (tmp_path / "geheim.png").write_bytes(b"x")
    folder = tmp_path / "campaign"
    folder.mkdir()
    (folder / "out.png").symlink_to(tmp_path / "geheim.png")
    os.mkfifo(folder / "fifo.png")
    (folder / "brand.toml").write_text(f'name = "VNG"\nlogo = "{logo}"\n')
    (fault,) = from_folder(campaign(folder, "brand.toml")).faults
    assert (fault.line, fault.field) == (2, "logo")


def test_a_picture_that_is_a_device_a_pipe_or_too_large_is_not_there(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.png")
    (tmp_path / "device.png").symlink_to("/dev/zero")
    with (tmp_path / "large.png").open("wb") as file:
        file.truncate(20_000_001)
    assert list(Folder(tmp_path, "fifo.png device.png large.png")) == []


def test_a_campaign_file_that_is_no_ordinary_file_is_told_in_a_sentence(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.md")
    for path in (tmp_path / "a.md", tmp_path, Path("/dev/zero")):
        with pytest.raises(InputError, match="no ordinary file"):
            from_folder(path)


@pytest.mark.parametrize("strange", ["/dev/zero", "."])
def test_the_brand_of_the_house_is_an_ordinary_file_too(tmp_path: Path, strange: str) -> None:
    with pytest.raises(InputError, match="no ordinary file"):
        from_folder(write(tmp_path), Path(strange))
    with pytest.raises(InputError, match="no ordinary file"):
        house_brand(Path(strange), "VNG")


@pytest.mark.parametrize(("stored", "written"), [("NFD", "NFC"), ("NFC", "NFD")])
def test_a_picture_is_found_however_its_name_spells_an_accent(tmp_path: Path, stored: str, written: str) -> None:
    name = "café één.PNG"
    (tmp_path / unicodedata.normalize(stored, name)).write_bytes(b"x")  # type: ignore[arg-type]
    wanted = unicodedata.normalize(written, name)  # type: ignore[arg-type]
    folder = Folder(tmp_path, f"![alt](<{wanted}>)")
    assert folder[wanted] == b"x"
    assert len(list(folder)) == 1


def test_texts_at_hand_give_the_same_source_as_a_folder(tmp_path: Path) -> None:
    (tmp_path / "foto.png").write_bytes(b"one")
    path = write(tmp_path, "![alt](foto.png)")
    (tmp_path / "brand.toml").write_text('name = "Huis"\n')
    folder = from_folder(path, tmp_path / "brand.toml")
    texts = from_texts(str(path), path.read_text("utf-8"), {"foto.png": b"one"}, tmp_path / "brand.toml")
    assert (texts.definition, texts.brand, texts.faults) == (folder.definition, folder.brand, folder.faults)
    assert texts.parts() == folder.parts()
    assert differences(texts, folder.definition.source, folder.parts()) == ""
