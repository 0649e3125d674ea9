"""Visible remains of markup are a warning with their line; ordinary prose has none."""

from __future__ import annotations

import pytest

from mailer.errors import Fault, FaultsError
from mailer.letter.compile import compile_letter
from tests.support.letters import small

FIELD = '{{ contact.NAME | default("…") }} for what is known of a reader'
LINK = "[text](https://…) with nothing between ] and ("
ITEM = "- with a space behind it for an item of a list"
BOLD = "**bold** between two signs, with no space inside them"
WEB = "<https://…> or [text](https://…), so that it is a link"


def _faults(body: str) -> list[Fault]:
    try:
        return list(compile_letter(small(body)).warnings)
    except FaultsError as error:
        return list(error.faults)


LEFT = [
    ("[x] (https://x.nl)", "[x] (https://x.nl)", LINK),
    ("![Huis] (gevels.png)", "![Huis] (gevels.png)", LINK),
    ("(tekst)[https://x.nl]", "(tekst)[https://x.nl]", LINK),
    ("[a][b]", "[a][b]", "[text](https://…)"),
    ("De raad[^1] besloot.", "[^1]", "a note as ordinary text"),
    ("##Kop", "##Kop", "## with a space behind it for a heading"),
    ("**Let op:**x", "**Let op:", BOLD),
    ("** Let op **", "** Let op **", BOLD),
    ("Let op**", "Let op**", BOLD),
    ("__Let op:__x", "__Let op:__", BOLD),
    ("==geel==", "==geel==", BOLD),
    ("~~weg~~", "~~weg~~", "text without ~~"),
    ("foto`s", "foto`s", "' for an apostrophe, or ` on both sides of code"),
    ("• een\n• twee", "• een", ITEM),
    ("·\teen", "·\teen", ITEM),
    ("\uf0b7 een", "\uf0b7 een", ITEM),
    ("– een\n– twee", "– een", ITEM),
    ("o een\no twee", "o een", ITEM),
    ("-een\n-twee", "-een", ITEM),
    ("*een\n*twee", "*een", ITEM),
    ("a) een\nb) twee", "a) een", ITEM),
    ("1.een\n2.twee", "1.een", "1. with a space behind it for an item of a list"),
    ("- [ ] taak", "[ ] taak", "text without a box"),
    ("Beste *|FNAME|*,", "*|FNAME|*", FIELD),
    ("Beste {voornaam},", "{voornaam}", FIELD),
    ("Beste { first name },", "{ first name }", FIELD),
    ("Beste %name%,", "%name%", FIELD),
    ("Beste %%name%%,", "%%name%%", FIELD),
    ("Beste [[x1]],", "[[x1]]", FIELD),
    ("Beste [voornaam],", "[voornaam]", FIELD),
    ("Beste [NAME],", "[NAME]", FIELD),
    ("Beste [FIRST_NAME],", "[FIRST_NAME]", FIELD),
    ("Beste #voornaam#,", "#voornaam#", FIELD),
    ("Beste «naam»,", "«naam»", FIELD),
    ("Beste {$name},", "{$name}", FIELD),
    ("Beste ${name},", "${name}", FIELD),
    ("Beste {subtag:name},", "{subtag:name}", FIELD),
    ("Beste -name-,", "-name-", FIELD),
    ("Beste $name$,", "$name$", FIELD),
    ("Beste <% name %>,", "<% name %>", FIELD),
    ("Beste [% name %],", "[% name %]", FIELD),
    ("Beste @@name@@,", "@@name@@", FIELD),
    ("Kijk op www.vng.nl.", "www.vng.nl", WEB),
    ("Kijk op https://vng.nl/a?b=c.", "https://vng.nl/a?b=c", WEB),
    ("Kijk op http//vng.nl", "http//vng.nl", WEB),
    ("Mail info@vng.nl.", "info@vng.nl", "<name@example.org>, so that it is a link"),
    ("een &amp;nbsp; twee", "&nbsp;", "the sign itself"),
    ("[x](https://x.nl”)", "https://x.nl”", "an address without quotation marks"),
    ("een\n===", "===", "## before the text of a heading, or --- for a thin line"),
    ("| a | b |\n| c | d |", "| a | b |", "|---|---| under the first row of a table, as many as it has cells"),
    ("::button https://x.nl", "::button https://x.nl", "::: for a block"),
    ("| a | b |\n|---|---|\n| {naam} | d |", "{naam}", FIELD),
    ("- x\n\n  > een **vet", "**vet", BOLD),
]


