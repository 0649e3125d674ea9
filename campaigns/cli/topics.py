"""``topic``: what people can subscribe to; its name, what readers are told of it, and whether strangers may sign up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from campaigns.cli.house import Json
from campaigns.cli.output import _, ngettext, number, say, tell

if TYPE_CHECKING:
    from unsubscribe.contacts import Topic

LONGEST = {"--name": 100, "--description": 300}
_Slug = Annotated[str, typer.Argument(help=_("The topic, as campaign files name it; without it, all are listed."))]
_Name = Annotated[str | None, typer.Option("--name", help=_("What readers see."))]
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
    slug: _Slug = "", name: _Name = None, description: _About = None, is_open: _Open = None, as_json: Json = False
) -> None:
    """Show, or change."""
    from campaigns.app import open_house
    from unsubscribe import contacts

    changes = wanted(name, description, is_open)
    if changes and not slug:
        raise typer.BadParameter(_("say which topic"), param_hint="SLUG")
    house = open_house(say=_)
    made = False
    if changes:
        with house.db.write() as conn:
            made = contacts.find_topic(conn, slug) is None
            found = contacts.ensure_topic(conn, slug, changes.get("name", ""), house.clock())
            contacts.describe_topic(conn, found.id, **changes)
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
        if value is None:
            continue
        text = " ".join(value.split())
        if not text.isprintable() or len(text) > LONGEST[option] or (option == "--name" and not text):
            said = _("expected one line of text, {longest} characters at most").format(longest=LONGEST[option])
            raise typer.BadParameter(said, param_hint=option)
        changes[option.removeprefix("--")] = text
    return changes


def _print(item: Topic, count: int) -> None:
    state = _("open for sign-up") if item.is_open else _("closed for sign-up")
    people = ngettext("{number} subscribed", "{number} subscribed", count).format(number=number(count))
    say(f"{item.slug}: {item.name} ({state}; {people})")
    if item.description:
        say(f"  {item.description}")


def _as_json(item: Topic, count: int) -> dict[str, Any]:
    names = {"slug": item.slug, "name": item.name, "names": dict(item.names), "description": item.description}
    return names | {"open": item.is_open, "subscribed": count}
