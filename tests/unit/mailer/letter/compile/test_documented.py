"""The examples of the page on the campaign file work as they stand there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mailer.letter.brand import brand_from_toml
from mailer.letter.brand_file import KEYS
from mailer.letter.compile import compile_letter
from mailer.letter.compile.blocks import BLOCKS
from mailer.letter.filters import FILTERS
from tests.support.letters import pictures, small

PAGE = (Path(__file__).parents[5] / "docs" / "campaign-file.md").read_text(encoding="utf-8")
LETTERS = re.findall(r"````markdown\n(.*?)````", PAGE, re.DOTALL)
BRANDS = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("body", LETTERS, ids=[str(number) for number in range(len(LETTERS))])
def test_each_documented_text_compiles_without_a_warning(body: str) -> None:
    assert compile_letter(small(body, images={"picture.png": pictures()["gevels.png"]})).warnings == ()


@pytest.mark.parametrize("text", BRANDS, ids=[str(number) for number in range(len(BRANDS))])
def test_each_documented_brand_is_one(text: str) -> None:
    assert brand_from_toml(text, "brand.toml", pictures()).warnings == ()


def test_every_block_filter_and_key_of_the_brand_is_documented() -> None:
    assert len(LETTERS) == 2
    assert BRANDS
    assert [name for name in BLOCKS if f"::: {name}" not in PAGE] == []
    assert [name for name in FILTERS if f"`{name}`" not in PAGE] == []
    assert [key for key in KEYS if not re.search(rf"\b{key.rpartition('.')[2]}\b", PAGE)] == []
