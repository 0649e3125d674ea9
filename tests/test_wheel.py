"""The wheel works from an empty environment, from a file and from an index of one's own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tools import simple_index
from tools.shape import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
UV = Path(sys.executable).with_name("uv")


def clean_environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if not key.startswith(("POSTILJON_", "PYTHON", "VIRTUAL_"))}


def ended(*command: object, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    arguments, env = [str(part) for part in command], clean_environment() | more
    return subprocess.run(arguments, cwd=cwd, env=env, capture_output=True, text=True, check=False)


def done(*command: object, cwd: Path, **more: str) -> str:
    result = ended(*command, cwd=cwd, **more)
    assert result.returncode == 0, f"{command}\n{result.stdout}\n{result.stderr}"
    return result.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    done(
        UV,
        "build",
        "--wheel",
        "--no-build-isolation",
        "--python",
        sys.executable,
        "--out-dir",
        folder,
        ROOT,
        cwd=folder,
    )
    [made] = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def elsewhere(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel, made from the lock, with hashes; gives the folder of its programs."""
    folder = tmp_path_factory.mktemp("empty") / "venv"
    done(UV, "venv", "--python", sys.executable, folder, cwd=folder.parent)
    install = (UV, "pip", "install", "--python", folder / "bin" / "python")
    done(*install, "--require-hashes", "-r", ROOT / "requirements.lock", cwd=folder.parent)
    done(*install, "--no-deps", wheel, cwd=folder.parent)
    return folder / "bin"


def test_what_is_no_code_is_in_the_wheel(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for folder in ("templates", "campaigns/migrations", "campaigns/demo"):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                assert path.relative_to(ROOT).as_posix() in names
    assert "campaigns/demo/examples/denkt-u-mee.md" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_what_is_for_developers_is_not_in_the_wheel(wheel: Path) -> None:
    roots = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {root for root in roots if not root.startswith("postiljon-")} == {
        "mailer",
        "unsubscribe",
        "campaigns",
        "templates",
    }


def test_it_helps_makes_a_database_and_renders_a_letter_from_there(elsewhere: Path, tmp_path: Path) -> None:
    postiljon = elsewhere / "postiljon"
    assert "postiljon" in done(postiljon, "--help", cwd=tmp_path)
    done(postiljon, "init", cwd=tmp_path)
    (tmp_path / "people.csv").write_text("email,name\nesther@example.org,Esther\n", "utf-8")
    done(
        postiljon, "contacts", "import", "people.csv", "--topic", "verenigingsnieuws", "--basis", "member", cwd=tmp_path
    )
    place = done(elsewhere / "python", "-c", "import campaigns; print(campaigns.__file__)", cwd=tmp_path)
    examples = Path(place.strip()).parent / "demo" / "examples"
    assert elsewhere.parent in examples.parents
    letter = tmp_path / "out.eml"
    done(
        postiljon,
        "render",
        examples / "denkt-u-mee.md",
        "--contact",
        "esther@example.org",
        "--out",
        letter,
        cwd=tmp_path,
    )
    assert b"\r\nSubject: Denkt u mee" in letter.read_bytes()


class Quiet(SimpleHTTPRequestHandler):
    """A web server that serves a folder, and says nothing."""

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def shelf(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel, all that it needs, and the pages of an index."""
    folder = tmp_path_factory.mktemp("shelf")
    shutil.copy(wheel, folder)
    wanted = ("--require-hashes", "-r", ROOT / "requirements.lock", "--dest", folder)
    done(sys.executable, "-m", "pip", "download", "--quiet", *wanted, cwd=folder)
    assert simple_index.main([str(folder), str(ROOT / "requirements.lock")]) == 0
    return folder


@pytest.fixture(scope="module")
def index(shelf: Path) -> Iterator[str]:
    """The address of that index."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(shelf))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/simple/"
        server.shutdown()
        thread.join()


def pip_alone(folder: Path) -> list[object]:
    """The words of pip in a new environment, which asks nothing but the index that it is given."""
    done(UV, "venv", "--quiet", "--python", sys.executable, folder, cwd=folder.parent)
    return [
        sys.executable,
        "-m",
        "pip",
        "--isolated",
        "--python",
        folder / "bin" / "python",
        "install",
        "--no-cache-dir",
        "--no-compile",  # half of the processor time, for what is run once
    ]


def test_it_is_installed_from_an_index_of_ones_own_with_hashes(shelf: Path, index: str, tmp_path: Path) -> None:
    install = pip_alone(tmp_path / "venv")
    done(*install, "--index-url", index, "--require-hashes", "-r", shelf / "requirements.txt", cwd=tmp_path)
    assert done(tmp_path / "venv" / "bin" / "postiljon", "--version", cwd=tmp_path).startswith("postiljon ")


def test_a_wheel_with_another_content_than_the_index_says_is_refused(index: str, shelf: Path, tmp_path: Path) -> None:
    other = tmp_path / "shelf"
    shutil.copytree(shelf, other)
    [wheel] = other.glob("postiljon-*.whl")
    with zipfile.ZipFile(wheel, "a") as changed:
        changed.writestr("campaigns/more.py", "")
    install = pip_alone(tmp_path / "venv")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(other))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        address = f"http://127.0.0.1:{server.server_port}/simple/"
        result = ended(*install, "--no-deps", "--index-url", address, "postiljon", cwd=tmp_path)
        server.shutdown()
        thread.join()
    assert result.returncode == 1
    assert "DO NOT MATCH THE HASHES" in result.stderr


@pytest.mark.parametrize("origin", ["file", "index"])
def test_uv_installs_it_as_a_tool(origin: str, wheel: Path, index: str, tmp_path: Path) -> None:
    places = {"UV_TOOL_DIR": str(tmp_path / "tools"), "UV_TOOL_BIN_DIR": str(tmp_path / "bin")}
    words: dict[str, tuple[object, ...]] = {
        "file": ("--constraints", ROOT / "requirements.lock", wheel),
        "index": ("--no-config", "--default-index", index, "postiljon"),
    }
    done(UV, "tool", "install", "--python", sys.executable, *words[origin], cwd=tmp_path, **places)
    assert done(tmp_path / "bin" / "postiljon", "--version", cwd=tmp_path).startswith("postiljon ")


def test_an_index_names_each_wheel_with_its_hash_and_its_name_in_the_one_spelling(tmp_path: Path) -> None:
    wheel = tmp_path / "Some_Package-1.0-py3-none-any.whl"
    wheel.write_bytes(b"one")
    pages = [page.relative_to(tmp_path).as_posix() for page in simple_index.write(tmp_path)]
    assert pages == ["simple/index.html", "simple/some-package/index.html"]
    link = f"../../{wheel.name}#sha256={simple_index.checksum(wheel)}"
    assert link in (tmp_path / pages[1]).read_text("utf-8")
