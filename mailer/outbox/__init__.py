"""The outbox: mailings and their deliveries; the claiming of deliveries, and the outcome of each.

This package alone has the tables ``mailing``, ``delivery``, ``mailing_figures``, ``sender`` and ``service_stop``.
Every function takes the caller's connection first and changes nothing outside its transaction. Invariants: one delivery
per (mailing, recipient) (I1); no campaign letter for a suppressed address is claimed (I2). Every row is in one state,
and changes only as in ``states.py`` (I13). A claim is on disk before a byte is written, so after a crash each row is
settled, or in doubt and listed (I3, I4).

Limit of success: *accepted* means that the relay took the letter, not that the recipient got it (RFC 1047).
"""

from mailer.outbox import figures, service
from mailer.outbox.audit import differences, put_right
from mailer.outbox.candidates import Candidate, due, fresh, of_domain
from mailer.outbox.claim import claim, claim_rows, claim_state, give_up, unwanted
from mailer.outbox.counters import CounterDelta
from mailer.outbox.doubt import (
    bounced,
    complained,
    decide,
    doubts,
    erase_recipient,
    prove,
    prove_many,
    readdress,
    send_again,
)
from mailer.outbox.figures import DomainFigures, Figures
from mailer.outbox.lean import LeanWork, LeanWritten, begin_lean, commit_lean, write_lean
from mailer.outbox.listing import Listed, listed
from mailer.outbox.lookup import delivery_to, first_claim, posted_to, service_address
from mailer.outbox.mailings import (
    NO_MAILING,
    audience_complete,
    cancel,
    cancelled_ones,
    close,
    counts_of,
    deliveries,
    due_again,
    enqueue,
    enqueue_selected,
    find,
    get,
    hold,
    hold_all,
    next_retry,
    open_mailing,
    open_ones,
    outcomes,
    release,
    reopen,
    scope_of,
    skip_cancelled,
)
from mailer.outbox.refusals import (
    Refusal,
    accepted_since,
    last_answers,
    put_back,
    refusals,
    refused_for,
    relabel,
)
from mailer.outbox.senders import Sender, register, relay_away, running, sweep
from mailer.outbox.settle import held_by, settle, skip_claimed
from mailer.outbox.values import (
    Claimed,
    Counts,
    Delivery,
    Doubt,
    Hold,
    Identity,
    Mailing,
    MailingSpec,
    Posted,
    Recipient,
    Settlement,
)
from mailer.outbox.why import Why, why_nothing

__all__ = [
    "NO_MAILING",
    "Candidate",
    "Claimed",
    "CounterDelta",
    "Counts",
    "Delivery",
    "DomainFigures",
    "Doubt",
    "Figures",
    "Hold",
    "Identity",
    "LeanWork",
    "LeanWritten",
    "Listed",
    "Mailing",
    "MailingSpec",
    "Posted",
    "Recipient",
    "Refusal",
    "Sender",
    "Settlement",
    "Why",
    "accepted_since",
    "audience_complete",
    "begin_lean",
    "bounced",
    "cancel",
    "cancelled_ones",
    "claim",
    "claim_rows",
    "claim_state",
    "close",
    "commit_lean",
    "complained",
    "counts_of",
    "decide",
    "deliveries",
    "delivery_to",
    "differences",
    "doubts",
    "due",
    "due_again",
    "enqueue",
    "enqueue_selected",
    "erase_recipient",
    "figures",
    "find",
    "first_claim",
    "fresh",
    "get",
    "give_up",
    "held_by",
    "hold",
    "hold_all",
    "last_answers",
    "listed",
    "next_retry",
    "of_domain",
    "open_mailing",
    "open_ones",
    "outcomes",
    "posted_to",
    "prove",
    "prove_many",
    "put_back",
    "put_right",
    "readdress",
    "refusals",
    "refused_for",
    "register",
    "relabel",
    "relay_away",
    "release",
    "reopen",
    "running",
    "scope_of",
    "send_again",
    "service",
    "service_address",
    "settle",
    "skip_cancelled",
    "skip_claimed",
    "sweep",
    "unwanted",
    "why_nothing",
    "write_lean",
]
