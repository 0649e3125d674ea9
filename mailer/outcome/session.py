"""Replies about the connection or the session, and not about a letter. Pure, total, linear in the text.

The transport uses this module to decide on the connection: :func:`when_opening` while it is made,
:func:`about_connection` and :func:`out_of_order` while letters go over it. The worker uses :func:`stops_all` to learn
whether an event stops all mail at the moment. :mod:`mailer.outcome.decide` decides on deliveries.
"""

from __future__ import annotations

import re
from typing import Literal

from mailer.outcome.results import RelayEvent, Replied

_LONGEST = 600
_SYNTAX_CODES = (500, 502, 503)
_ENHANCED = re.compile(r"(?<![\d.])[245]\.(\d{1,3})\.(\d{1,3})(?![\d.]*\d)")
_NOISE = re.compile(r"https?://\S{1,300}|<?[^\s<>@]{1,64}@[^\s<>@]{1,255}>?")
_ABOUT_US = frozenset({"greeting", "ehlo", "starttls", "tls", "auth", "mail", "data", "rset", "idle"})

_BUSY = re.compile(
    r"too (many|much) .{0,40}(connection|session|client|load|traffic)|too (many|fast|frequent|quick)"
    r"|(connection|session|rate|client)s? ?-?(count |number )?(limit|exceeded)|max(imum|\.)? .{0,30}(connect|session)"
    r"|(concurrent|simultaneous|parallel) (connection|session)|connecting too|connection (rate|frequency)"
    r"|\brate\b|throttl|\bbusy\b|overload|(high|heavy|system|server) load|load (is )?too high"
    r"|temporar(y|il)|try (it )?(again|later|in \d|after)|(again|come back|retry|reconnect) (later|in \d|after)"
    r"|please (wait|retry)|slow down|not available (right )?now|shutting down|starting up|back ?off"
    r"|zu viele|sp(ä|ae)ter|(ü|ue)berlast|te veel|later (opnieuw|nog)|probeer|overbelast|\bbezet\b"
    r"|trop de|plus tard|r(é|e)essay|surcharg|occup(é|e)"
)
_FOR_GOOD = re.compile(r"(not|never|n't|no need to) (to )?(re-?try|try (it )?again|reconnect|come back)")

_SESSION = r"(session|connection|conversation|channel|sitzung|verbindung|sessie|verbinding|connexion)"
_THING = (
    r"(messages?|e?-?mails?|letters?|recipients?|rcpts?|addresse?s?|transactions?|deliver\w*|submissions?|commands?"
    r"|envelopes?|errors?|users?|nachrichten|empf(ä|ae)nger|berichten|ontvangers|destinataires)"
)
_MUCH = (
    r"(too (many|much)|limit|max|exceed|reached|no more|no further|only|enough|at most|allowed|quota|zu viele|te veel"
    r"|trop de|used up)"
)
_CLEAR = re.compile(
    rf"{_MUCH}.{{0,60}}{_THING}.{{0,60}}\b{_SESSION}|{_THING}.{{0,60}}{_MUCH}.{{0,60}}\b{_SESSION}"
    rf"|{_THING}.{{0,40}}\b{_SESSION}.{{0,40}}{_MUCH}|\b{_SESSION}.{{0,40}}{_MUCH}.{{0,40}}{_THING}"
    rf"|{_MUCH}.{{0,40}}\b{_SESSION}.{{0,40}}{_THING}|{_THING}.{{0,30}}\bper (smtp )?{_SESSION}"
    rf"|\b(this|the|your|smtp) {_SESSION} .{{0,30}}({_MUCH}|expired|is over|finished)"
    r"|session .{0,20}limit|(new|another|fresh|different|other) (smtp )?(session|connection)|re-?connect"
    r"|neue verbindung|nieuwe verbinding|nouvelle connexion"
)
_TOGETHER = re.compile(
    r"concurrent|simultaneous|parallel|gleichzeitig|gelijktijdig|simultan|open connections|per (second|minute|hour|day)"
    r"|too many (smtp )?(connections|sessions)|connection (to|with|from)\b|connect(ion)? (timed|refused)"
)
_MAILBOX = re.compile(r"mailbox|inbox|quota|\bfull\b|storage|disk|user|account|over ?limit|postfach|postvak|\bvol\b")

