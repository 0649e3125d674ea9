"""How a reply is read: the table of rules, tried from the first to the last; the first that holds wins.

Like the rules of a game, from what speaks about us to what speaks about the reader:

1. Words that do not mean what they say (``FIRST``), such as the default text of RFC 5321 for 550.
2. A quota of the relay, by the hour, the day or the plan; then its speed; greylisting, and a 4xx that says so itself.
3. Our account, our log-in, our sender, our server's name, and whether the relay passes our mail on.
4. What is thought of our server; spam and content; a full mailbox and size.
5. Trouble over there, and *try again later*.
6. The receiver's policy. It has the broad words (blocked, limit, sender …), which speak against what comes next.
7. Only then the mailbox: clear statements, then unclear ones.
8. When no words decided: the enhanced code (``CODES``), then the basic code (:mod:`mailer.outcome.classify`).

So nothing in a reply may speak against a statement that strikes somebody off. Sources: RFC 3463, RFC 5248, and the
sentences that real servers send (``tests/fixtures/replies``).
"""

from __future__ import annotations

from mailer.outcome.rules_letter import POLICY, SIZE, SPAM
from mailer.outcome.rules_mailbox import CLEAR, FIRST, UNCLEAR
from mailer.outcome.rules_pace import GREYLIST, REPUTATION, SPEED, TROUBLE
from mailer.outcome.rules_relay import QUOTAS, SENDER

RULES = FIRST + QUOTAS + SPEED + GREYLIST + SENDER + REPUTATION + SPAM + SIZE + TROUBLE + POLICY + CLEAR + UNCLEAR
"""Tried in this order on every refusal."""

CODES: tuple[tuple[str, str], ...] = (
    (r"1\.3$", "bad_address"),
    (r"1\.[78]$", "sender_refused"),
    (r"1\.0$", "other"),
    (r"1\.", "unavailable"),
    (r"2\.1$", "inactive"),
    (r"2\.2$", "full"),
    (r"2\.3$|3\.4$", "too_big"),
    (r"2\.0$", "other"),
    (r"3\.0$", "other"),
    (r"[23]\.", "trouble"),
    (r"4\.2$", "trouble"),
    (r"4\.", "route"),
    (r"5\.3$", "wait"),
    (r"5\.0$", "other"),
    (r"5\.", "protocol"),
    (r"6\.7$", "needs_utf8"),
    (r"6\.", "content"),
    (r"7\.", "policy"),
)
"""Subject and detail of an enhanced code (RFC 3463), when no words decided."""
