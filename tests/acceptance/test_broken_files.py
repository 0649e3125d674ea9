"""Campaign files that are broken in every way we could think of: what ``check`` says of each, in English and in Dutch.

Each says where (file and line), what was found, what was expected and, where that helps, what to do.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from campaigns.lifecycle import preparation
from campaigns.source.campaign_source import from_folder
from mailer.errors import Fault, InputError
from mailer.storage import Database
from tests.support.campaigning import CampaignSetup, campaign_setup
from tests.support.commandline import CommandLine
from tests.support.translated import in_language

NOW = datetime(2024, 9, 1, 12, tzinfo=UTC)
HEAD = {
    "slug": "zomer",
    "subject": "Denkt u mee?",
    "from": "VNG <info@vng.nl>",
    "language": "nl",
    "topic": "verenigingsnieuws",
}


def file(body: str = "Beste lezer,\n", **changes: str | None) -> bytes:
    """A good file with these lines otherwise (None: without); further keys come after the topic, on line 7."""
    values = HEAD | {key.rstrip("_"): value for key, value in changes.items()}
    lines = [f"{key}: {value}" for key, value in values.items() if value is not None]
    return "\n".join(["---", *lines, "---", body]).encode()


@dataclass(frozen=True)
class Case:
    """A broken file; ``line`` 0: the whole file. ``field``, and what is said of it in both languages."""

    name: str
    content: bytes
    line: int
    field: str
    english: str
    dutch: str


AMSTERDAM = {"timezone": "Europe/Amsterdam"}
CASES = [
    Case("an empty file", b"", 1, "---", "Begin with ---", "Begin met ---"),
    Case("blank lines only", b"\n\n\n", 1, "---", "found nothing", "gevonden niets"),
    Case("no head", b"Beste lezer,\n", 1, "---", "a first line of ---", "een eerste regel ---"),
    Case("a space before ---", b" " + file(), 1, "---", "found ' ---'", "gevonden ' ---'"),
    Case("no second ---", file().replace(b"\n---\n", b"\n\n"), 1, "---", "in line 7", "in regel 7"),
    Case("dots as in YAML", file().replace(b"\n---\n", b"\n...\n"), 1, "---", "in line 7", "in regel 7"),
    Case("= for :", b"---\nslug = zomer\n---\nx\n", 2, "---", "key: value", "sleutel: waarde"),
    Case("a folded YAML value", file(subject=">\n  Denkt u"), 4, "---", "at the end of its line", "eind van de regel"),
    Case("a YAML list", file(tags="\n  - a"), 8, "---", "found '  - a'", "gevonden '  - a'"),
    Case("a comment", file(language="nl\n# x"), 6, "---", "Comments cannot", "geen commentaar"),
    Case("a comment after a value", file(language="nl # x"), 5, "language", "found 'nl # x'", "gevonden 'nl # x'"),
    Case("quotes as in YAML", file(subject='"Denkt u mee?"'), 3, "subject", "will be seen", "worden getoond"),
    Case("an unknown key", file(subjct="x"), 7, "subjct", "Did you mean subject?", "Bedoel je subject?"),
    Case("a key with a capital", file(Rate="5"), 7, "Rate", "Did you mean rate?", "Bedoel je rate?"),
    Case("a key twice", file(rate="5\nrate: 6"), 8, "rate", "line 7 too", "ook in regel 7"),
    Case("no subject", file(subject=None), 0, "subject", "For example: subject:", "Bijvoorbeeld: subject:"),
    Case("an empty subject", file(subject=""), 3, "subject", "a value for subject", "een waarde voor subject"),
    Case("a bell in the subject", file(subject="a\x07b"), 3, "subject", "found U+0007", "Het is niet te zien"),
    Case("a subject of 1 MB", file(subject="x" * 10**6), 3, "subject", "at most 988", "hooguit 988"),
    Case("a slug with a space", file(slug="Zomer 24!"), 2, "slug", "Did you mean zomer-24?", "Bedoel je zomer-24?"),
    Case("a From without address", file(from_="VNG"), 4, "from", "not a mail address", "geen mailadres"),
    Case("a From without brackets", file(from_="VNG info@vng.nl"), 4, "from", "angle brackets", "punthaken"),
    Case("a From without .nl", file(from_="info@vng"), 4, "from", "not a domain name", "geen domeinnaam"),
    Case("a language in words", file(language="Nederlands"), 5, "language", "a language tag", "een taalcode"),
    Case("a topic with a space", file(topic="a b"), 6, "topic", "the short name", "de korte naam"),
    Case("an unknown topic", file(topic="nieuws"), 6, "topic", "a topic that exists", "een onderwerp dat bestaat"),
    Case("a Dutch date", file(date="18-09-2024"), 7, "date", "such as 2024-09-18", "zoals 2024-09-18"),
    Case("a day that is not there", file(date="2024-02-30"), 7, "date", "that exists", "die bestaat"),
    Case(
        "an hour in words", file(send_at="morgen 9 uur", **AMSTERDAM), 7, "send_at", "a day and an hour", "een dag en"
    ),
    Case("an hour without zone", file(send_at="2024-09-18 09:00"), 7, "send_at", "For example: time", "Bijvoorbeeld"),
    Case("a leap", file(send_at="2025-03-30 02:30", **AMSTERDAM), 7, "send_at", "choose a time", "kies een tijd"),
    Case("a city as zone", file(timezone="amsterdam"), 7, "timezone", "mean Europe/Amsterdam", "je Europe/Amsterdam"),
    Case("an offset as zone", file(timezone="CET+1"), 7, "timezone", "by its place", "naar de plaats"),
    Case("a word for a choice", file(online="prive"), 7, "online", "one of unlisted", "een van unlisted"),
    Case("a rate with a unit", file(rate="1000/min"), 7, "rate", "mails a minute", "mails per minuut"),
    Case("a brand elsewhere", file(brand="../a.toml"), 7, "brand", "a file beside", "een bestand naast"),
    Case("no such brand", file(brand="a.toml"), 7, "brand", "no such file", "dit bestand is er niet"),
    Case("a segment with =", file(segment='contact.a = "b"'), 7, "segment", "write ==", "Schrijf =="),
    Case("no text", file(""), 8, "body", "the text of the letter", "de tekst van de brief"),
    Case("a tag without end", file("Dag {{ contact.name,\n"), 8, "body", "where the tag ends", "waar de tag eindigt"),
    Case("a condition without end", file("{% if contact.a %}\nx\n"), 8, "body", "further on", "verderop"),
    Case("a crossed loop", file("{% if contact.a %}{% for b in contact.c %}{% endif %}"), 8, "body", "first", "eerst"),
    Case("no fallback", file("{{ contact.a }}\n"), 8, "body", "a fallback", "zonder waarde"),
    Case("a fallback in the subject", file(subject="{{ contact.a }}"), 3, "subject", "a fallback", "zonder waarde"),
    Case("an unknown filter", file("{{ contact.a | defalt('b') }}"), 8, "body", "mean default?", "je default?"),
    Case("curly quotes", file("{{ contact.a | default(“b”) }}"), 8, "body", "straight quotes", "rechte aanhal"),
    Case("arithmetic", file("{{ contact.a + 1 }}"), 8, "body", "Arithmetic is not", "Rekenen kan niet"),
    Case("no such picture", file("\n![Huis](huis.png)\n"), 9, "body", "Put the file", "Zet het bestand"),
    Case("a picture without words", file("\n![](huis.png)\n"), 9, "body", "a description", "een beschrijving"),
    Case("a picture that is none", file("\n![Huis](geen.png)\n"), 9, "body", "no such picture", "geen afbeelding"),
    Case("a button without address", file("::: button\nLees\n:::\n"), 8, "body", "::: button https", "Schrijf https"),
    Case(
        "a button to www", file("::: button www.vng.nl\nLees\n:::\n"), 8, "body", "mean https://www", "je https://www"
    ),
    Case("an unknown block", file("::: buton https://a.nl\nLees\n:::\n"), 8, "body", "mean button?", "je button?"),
    Case("a block without end", file("::: small\nKlein\n"), 8, "body", "where the block ends", "waar het blok eindigt"),
    Case("a link without address", file("[Lees]()\n"), 8, "body", "an address", "een adres"),
    Case("HTML", file("<b>Vet</b>\n"), 8, "body", "HTML cannot stand", "HTML kan niet"),
    Case("1 MB without a space", file("x" * 10**6), 8, "body", "200000 characters", "200000 tekens"),
    Case("a line of 1 MB in the head", file(date="x" * 10**6), 7, "date", "such as 2024", "zoals 2024"),
]
UNREADABLE = [
    ("Windows-1252", file() + b"Andr\xe9", ":9: found the byte 0xE9", ":9: gevonden: de byte 0xE9"),
    ("UTF-16", file().decode().encode("utf-16"), "not a text file", "geen tekstbestand"),
    ("a picture", b"\x89PNG\r\n\x1a\n" + bytes(100), "not a text file", "geen tekstbestand"),
    ("all bytes", bytes(range(256)), "not a text file", "geen tekstbestand"),
]


@pytest.fixture
def place(sqlite_database: Database, tmp_path: Path) -> CampaignSetup:
    (tmp_path / "geen.png").write_bytes(b"geen plaatje")
    return campaign_setup(sqlite_database, tmp_path)


def examined(place: CampaignSetup, content: bytes, language: str) -> tuple[list[Fault], list[str]]:
    """The faults, and each as the command line says it."""
    path = place.folder / "brief.md"
    path.write_bytes(content)
    faults = preparation.examine(place.config, from_folder(path), NOW)[1]
    return faults, [in_language(fault.words, language) for fault in faults]


@pytest.mark.parametrize("language", ["en", "nl"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_broken_file_is_told_with_place_and_remedy(place: CampaignSetup, case: Case, language: str) -> None:
    faults, said = examined(place, case.content, language)
    wanted = case.english if language == "en" else case.dutch
    there = [
        text for fault, text in zip(faults, said, strict=True) if (fault.line, fault.field) == (case.line, case.field)
    ]
    assert any(wanted in text for text in there), said
    assert all(len(text) < 500 for text in said)


@pytest.mark.parametrize(("name", "content", "english", "dutch"), UNREADABLE, ids=[row[0] for row in UNREADABLE])
def test_a_file_that_is_no_text_is_told_in_a_sentence(
    place: CampaignSetup, name: str, content: bytes, english: str, dutch: str
) -> None:
    for language, wanted in (("en", english), ("nl", dutch)):
        with pytest.raises(InputError) as raised:
            examined(place, content, language)
        assert wanted in in_language(str(raised.value), language)


@pytest.mark.parametrize(
    "content",
    [b"\xef\xbb\xbf" + file(), file().replace(b"\n", b"\r\n"), file().replace(b"\n", b"\r"), file().rstrip(b"\n")],
    ids=["a byte order mark", "CRLF", "CR", "no line end at the end"],
)
def test_what_editors_do_to_a_file_is_no_fault(place: CampaignSetup, content: bytes) -> None:
    assert [fault for fault in examined(place, content, "en")[0] if fault.severity == "error"] == []


def test_one_fault_of_the_head_does_not_bring_others_along(place: CampaignSetup) -> None:
    for content in (b"", b"Beste lezer,\n", b"---\nslug = zomer\n---\nx\n"):
        assert len([fault for fault in examined(place, content, "en")[0] if fault.field in HEAD]) == 0


@pytest.mark.slow
def test_the_command_line_says_it_in_the_language_of_the_environment_and_ends_with_1(tmp_path: Path) -> None:
    cli = CommandLine(tmp_path)
    cli.do("init")
    (tmp_path / "brief.md").write_bytes(file(subjct="x"))
    for language, wanted in (("C.UTF-8", "Did you mean subject?"), ("nl_NL.UTF-8", "Bedoel je subject?")):
        ran = cli.run("check", "brief.md", "--no-dns", LC_ALL=language)
        assert (ran.code, "brief.md:7: subjct: " in ran.err, wanted in ran.err) == (1, True, True)


@pytest.mark.slow
def test_a_letter_that_is_too_large_is_told_by_every_command_that_would_make_it(tmp_path: Path) -> None:
    cli = CommandLine(tmp_path)
    cli.do("init")
    (tmp_path / "brief.md").write_bytes(file("|".join("h" * 60) + "\n" + "|".join("-" * 60) + "\n", **AMSTERDAM))
    commands: list[list[str]] = [
        ["check", "--no-dns"],
        ["render"],
        ["send", "--yes"],
        ["schedule", "--at", "2030-01-01 09:00"],
    ]
    for command in commands:
        ran = cli.run(command[0], "brief.md", *command[1:])
        assert (command[0], ran.code, "brief.md:9: body: found a table of 5" in ran.err) == (command[0], 1, True)
