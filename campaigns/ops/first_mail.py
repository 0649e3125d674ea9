"""The first test mail of an installation: a short letter to an administrator's own address, with the relay's answer.

Promises: it is a marked test mail (:mod:`campaigns.review.preview`): nothing is counted and nobody is suppressed. The
connection is tried first (:mod:`.relay_test`), so that a server that is away answers within seconds. The letter has the
brand of the installation, and no typed text but the name of the organisation. Raises ``FaultsError`` for a letter that
cannot be made, ``TransportError`` for a connection that was lost meanwhile.
"""

from __future__ import annotations

from campaigns.context import AppContext
from campaigns.ops.relay_test import RelayAnswer, try_relay
from campaigns.review import preview
from campaigns.source.campaign_source import from_texts
from campaigns.source.writing import new_file
from mailer.messages import Message
from mailer.transport.base import Replied
from templates.words import words

SLUG = "first-test-mail"
_ACCEPTED = Message("The mail server accepted the mail for {address}. Look in your mailbox, also under spam.")
_REFUSED = Message("the mail server refused it: {words}")


def send_first_mail(context: AppContext, address: str, language: str) -> RelayAnswer:
    """Send the letter to one address; return the outcome in words."""
    answer = try_relay(context.mailer.smtp_url, context.hello_name)
    if not answer.is_ok:
        return answer
    source = from_texts(SLUG, _letter(context, language), {}, context.launch_config.brand)
    results = preview.send_tests(context.launch_config, context.worker_deps(), source, [address])
    shown, result = results[0]
    if isinstance(result, Replied) and 200 <= result.code < 300:
        return RelayAnswer(True, _ACCEPTED.format(address=shown))
    said = f"{result.code} {result.text}" if isinstance(result, Replied) else result.why
    return RelayAnswer(False, _REFUSED.format(words=said[:300]))


def _letter(context: AppContext, language: str) -> str:
    _ = words(language, "cli").gettext
    head = {
        "slug": SLUG,
        "subject": _("Your first test mail"),
        "preheader": _("Postiljon can send mail."),
        "from": context.reader.contact,
        "language": language,
        "topic": "test",
        "online": "none",
    }
    told = _("This mail came through the mail server that you chose. It has the look of your organisation.")
    return new_file(head, f"# {_('It works')}\n\n{told}\n")