_ORDER = re.compile(
    r"(bad|wrong|invalid|incorrect|improper|out of|command) ?(command )?(sequence|order)|sequence of|pipelin"
    r"|need(s|ed)? (a |an |the )?(valid )?(mail|rcpt|data|helo|ehlo|recipient)"
    r"|(mail|rcpt|data|helo|ehlo)( command)? first"
    r"|(before|without) (a |the )?(mail|rcpt|data|helo|ehlo|recipient)|must (precede|come|be issued)"
    r"|(already|not yet) (been )?(specified|given|issued|started|in progress)|no sender given"
    r"|nested|no (valid )?(recipients|transaction)|no mail transaction"
)
_SYNTAX = re.compile(
    r"un-?recogni[sz]ed|not (recogni[sz]ed|implemented|understood|supported)|unimplemented|syntax|parse error"
    r"|(unknown|invalid|bad|illegal|unexpected|unsupported|undefined|malformed|what) command"
    r"|command (is )?(unknown|not|un)"
    r"|break rules|garbage|line too long|unbekannt|befehl|reihenfolge|onbekende? (commando|opdracht)|volgorde"
    r"|commande (inconnue|non)|s(é|e)quence"
)
_STATEMENT = re.compile(
    r"authenti|\bauth\b|log(ged)? ?(in|on)\b|password|credential|account|activat|suspend|disabled|subscri|licen[cs]e"
    r"|billing"
    r"|payment|\bplan\b|trial|quota|limit|exceed|too (many|much)|polic|denied|deny|refused|reject|forbidden|prohibit"
    r"|not (allowed|permitted|authori[sz]ed|verified|accepted)|permission|blocked|blacklist|blocklist|\blisted\b|spam"
    r"|reput|abuse|relay|sender|from address|return path|domain|verif|confirm|encrypt|tls\b|service|unavailable"
    r"|konto|gesperrt|freigeschaltet|afzender|geweigerd|geblokkeerd|compte|exp(é|e)diteur"
)
_LOGIN = re.compile(r"authenti|\bauth\b|log ?in\b")
_CERTAIN = re.compile(r"account|authenti|\bauth\b|sender|polic|limit|quota")
_SAYS_NOTHING = frozenset({"", "error", "err", "failed", "failure", "no", "what", "sorry", "command", "bad", "unknown"})


def when_opening(stage: str, code: int, text: str) -> Literal["slow_down", "refused"]:
    """Decide on a 4xx or 5xx while the connection is made: connect again later, or treat it as refused for good.

    A 4xx is always *later*. So is a 5xx to the greeting or to EHLO that mentions too many connections, a rate, a busy
    server or another time.
    """
    if code < 500:
        return "slow_down"
    words = _words(text)
    later = stage in ("greeting", "ehlo") and _BUSY.search(words) and not _FOR_GOOD.search(words)
    return "slow_down" if later else "refused"


def stops_all(event: RelayEvent) -> bool:
    """Return whether this event stops all mail now (the relay is away, refuses us, is silent, or asks us to wait).

    A 421 to RCPT or to a final dot is an answer about that letter, and settles it.
    """
    return event.kind in ("away", "refused", "silent") or (event.kind == "slow_down" and event.stage in _ABOUT_US)


def about_connection(reply: Replied, accepted: int, earlier: int) -> bool:
    """Return whether a refusal means that this connection has reached its limit: the next one may well take the letter.

    ``accepted``: messages that this connection took before; ``earlier``: letters that were offered on it before. The
    first letter of a connection is never refused because of the connection. Clear words count after any earlier
    letter; a 452 to MAIL or RCPT without them counts after an accepted one, unless it mentions a mailbox.
    """
    if not earlier or not 400 <= reply.code < 600:
        return False
    words = _words(reply.text)
    if _CLEAR.search(words) and not _TOGETHER.search(words):
        return True
    if reply.code != 452 or not accepted or reply.stage not in ("mail", "rcpt"):
        return False
    enhanced = _ENHANCED.search(words)
    if enhanced and enhanced[1] in ("1", "2"):
        return False
    return reply.stage == "mail" or bool(enhanced and enhanced[1] == "5") or not _MAILBOX.search(words)


def out_of_order(code: int, text: str) -> bool:
    """Return whether a refusal is about the order or the syntax of commands, not about their content.

    500, 502 and 503 are so by RFC 5321. But relays use them also for statements about an account, a sender, a login or
    a limit. An enhanced code outside X.5.x, or such words, make it a statement.
    """
    if code not in _SYNTAX_CODES:
        return False
    words = _words(text)
    enhanced = _ENHANCED.search(words)
    subject = enhanced[1] if enhanced else ""
    if subject not in ("", "0", "5"):
        return False
    if _ORDER.search(words):
        return not _LOGIN.search(words)
    if _STATEMENT.search(words):
        return bool(_SYNTAX.search(words)) and not _CERTAIN.search(words)
    return subject == "5" or bool(_SYNTAX.search(words)) or re.sub(r"[\W\d]+", " ", words).strip() in _SAYS_NOTHING


def _words(text: str) -> str:
    """Return the text in lower case, on one line, without addresses and links."""
    return " ".join(_NOISE.sub(" ", text[:_LONGEST]).lower().split())
