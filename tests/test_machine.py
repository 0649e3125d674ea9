"""The system packages of the tests are declared in ``.ci/system-packages``, which installs them where it may."""

from __future__ import annotations

import re

from tests.support.fonts import FAMILIES
from tools.shape import ROOT


def declared(word: str) -> dict[str, str]:
    """The package of each program (``want``) or font (``want_font``)."""
    return dict(re.findall(rf"^ +{word} (\S+) (\S+) ", (ROOT / ".ci" / "system-packages").read_text("utf-8"), re.M))


def test_the_package_of_every_program_that_a_test_needs_is_declared() -> None:
    texts = [path.read_text("utf-8") for path in (ROOT / "tests").rglob("*.py")]
    needed = {package for text in texts for package in re.findall(r'\bneed\("[\w-]+", "([\w-]+)"\)', text)}
    assert needed >= {"chromium", "postgresql", "postfix", "nginx", "curl", "openssl"}
    assert needed - set(declared("want").values()) == set()


def test_every_family_of_fonts_that_a_test_needs_is_declared() -> None:
    fonts = declared("want_font")
    assert {family.package for family in FAMILIES.values()} == set(fonts.values())
    assert set(fonts) <= {file for family in FAMILIES.values() for file in family.files}
