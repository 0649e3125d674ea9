"""The text part has the address of the HTML part, for every contact."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from mailer.letter.compile import compile_letter
from mailer.letter.compiled import Compiled
from mailer.letter.personalise import render
from tests.support.letters import LINKS, pictures, seen, small

BODY = """
[een](https://x.nl/{{ contact.a | default("x") }}/p?q={{ contact.b | default("y z") }}&r={{ contact.email }}#{{C}})

[twee]({{ contact.a | default("www.example.org") }}) en [drie]({{ contact.b | default("") }})

[vier](mailto:{{ contact.a | default("i@x.nl") }}?subject={{ contact.b | default("é") }}&body={{C}})

[vijf](tel:{{ contact.b | default("112") }}) en [zes](mailto:info@x.nl,{{ contact.c | default("a@b.nl") }})

::: button {{ contact.c | default("https://één.example/é") }}
Zeven
:::

[![acht](a.png)](https://{{ contact.a | default("www") }}.x.nl/{% if contact.b %}b{{C}}{% else %}n{% endif %})
""".replace("{{C}}", '{{ contact.c | default("") }}')
ODD = [
    "a&b=c/d é",
    "a+b@x.nl",
    "www.x.nl",
    "https://x.nl/?a=1&b='2'",
    "+31 (0)70 1",
    "javascript:x",
    "#%",
    "a\r\nb",
    "\u2028",
]
VALUE = st.none() | st.text(max_size=30) | st.sampled_from(ODD)


@cache
def letter() -> Compiled:
    return compile_letter(small(BODY, images={"a.png": pictures()["gevels.png"]}))


@given(a=VALUE, b=VALUE, c=VALUE)
@example(a="&+ #%é\n", b="www.x.nl/a b", c="els@x.nl")
@example(a="x' y", b="%zz", c='="')
def test_the_text_part_has_each_address_of_the_html_part_in_its_order(a: Any, b: Any, c: Any) -> None:
    values = {"contact": {"email": "els+x@x.nl", "a": a, "b": b, "c": c}, "links": LINKS}
    html, text = (render(plan, values, "nl") for plan in (letter().letter.html, letter().letter.text))
    body = html[html.index('class="body') : html.index('class="foot')]
    found = [link for link in seen(body).links if link]
    assert found
    assert "#" not in found
    assert all(re.fullmatch(r"(?:https?|mailto|tel):[!#-;=?-\[\]_a-z~]+", link) for link in found)
    written = text[: text.rindex("-" * 40)].partition("\neen")[2]
    assert re.findall(r"(?:https?|mailto|tel):[^<>\s]+", written) == found
