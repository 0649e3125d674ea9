"""``topic``: what people can subscribe to; its name (in each language), what readers are told of it, who may join."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from campaigns.cli.house import Json
from campaigns.cli.output import _, ngettext, number, say, tell

if TYPE_CHECKING:
    from unsubscribe.contacts import Topic

_TAG = re.compile(r"[a-z]{2,3}")  # a main language: what readers' languages are compared by
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
_About = Annotated[str | None, typer.Option("--description", help=_("What it is about: readers see it at sign-up."))]
_Open = Annotated[bool | None, typer.Option("--open/--closed", help=_("Whether strangers may sign up for it."))]


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command(
        "topic",
        help=_("Show the topics; name or describe one, open it for sign-up or close it. A new one is made."),
        epilog=_('Example: postiljon topic news --name "Association news" --open'),
    )(topic)


def topic(
    slug: _Slug = "",
    name: _Name = None,
    name_in: _NameIn = None,
    description: _About = None,
    is_open: _Open = None,
    as_json: Json = False,
) -> None:
    """Show, or change."""
    from campaigns.app import open_house
    from unsubscribe import contacts

    changes, names = wanted(name, description, is_open), wanted_names(name_in or ())
    if (changes or names) and not slug:
        raise typer.BadParameter(_("say which topic"), param_hint="SLUG")
    house = open_house(say=_)
    made = False
    if changes or names:
        with house.db.write() as conn:
            made = contacts.find_topic(conn, slug) is None
            found = contacts.ensure_topic(conn, slug, changes.get("name", ""), house.clock())
            kept = {language: text for language, text in {**found.names, **names}.items() if text}
            contacts.describe_topic(conn, found.id, names=kept, **changes)
    with house.db.read() as conn:
        chosen = [contacts.topic(conn, slug)] if slug else contacts.topics(conn)
        counts = [contacts.audience_count(conn, item.slug) for item in chosen]
    house.close()
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
        say(_("People sign up at {url}.").format(url=f"{house.reader.public_url}/subscribe"))


def wanted(name: str | None, description: str | None, is_open: bool | None) -> dict[str, Any]:
    """What is to be stored; white space and line breaks become one space. Raises ``typer.BadParameter``."""
    changes: dict[str, Any] = {} if is_open is None else {"is_open": is_open}
    for option, value in (("--name", name), ("--description", description)):
        if value is not None:
            changes[option.removeprefix("--")] = _line(option, value, may_be_empty=option == "--description")
    return changes


def wanted_names(given: Sequence[str]) -> dict[str, str]:
    """Names by language, from ``nl=Nieuws``; an empty one is to be dropped. Raises ``typer.BadParameter``."""
    names: dict[str, str] = {}
    for one in given:
        language, equals, text = one.partition("=")
        tag = language.strip().lower()
        if not equals or not _TAG.fullmatch(tag):
            said = _("expected a language, = and a name, such as {example}").format(example='nl="Ons nieuws"')
            raise typer.BadParameter(said, param_hint="--name-in")
        names[tag] = _line("--name", text, may_be_empty=True)
    return names


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


def _as_json(item: Topic, count: int) -> dict[str, Any]:
    names = {"slug": item.slug, "name": item.name, "names": dict(item.names), "description": item.description}
    return names | {"open": item.is_open, "subscribed": count}
