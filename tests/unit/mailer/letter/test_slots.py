"""Finding and checking contact tags."""

from __future__ import annotations

import pytest

from mailer.letter.slots import Tag, Text, compile_expression, names_used, scan


def faults(source: str) -> list[str]:
    return [str(fault) for fault in scan(source, file="brief.md").faults]


def test_texts_and_tags_put_together_are_the_source() -> None:
    source = (
        'Dag {{ contact.name|default("lezer") }},\n{% if contact.a %}x{% elif links.online %}y{% else %}z{% endif %}\n'
    )
    found = scan(source)
    assert not found.faults
    assert "".join(piece.text if isinstance(piece, Text) else piece.raw for piece in found.pieces) == source
    assert [(tag.kind, tag.source) for tag in found.tags] == [
        ("slot", 'contact.name | default("lezer")'),
        ("if", "contact.a"),
        ("elif", "links.online"),
        ("else", ""),
        ("endif", ""),
    ]


def test_a_loop_gives_its_variable_and_its_list() -> None:
    (first, slot, _) = scan("{% for dag in contact.dagen %}{{ dag }}{% endfor %}").pieces
    assert isinstance(first, Tag)
    assert (first.kind, first.name, first.source) == ("for", "dag", "contact.dagen")
    assert isinstance(slot, Tag)
    assert slot.source == "dag"


def test_each_tag_knows_its_line_and_column() -> None:
    found = scan("a\nbc {{ links.online }}\n\n  {{ links.optout }}", first_line=12)
    assert [(tag.line, tag.column) for tag in found.tags] == [(13, 4), (15, 3)]


def test_a_comment_is_left_out_and_a_lone_mark_of_one_is_text() -> None:
    pieces = scan("a{# geheim {{ fout }} #}b{#").pieces
    assert "".join(piece.text for piece in pieces if isinstance(piece, Text)) == "ab{#"


def test_braces_within_quotes_belong_to_the_text() -> None:
    found = scan('{{ "}} {{ %}" }}')
    assert not found.faults
    assert found.tags[0].source == '"}} {{ %}"'


