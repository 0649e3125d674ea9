"""The wheel works from an empty environment: everything that it needs is in it or in the lock."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tools.shape import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
UV = Path(sys.executable).with_name("uv")


def clean_environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if not key.startswith(("POSTILJON_", "PYTHON", "VIRTUAL_"))}


def done(*command: object, cwd: Path) -> str:
    arguments = [str(part) for part in command]
    result = subprocess.run(arguments, cwd=cwd, env=clean_environment(), capture_output=True, text=True, check=False)
    assert result.returncode == 0, f"{arguments}\n{result.stdout}\n{result.stderr}"
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
