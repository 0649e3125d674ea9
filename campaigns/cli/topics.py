"""``topic``: a subject to subscribe to, its texts for readers in each language, and whether strangers may join."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from campaigns.cli import acts
from campaigns.cli.administration import Json
from campaigns.cli.opening import open_context
from campaigns.cli.output import _, ngettext, number, say, tell

if TYPE_CHECKING:
    from unsubscribe.contacts import Topic

_TAG = re.compile(r"[a-z]{2,3}")  # a primary language: readers' languages are compared by it
LONGEST = {"--name": 100, "--description": 300}
_Slug = Annotated[str, typer.Argument(help=_("The topic, as campaign files name it; without it, all are listed."))]
_Name = Annotated[str | None, typer.Option("--name", help=_("What readers see."))]
_NameIn = Annotated[
    list[str] | None,
    typer.Option(
        "--name-in",
        metavar="LANGUAGE=NAME",
        help=_("What readers of a language see; may be repeated. LANGUAGE= drops it."),
    ),
]
_About = Annotated[
    str | None,
    typer.Option("--description", help=_("What it brings and how often: readers see it at sign-up.")),
]
_AboutIn = Annotated[
    list[str] | None,
    typer.Option(
        "--description-in",
        metavar="LANGUAGE=TEXT",
        help=_("The same for readers of a language; may be repeated. LANGUAGE= drops it."),
    ),
]
_Open = Annotated[bool | None, typer.Option("--open/--closed", help=_("Whether strangers may sign up for it."))]


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command(
        "topic",
        help=_("Show the topics; name or describe one, open it for sign-up or close it. A new one is made."),
        epilog=_(
            'Example: postiljon topic news --name "Association news" --description "Some two mails a month." --open'
        ),
    )(topic)


def topic(
    slug: _Slug = "",
    name: _Name = None,
    name_in: _NameIn = None,
    description: _About = None,
    description_in: _AboutIn = None,
    is_open: _Open = None,
    as_json: Json = False,
) -> None:
    """Show a topic, or change it."""
    from campaigns.staff.audit import Verb
    from unsubscribe import contacts

    changes = wanted(name, description, is_open)
    names, abouts = in_languages("--name", name_in or ()), in_languages("--description", description_in or ())
    given = changes or names or abouts
    if given and not slug:
        raise typer.BadParameter(_("say which topic"), param_hint="SLUG")
    context = open_context()
    made = False
    if given:
        with context.db.write() as conn:
            made = contacts.find_topic(conn, slug) is None
            acts.record(conn, context, Verb.ADD_TOPIC, "topic", slug)
            found = contacts.ensure_topic(conn, slug, changes.get("name", ""), context.clock())
            texts = {"names": _kept(found.names, names), "descriptions": _kept(found.descriptions, abouts)}
            contacts.describe_topic(conn, found.id, **texts, **changes)
    with context.db.read() as conn:
        chosen = [contacts.topic(conn, slug)] if slug else contacts.topics(conn)
        counts = [contacts.audience_count(conn, item.slug) for item in chosen]
    context.close()
    if as_json:
        told = [_as_json(item, count) for item, count in zip(chosen, counts, strict=True)]
        tell(told[0] | {"made": made} if slug else told)
        return
    for item, count in zip(chosen, counts, strict=True):
        _print(item, count)
    if made:
        say(_("This topic is new."))
    if not chosen:
        say(_("There are no topics yet; an import makes one, and so does this command."))
    if any(item.is_open for item in chosen):
        say(_("People sign up at {url}.").format(url=f"{context.reader.public_url}/subscribe"))
        if not context.reader.contact:
            say(_("That is closed until POSTILJON_CONTACT is set: 'postiljon init --contact ADDRESS'."))


def wanted(name: str | None, description: str | None, is_open: bool | None) -> dict[str, Any]:
    """Return the text to store; white space and line breaks become one space. Raises ``typer.BadParameter``."""
    changes: dict[str, Any] = {} if is_open is None else {"is_open": is_open}
    for option, value in (("--name", name), ("--description", description)):
        if value is not None:
            changes[option.removeprefix("--")] = _line(option, value, may_be_empty=option == "--description")
    return changes


def in_languages(option: str, given: Sequence[str]) -> dict[str, str]:
    """Return texts by language, from ``nl=Nieuws``; an empty one is to be dropped. Raises ``typer.BadParameter``."""
    texts: dict[str, str] = {}
    for one in given:
        language, equals, text = one.partition("=")
        tag = language.strip().lower()
        if not equals or not _TAG.fullmatch(tag):
            said = _("expected a language, = and a text, such as {example}").format(example='nl="Ons nieuws"')
            raise typer.BadParameter(said, param_hint=f"{option}-in")
        texts[tag] = _line(option, text, may_be_empty=True)
    return texts


def _kept(known: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    return {language: text for language, text in {**known, **given}.items() if text}


def _line(option: str, value: str, *, may_be_empty: bool) -> str:
    text = " ".join(value.split())
    if not text.isprintable() or len(text) > LONGEST[option] or not (text or may_be_empty):
        said = _("expected one line of text, {longest} characters at most").format(longest=LONGEST[option])
        raise typer.BadParameter(said, param_hint=option)
    return text


def _print(item: Topic, count: int) -> None:
    state = _("open for sign-up") if item.is_open else _("closed for sign-up")
    people = ngettext("{number} subscribed", "{number} subscribed", count).format(number=number(count))
    say(f"{item.slug}: {item.name} ({state}; {people})")
    for language, name in sorted(item.names.items()):
        say(f"  {language}: {name}")
    if item.description:
        say(f"  {item.description}")
    for language, text in sorted(item.descriptions.items()):
        say(f"  {language}: {text}")
    if item.is_open and not item.description and not item.descriptions:
        say("  " + _("Who signs up is not told what it brings, and how often: add --description."))


def _as_json(item: Topic, count: int) -> dict[str, Any]:
    names = {"slug": item.slug, "name": item.name, "names": dict(item.names)}
    about = {"description": item.description, "descriptions": dict(item.descriptions)}
    return names | about | {"open": item.is_open, "subscribed": count}