def test_every_fault_is_found_at_once_with_its_line() -> None:
    source = "{{ contact.a }}\n{{ naam }}\n{% endif %}\n{{\n\ncontact.b | defualt('x') }}\n{{ open\n"
    source += "{% for x in links.online %}"
    found = scan(source, file="brief.md", first_line=10, field="subject").faults
    assert [fault.line for fault in found] == [10, 11, 12, 15, 16, 17, 17]
    assert {fault.file for fault in found} == {"brief.md"}
    assert {fault.field for fault in found} == {"subject"}


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("{{ contact.naam }}", 'Write {{ contact.naam | default("…") }}'),
        ("{{ contact.naam | upper }}", "a fallback"),
        ("{{ contact.a | default(contact.b) }}", "a fallback"),
        ("{{ contact.a == 'b' }}", "A condition stands in {% if"),
        ("{{ contact.a | defualt('x') }}", "Did you mean default?"),
        ("{{ contakt.a }}", "Did you mean contact?"),
        ("{{ salutation }}", "Did you mean contact.salutation?"),
        ("{{ links.onlin }}", "Did you mean online?"),
        ("{{ contact }}", "such as contact.name"),
        ("{{ contact.a.b | default('x') }}", "a single name after contact"),
        ("{{ contact.a[0] | default('x') }}", "a single name after contact"),
        ("{{ 1 + 1 }}", "Arithmetic"),
        ("{{ '%0999d' % 1 }}", "Arithmetic"),
        ("{{ contact.a() }}", "Nothing can be called"),
        ("{{ range(9) }}", "Did you mean contact.range?"),
        ("{{ “x” }}", "straight quotes"),
        ("{{ contact.a | default(“x”) }}", "straight quotes"),
        ("{{ }}", "nothing more"),
        ("{{ true }}", "write the name alone"),
        ("{{ contact.a | date('dd-mm-yy HH') | default('x') }}", "d MMMM"),
        ("{{ contact.a | number('x') | default('x') }}", "how many decimals"),
        ("{{ contact.a | default }}", 'default("reader")'),
        ("{{ contact.a | upper(1) | default('x') }}", "nothing between brackets"),
        ("{{ contact.a", "}} where the tag ends"),
        ("{% if contact.a }}", "%} where the tag ends"),
        ("contact.a }}", "{{ before it"),
        ("{%- if contact.a %}{% endif %}", "without a hyphen"),
        ("{% macro x() %}", "one of if, elif, else"),
        ("{% include 'x' %}", "one of if, elif, else"),
        ("{% endfi %}", "Did you mean endif?"),
        ("{% if contact.a %}", "{% endif %} further on"),
        ("{% for a in contact.a %}", "{% endfor %} further on"),
        ("{% endif %}", "{% if … %} before it"),
        ("{% else %}", "{% if … %} before it"),
        ("{% if contact.a %}{% else %}{% else %}{% endif %}", "once, and last"),
        ("{% if contact.a %}{% else %}{% elif contact.b %}{% endif %}", "once, and last"),
        ("{% if contact.a %}{% for x in contact.b %}{% endif %}", "first {% endfor %}"),
        ("{% for x in contact.b %}{% else %}{% endfor %}", "A loop has no else"),
        ("{% for x in contact.b %}{% for y in contact.c %}{% endfor %}{% endfor %}", "no loop within a loop"),
        ("{% for x in 'abc' %}{% endfor %}", "own list"),
        ("{% for contact in contact.b %}{% endfor %}", "{% for NAME in contact.LIST %}"),
        ("{% for x in contact.b | upper %}{% endfor %}", "own list"),
        ("{% if contact.a is defined %}{% endif %}", "write the name alone"),
        ("{% if contact.a if contact.b %}{% endif %}", "{% if … %} … {% else %}"),
        ("{% if contact.a < contact.b < contact.c %}{% endif %}", "join two with and"),
        ("{% if contact.a = 'b' %}{% endif %}", "write =="),
        ("{% else x %}", "with nothing else in it"),
        ("{% if %}{% endif %}", "a name such as contact.name"),
        ("{% if contact.a %}" * 11 + "{% endif %}" * 11, "10 levels"),
        ("{% if " + "(" * 11 + "contact.a" + ")" * 11 + " %}{% endif %}", "10 levels"),
        ("{{ contact.a | default('" + "x" * 2100 + "') }}", "where the tag ends"),
    ],
)
def test_what_is_not_allowed_is_said_with_what_to_do_instead(source: str, words: str) -> None:
    found = faults(source)
    assert any(words in fault for fault in found), found


@pytest.mark.parametrize(
    "source",
    [
        "{{ contact.email }}",
        '{{ contact["eerste naam"] | default("lezer", true) | title }}',
        "{{ contact.a or 'x' }}",
        "{{ contact.a | default(contact.b) | default('') }}",
        "{{ links.details }}",
        "{{ 'tekst' }} {{ 3 }} {{ -2.5 }}",
        "{% if not (contact.a or contact.b) and 'x' in contact.c and contact.d not in ['a', -1] %}{% endif %}",
        "{% if contact.a in ('x', 'y') %}{% endif %}",
        "{{ contact.d | date('full') | default('binnenkort') }} {{ contact.n | number(2) | default('0') }}",
        "{{ contact.l | join(' · ') | default('niets') | upper | lower }}",
        "{%if contact.a%}{%endif%}",
        "{{contact.a|default('é“”')}}",
    ],
)
def test_what_the_contract_allows_has_no_fault(source: str) -> None:
    assert faults(source) == []


@pytest.mark.parametrize(
    "source",
    [
        "{{ ",
        '{{ "',
        "{{ '\n",
        "{",
        "{#",
        '{{ contact.a | default("x") }}',
        "{% if contact.a %}",
        "}}",
        "{{((((",
        "{{ not not ",
    ],
)
def test_hostile_length_costs_linear_time(source: str) -> None:
    """Expected: it ends. With a step for each pair of characters it would outlive the time that a test is given."""
    scan(source * (200_000 // len(source)))


def test_names_used_are_dotted() -> None:
    assert names_used('contact.a | default(contact["b c"]) and not item') == {"contact.a", "contact.b c", "item"}
    assert names_used("links.online") == {"links.online"}


def test_a_compiled_slot_gives_the_value_or_its_fallback() -> None:
    value = compile_expression('contact.salutation | default("heer, mevrouw")', "nl")
    assert value({"contact": {"salutation": "mevrouw De Vries"}}) == "mevrouw De Vries"
    assert value({"contact": {"salutation": ""}}) == "heer, mevrouw"
