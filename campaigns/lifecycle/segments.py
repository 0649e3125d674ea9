"""The part of a topic's contacts that is meant: ``segment`` in the front matter, a comparison over attributes.

The same checked subset as contact tags: ``contact.city == "Utrecht"``, ``contact.role in ["raadslid", "griffier"]``,
``contact.city and not contact.newsletter``, ``"sport" in contact.interests``. A missing value makes a comparison
false. No expression can run without end. It is evaluated once per contact, while the audience is frozen, with the
values of that moment. Raises ``FaultsError`` for an expression outside the subset.
"""

from __future__ import annotations

from collections.abc import Callable

from mailer.letter.slots import compile_expression
from unsubscribe.contacts import Contact

Keep = Callable[[Contact], bool]


def everybody(_contact: Contact) -> bool:
    """Keep every contact: without a segment all subscribers of the topic are meant."""
    return True


def keep(expression: str, language: str) -> Keep:
    """Return the test whether a contact belongs to the segment; every contact does when there is none."""
    if not expression:
        return everybody
    evaluate = compile_expression(expression, language)
    return lambda contact: bool(evaluate({"contact": contact.values(), "links": {}}))
