"""The contacts of a campaign, one by one: the outcome of each letter, and the server's own words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from campaigns.cli.output import _, people, say, tell, writing_text

if TYPE_CHECKING:
    from mailer.outbox import Delivery

COLUMNS = ("address", "state", "reason", "words", "code", "reply", "at", "next_attempt_at")


def list_people(slug: str, found: Iterable[Delivery], out: Path | None, as_json: bool) -> None:
    """Print the deliveries, or write them to a CSV file; raises ``InputError`` where that cannot be written."""
    rows = (_row(item) for item in found)
    if out is not None:
        say(_("{people}: {path}").format(people=people(_write(out, rows)), path=out))
    elif as_json:
        tell({"campaign": slug, "people": list(rows)})
    else:
        count = 0
        for count, row in enumerate(rows, 1):  # noqa: B007 - counted below
            said = f"{row['code']} {row['reply']}".strip() if row["code"] else row["reply"]
            say(f"{row['address'] or _('(erased)')}  {row['words']}{': ' + said if said else ''}")
        say(_("Nobody.") if not count else people(count))


def _row(item: Delivery) -> dict[str, Any]:
    from campaigns.lifecycle import report

    return {
        "address": item.address,
        "state": item.state,
        "reason": item.reason,
        "words": report.words_of(item.state, item.reason),
        "code": item.code,
        "reply": item.reply,
        "at": item.at.isoformat() if item.at else None,
        "next_attempt_at": item.retry_at.isoformat() if item.retry_at else None,
    }


def _write(path: Path, rows: Iterator[dict[str, Any]]) -> int:
    """Write the file for spreadsheets; no cell can act as a formula. Return the number of people."""
    from unsubscribe.contacts.sheet import SheetWriter

    count = 0
    with writing_text(path) as file:
        writer = SheetWriter(file, COLUMNS)
        for count, row in enumerate(rows, 1):  # noqa: B007 - returned
            writer.row(row[name] for name in COLUMNS)
    return count