@pytest.mark.parametrize(("body", "found", "expected"), LEFT, ids=[body for body, _, _ in LEFT])
def test_what_did_not_take_is_a_warning_that_says_how_it_is_written(body: str, found: str, expected: str) -> None:
    line = 10 + body[: body.index(found)].count("\n") if found in body else 10
    told = [(fault.severity, fault.line, fault.found, fault.expected) for fault in _faults(body)]
    assert ("warning", line, found, expected) in told


@pytest.mark.parametrize(
    ("body", "found", "hint"),
    [
        ("een<br>twee", "<br>", "For a new line put a backslash at the end of the line."),
        ("Beste <<naam>>,", "<naam>", 'Write {{ contact.naam | default("…") }}'),
        ("Beste <voornaam>,", "<voornaam>", 'Write {{ contact.voornaam | default("…") }}'),
    ],
)
def test_html_that_was_meant_as_something_else_is_an_error_that_says_how_it_is_written(
    body: str, found: str, hint: str
) -> None:
    assert [(fault.severity, fault.found, fault.hint) for fault in _faults(body)] == [("error", found, hint)]


def test_each_sign_is_told_once() -> None:
    assert len(_faults("[x] (https://x.nl)")) == 1
    assert len(_faults("**Let op:**x")) == 1
    assert len(_faults("Beste [[voornaam]],")) == 1


PROSE = [
    "50% van de leden en 20% korting, 10%-20% meer, 100% & 50%",
    "C# en F#, #dialoog, #5, #samen#sterk",
    "2 * 3 = 6, 4*5*6, 5 > 3, 2 < 4, x==y, x^2^, a -> b --> c",
    "€ 5,- en € 1.234,50, US$ 5, $5 en $6",
    "snake_case en a_b_c, Naam: ______, wachtwoord a**b, ****sterren, p*** op",
    "[sic] staat er [red.], van 12:30 [12:30], [1] [2][3], [bijlage] (pdf), [VNG] (2024), [naam van het project]",
    "J. de Vries\nA. Kok",
    "A. Kok\nB. Jansen",
    "-5 graden\n-6 graden",
    "o ja, dat ook",
    "– zei hij",
    "«Bonjour», dit-il; «Bonjour»",
    "1.500 mensen\n2.500 anderen",
    "Home | Nieuws | Contact",
    "e-mail-adres, A&O-fonds, Jansen & Co; enz., R&amp;D, vng.nl, @vng, tel. 070-3738393, c:\\map",
    "**vet**, *schuin*, `**code**` en [koppeling](https://x.nl) (zie ook)",
    "<https://x.nl> en <info@vng.nl>",
    "\\*\\*sterren\\*\\* en \\[x\\] (https) en \\~\\~weg\\~\\~",
    "\\##Kop",
    "**Let op**: dat",
    'Beste {{ contact.naam | default("lezer") }}, `{voornaam}`',
    "```\nBeste {voornaam}, kijk op www.vng.nl\n```",
]


@pytest.mark.parametrize("body", PROSE, ids=[body[:30] for body in PROSE])
def test_ordinary_prose_has_no_warning(body: str) -> None:
    assert _faults(body) == []


@pytest.mark.parametrize(
    "body",
    [
        "{% if contact.a %}## Kop{% endif %}",
        "{% if contact.a %}- item{% endif %}",
        "\u00a0- item",
        "| een | twee |",
        "Groet\n--\nJan",
        "Agenda:\n3. Opening\n4. Sluiting",
        "➢ een\n➢ twee",
        "####### zeven",
    ],
)
def test_what_begins_a_line_and_was_not_taken_is_told(body: str) -> None:
    assert len(compile_letter(small(f"Beste lezer,\n\n{body}")).warnings) == 1


def test_signs_at_the_beginning_of_a_cell_are_no_markup() -> None:
    assert compile_letter(small("| A | B |\n|---|---|\n| - | > 5 |\n| – | # 1 |\n\n\\- x\n\n\\# y")).warnings == ()
