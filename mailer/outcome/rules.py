"""Which texts mean which class: an ordered table; the first rule that holds wins (B65).

A rule has a pattern over ``enhanced-code + text`` in lower case, and may be for some codes or stages only.
Providers' own phrases come before generic ones, and what the text says comes before what the enhanced code says, since
servers put ``5.7.1`` and ``5.1.0`` on everything. Sources: RFC 3463, RFC 5248, and the sentences that Gmail,
Outlook, Yahoo, iCloud, GMX, web.de, T-Online, OVH, KPN, Ziggo, Proofpoint, Mimecast, Barracuda, Spamhaus,
Postfix, Exim and Exchange are known to send.
"""

from __future__ import annotations

from mailer.outcome.rules_ours import OURS, OVERRIDES
from mailer.outcome.rules_theirs import THEIRS

RULES = OVERRIDES + OURS + THEIRS
"""Tried in this order on every refusal."""

CODES: tuple[tuple[str, str], ...] = (
    (r"1\.[01]$", "no_address"),
    (r"1\.2$", "no_domain"),
    (r"1\.3$", "bad_address"),
    (r"1\.4$", "no_address"),
    (r"1\.6$", "moved"),
    (r"1\.[78]$", "sender_refused"),
    (r"1\.10$", "no_mail_domain"),
    (r"2\.1$", "inactive"),
    (r"2\.2$", "full"),
    (r"2\.3$|3\.4$", "too_big"),
    (r"[23]\.", "trouble"),
    (r"4\.2$", "trouble"),
    (r"4\.", "route"),
    (r"5\.3$", "wait"),
    (r"5\.", "protocol"),
    (r"6\.7$", "needs_utf8"),
    (r"6\.", "content"),
    (r"7\.", "policy"),
)
"""Subject and detail of an enhanced code (RFC 3463), when no text decided."""
