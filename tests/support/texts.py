"""Texts that a contact may have as values: any text at all, and texts of what is awkward in a letter."""

from __future__ import annotations

from hypothesis import strategies as st

ANY = st.text(st.characters(codec=None), max_size=300)
NASTY = st.lists(
    st.sampled_from(
        [
            "\r",
            "\n",
            "\r\n.\r\n",
            "\n.\n",
            "\r.\r",
            ".",
            "From ",
            "\0",
            "\u2028",
            "\u202e",
            "\ud800",
            "=",
            "=?utf-8?q?=0A?=",
            " ",
            "\t",
            "e\u0301",
            "👨‍👩‍👧",
            "שלום",
            '"',
            "'",
            "<",
            ">",
            "&",
            "-->",
            "]]>",
            "--=_",
            "\x85",
            "javascript:",
            "%0d",
            "x" * 80,
        ]
    )
    | st.text(max_size=5),
    max_size=30,
).map("".join)
