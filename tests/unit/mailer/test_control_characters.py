"""Each pattern finds what its place may not have, and nothing that people write."""

from __future__ import annotations

import re
import unicodedata

import pytest

from mailer import control_characters as of

EVERY = [chr(number) for number in range(0x110000)]
CONTROLS = {sign for sign in EVERY if unicodedata.category(sign) == "Cc"}
SEPARATORS = {"\u2028", "\u2029"}
DIRECTIONS = {sign for sign in EVERY if unicodedata.bidirectional(sign) in ("LRE", "RLE", "LRO", "RLO", "PDF")} | {
    sign for sign in EVERY if unicodedata.bidirectional(sign) in ("LRI", "RLI", "FSI", "PDI")
}
SURROGATES = {sign for sign in EVERY if unicodedata.category(sign) == "Cs"}
TEXT = CONTROLS - {"\t", "\n"}


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        (of.IN_ASCII, {sign for sign in CONTROLS if sign.isascii()}),
        (of.IN_PATH, {sign for sign in CONTROLS if sign.isascii()} - set("\t\n\v\f\r")),
        (of.IN_LINE, CONTROLS | SEPARATORS),
        (of.IN_STRICT_LINE, CONTROLS | SEPARATORS | SURROGATES),
        (of.IN_SHOWN_LINE, CONTROLS | SEPARATORS | DIRECTIONS),
        (of.IN_TEXT, TEXT | SEPARATORS),
        (of.IN_STRICT_TEXT, TEXT | SURROGATES),
        (of.IN_FILLED_TEXT, TEXT | DIRECTIONS),
        (of.IN_TABLE_TEXT, TEXT - {"\r"} | SEPARATORS),
        (of.ON_TERMINAL, TEXT | SEPARATORS | DIRECTIONS | SURROGATES),
        (of.DIRECTION, DIRECTIONS),
        (of.SURROGATE, SURROGATES),
        (of.BLANKS, CONTROLS | SEPARATORS | {" "}),
    ],
)
def test_a_pattern_finds_the_characters_of_its_kinds_and_no_others(pattern: re.Pattern[str], found: set[str]) -> None:
    assert {sign for sign in EVERY if pattern.match(sign)} == found
