"""Private files, and reading that cannot be led astray."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailer import files

UMASKS = [0o000, 0o022, 0o077, 0o777]


@pytest.fixture(params=UMASKS, ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_is_made_belongs_to_its_owner_alone_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    assert umask in UMASKS
    tmp_path.chmod(0o755)
    files.make_folder(tmp_path / "a" / "b")
    os.close(files.create(tmp_path / "new"))
    os.close(files.open_or_create(tmp_path / "kept", os.O_WRONLY))
    with files.replaced(tmp_path / "out") as file:
        file.write(b"x")
    assert [mode(tmp_path / name) for name in ("a", "a/b", "new", "kept", "out")] == [0o700, 0o700, *[0o600] * 3]
    assert mode(tmp_path) == 0o755


def test_no_file_is_open_to_others_for_a_moment(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with files.replaced(tmp_path / "out"):
            assert [mode(path) for path in tmp_path.iterdir()] == [0o600]
        descriptor = files.create(tmp_path / "new", os.O_WRONLY)
        assert mode(tmp_path / "new") == 0o600
        os.close(descriptor)
    finally:
        os.umask(before)


def test_nothing_is_written_through_a_link_that_was_put_there_first(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    for name, target in (("link", victim), ("dangling", tmp_path / "nowhere")):
        (tmp_path / name).symlink_to(target)
        with pytest.raises(FileExistsError):
            files.create(tmp_path / name)
        with files.replaced(tmp_path / name) as file:
            file.write(b"new")
        assert not (tmp_path / name).is_symlink()
    assert victim.read_text() == "mine"
    assert not (tmp_path / "nowhere").exists()


def test_a_link_is_followed_by_its_owner_alone_and_nothing_is_made_through_it(tmp_path: Path) -> None:
    (tmp_path / "disk").touch()
    (tmp_path / "link").symlink_to(tmp_path / "disk")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    os.close(files.open_or_create(tmp_path / "link", os.O_WRONLY))
    with pytest.raises(FileNotFoundError):
        files.open_or_create(tmp_path / "dangling", os.O_WRONLY)
    assert not (tmp_path / "nowhere").exists()
    if os.geteuid() == 0:
        os.chown(tmp_path / "link", 12345, 12345, follow_symlinks=False)
        with pytest.raises(OSError, match="symbolic links"):
            files.open_or_create(tmp_path / "link", os.O_WRONLY)


def test_another_name_of_the_same_file_keeps_what_was_in_it(tmp_path: Path) -> None:
    (tmp_path / "shown").write_text("old")
    (tmp_path / "out").hardlink_to(tmp_path / "shown")
    with files.replaced(tmp_path / "out") as file:
        file.write(b"new")
    assert ((tmp_path / "shown").read_text(), (tmp_path / "out").read_text()) == ("old", "new")


def test_a_file_that_was_begun_and_failed_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("old")
    with pytest.raises(KeyError), files.replaced(tmp_path / "out") as file:
        file.write(b"half")
        raise KeyError
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


def test_a_device_and_a_pipe_are_written_to_as_they_are(tmp_path: Path) -> None:
    with files.replaced(Path("/dev/null")) as file:
        file.write(b"x")
    assert Path("/dev/null").is_char_device()
    reading, writing = os.pipe()
    with files.replaced(Path(f"/dev/fd/{writing}")) as file:
        file.write(b"through")
    assert os.read(reading, 100) == b"through"
    os.close(reading)
    os.close(writing)


def test_rights_of_others_are_taken_and_none_is_given(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.touch()
    for before, after in ((0o644, 0o600), (0o666, 0o600), (0o440, 0o400), (0o600, 0o600)):
        path.chmod(before)
        assert files.open_to_others(path) == files.tighten(path) == (before != after)
        assert mode(path) == after
    assert not files.open_to_others(tmp_path / "not there")


def test_a_link_is_not_followed_to_what_it_would_close(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.touch(0o644)
    shared.chmod(0o644)
    (tmp_path / "link").symlink_to(shared)
    assert not files.tighten(tmp_path / "link")
    assert mode(shared) == 0o644


def test_only_an_ordinary_file_within_the_limit_is_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    assert files.read(tmp_path / "a", 5) == b"12345"
    with pytest.raises(OSError, match="larger than 4 bytes"):
        files.read(tmp_path / "a", 4)
    os.mkfifo(tmp_path / "fifo")
    for strange in (tmp_path / "fifo", tmp_path, Path("/dev/zero"), Path("/dev/tty")):
        with pytest.raises(OSError) as caught:  # noqa: PT011 - any, at once
            files.read(strange, 100)
        assert caught.value.strerror


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "out", "deep/out", "a/../../x", "loop", "a\0b", ""])
def test_no_way_leads_out_of_a_folder(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "in"
    (folder / "deep").mkdir(parents=True)
    (tmp_path / "x").touch()
    (folder / "out").symlink_to(tmp_path / "x")
    (folder / "deep" / "out").symlink_to("../../x")
    (folder / "loop").symlink_to("loop")
    with pytest.raises(OSError):  # noqa: PT011 - outside, or nothing to read
        files.read(files.beside(folder, name), 100)


def test_a_link_within_the_folder_and_a_linked_folder_are_fine(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "x").write_bytes(b"x")
    (tmp_path / "real" / "y").symlink_to("x")
    (tmp_path / "linked").symlink_to("real")
    assert files.read(files.beside(tmp_path / "linked", "y"), 10) == b"x"


def test_what_comes_through_a_pipe_is_read_whole_and_an_empty_one_blocks_nothing(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with files.stream(tmp_path / "fifo", 100) as nothing:
        assert nothing.read() == b""
    for data in (b"x" * 70_000, b"abc"):
        reading, writing = os.pipe()
        writer = threading.Thread(target=lambda end=writing, sent=data: (os.write(end, sent), os.close(end)))
        writer.start()
        if len(data) > 100:
            with pytest.raises(OSError, match="larger than 100 bytes"):
                files.stream(Path(f"/dev/fd/{reading}"), 100)
        else:
            with files.stream(Path(f"/dev/fd/{reading}"), 100) as copy:
                assert (copy.read(), copy.seek(0), copy.read()) == (data, 0, data)
        os.close(reading)
        writer.join()
    for strange in (Path("/dev/zero"), Path("/dev/urandom"), tmp_path):
        with pytest.raises(OSError, match="no ordinary file"):
            files.stream(strange, 100)
