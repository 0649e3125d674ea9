"""Who of a topic is meant: the front matter's ``segment``, a comparison over a contact's own attributes.

The same checked subset as contact tags: ``contact.city == "Utrecht"``, ``contact.role in ["raadslid", "griffier"]``,
``contact.city and not contact.newsletter``, ``"sport" in contact.interests``. A missing value makes a comparison
false. Nothing can run away. It is asked once per contact, while the audience is frozen, with the values of that
moment. Raises ``FaultsError`` for an expression outside the subset.
"""

from __future__ import annotations

from collections.abc import Callable

from mailer.letter.slots import compile_expression
from unsubscribe.contacts import Contact

Keep = Callable[[Contact], bool]


def everybody(_contact: Contact) -> bool:
    """No segment: all subscribers of the topic."""
    return True


def keep(expression: str, language: str) -> Keep:
    """Whether a contact belongs to the segment; everybody does when there is none."""
    if not expression:
        return everybody
    evaluate = compile_expression(expression, language)
    return lambda contact: bool(evaluate({"contact": contact.values(), "links": {}}))
