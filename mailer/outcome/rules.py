"""The table of rules for the words of a reply, tried from the first to the last; the first match wins.

The order goes from causes on our side to causes on the recipient's side:

1. Misleading words (``FIRST``), such as the default text of RFC 5321 for 550.
2. A quota of the relay, by the hour, the day or the plan; then its speed, greylisting, and a 4xx in temporary words.
3. Our account, our log-in, our sender, our server's name, and whether the relay passes our mail on.
4. The reputation of our server, spam and content, a full mailbox and size.
5. Problems of the server, and *try again later*.
6. The receiver's policy. It has broad words (blocked, limit, sender …), which contradict a statement of rule 7.
7. Only then the mailbox: clear statements, then unclear ones.
8. When no words decided: the enhanced code (``CODES``), then the basic code (:mod:`mailer.outcome.classify`).

So a statement strikes an address off only if no other words of the reply contradict it. Sources: RFC 3463, RFC 5248,
and the sentences that real servers send (``tests/fixtures/replies``).
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
