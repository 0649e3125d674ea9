"""Draws ``docs/states.md`` from the tables in the code (rule 5), and checks it: ``python -m tools.draw_states``.

The words of the states are those of the brief (what people see); the arrows are the tables' own.
"""

from __future__ import annotations

from pathlib import Path

from campaigns.lifecycle import states as campaign
from mailer.outbox import states as delivery

PAGE = Path(__file__).parent.parent / "docs" / "states.md"
CAMPAIGN = {
    "draft": "Written, not yet launched.",
    "in_review": "Waits for a colleague's approval.",
    "approved": "Approved: exactly this version.",
    "scheduled": "Will be sent at its hour by `serve`.",
    "sending": "Launched: the audience is frozen, deliveries go out.",
    "paused": "A person stopped it; `resume` carries on.",
    "held": "A rule stopped it, and says why; `resume` carries on.",
    "finished": "No delivery is waiting, sending or in retry.",
    "cancelled": "Stopped for good; who had not got it will not.",
}
DELIVERY = {
    "waiting": "In the queue.",
    "sending": "Claimed by a sender, which is offering it.",
    "accepted": "The reader's mail server took it.",
    "retry": "It said: later. Will be tried again at a stated hour.",
    "refused": "It said no, for good, or time is up.",
    "skipped": "Left out, with the reason.",
    "in_doubt": "Offered, and the answer never came. A person decides.",
    "bounced": "Accepted first, and came back later.",
    "complained": "The reader pressed *spam*.",
}


MAILING = {
    "open": "Its deliveries may be claimed.",
    "held": "Nothing of it is claimed; what is under way ends.",
    "closed": "Nothing is left to do.",
}


def page() -> str:
    """Return the whole page."""
    return "\n".join(
        [
            "# States",
            "",
            "Drawn from the tables in the code by `make docs-states`; a test says when this page is old.",
            "No move outside these tables happens.",
            "",
            *_part("Campaign", "campaigns/lifecycle/states.py", campaign.mermaid(), CAMPAIGN),
            *_part("Delivery: one letter to one person", "mailer/outbox/states.py", delivery.diagram(), DELIVERY),
            *_part(
                "Mailing: a campaign, or service mail, in the outbox",
                "mailer/outbox/states.py",
                delivery.diagram(delivery.MAILING_TRANSITIONS, "open"),
                MAILING,
            ),
        ]
    )


def _part(title: str, source: str, diagram: str, words: dict[str, str]) -> list[str]:
    rows = [f"| `{state}` | {text} |" for state, text in words.items()]
    table = ["| state | what it means |", "| --- | --- |", *rows]
    drawn = ["```mermaid", *map(_arrow, diagram.splitlines()), "```"]
    return [f"## {title}", "", *table, "", *drawn, "", f"The table: [{source}](../{source}).", ""]


def _arrow(line: str) -> str:
    """Mermaid ends a label at a semicolon and stumbles over a second colon."""
    arrow, colon, label = line.partition(": ")
    return arrow + colon + label.replace(": ", ", ").replace("; ", ", or ")


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
