"""``contacts suppress``: staff hold back all mail to an address, because its owner asked or objects (GDPR 18, 21).

Nothing is deleted and nothing is sent; what is being sent is not sent either. There is no command to lift it: only the
person can, by signing up and confirming it from the mailbox.
"""

from __future__ import annotations

from campaigns.cli.house import Json
from campaigns.cli.output import _, say, tell
from campaigns.cli.proof import Email


def suppress(email: Email, as_json: Json = False) -> None:
    """Hold back."""
    from campaigns.app import open_house
    from unsubscribe import holding

    house = open_house(say=_)
    with house.db.write() as conn:
        held = holding.hold(conn, email, house.pepper, house.clock())
    house.close()
    if as_json:
        tell({"suppressed": True, "known": held.known, "again": held.again, "topics": list(held.topics)})
        return
    say(_("From now on no mail goes to {email}. Nothing was deleted.").format(email=email))
    if not held.known:
        say(_("Nobody is known under this address; an import may bring it in, and it still gets no mail."))
    say(_("Only the person can lift this, by signing up and confirming it."))
