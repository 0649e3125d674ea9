"""The steps from source to compiled letter: scan, mask, parse, check, write, put inline, put the slots back.

All faults are reported at once. A letter is written twice. The version for contacts consists of templates. The public
version is finished HTML and text (fallbacks, conditions false, personal links left out).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mailer.control_characters import IN_STRICT_LINE, IN_STRICT_TEXT
from mailer.errors import Fault, FaultsError
from mailer.letter.brand import PLATE, sender_lines, shown_width
from mailer.letter.compile.check_slots import in_addresses, unfilled_online
from mailer.letter.compile.checks import Checker
from mailer.letter.compile.dates import day_in_words
from mailer.letter.compile.html import HtmlWriter
from mailer.letter.compile.inline import inline_styles
from mailer.letter.compile.limits import PICTURE_BYTES, TimeLimit, TooMuch, sizes, tags
from mailer.letter.compile.lines import hide_lines, settle_choices
from mailer.letter.compile.lost_words import Lost, Parts, lost
from mailer.letter.compile.placeholders import Masked, Placeholders
from mailer.letter.compile.places import Misplaced, flat_template, html_template
from mailer.letter.compile.plaintext import WIDTH, TextWriter, guessed_width, wrapped
from mailer.letter.compile.presence import of_run, when
from mailer.letter.compile.preview import first_sentence, no_preheader
from mailer.letter.compile.shape import for_nobody, gather_lists, hide_empty
from mailer.letter.compile.sharing import sharing
from mailer.letter.compile.targets import settle_targets
from mailer.letter.compile.tree import Element, is_beside, parse
from mailer.letter.compiled import Branch, Compiled, CompiledTemplate, EscapeContext, Letter, Loop
from mailer.letter.personalise import render_public
from mailer.letter.picture import Picture, picture
from mailer.letter.slots import MAX_FAULTS, scan
from mailer.letter.source import LetterSource
from mailer.messages import Message
from templates import render_layout, safe
from templates.words import direction

FONT = safe("-apple-system, BlinkMacSystemFont, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif")
CLIPPED = 90_000  # Gmail cuts a letter at about 102 kB (C1)
LONG = 80_000  # a longer letter has the opt-out link at the top too
PREHEADER = 120
SHOWN = 60
_DARK = "/dark"  # the key of the dark logo among the pictures; no file has such a name
Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class _Work:
    """The state of one compilation."""

    source: LetterSource
    placeholders: Placeholders
    subject: Masked
    preheader: Masked
    body: Masked
    root: Element
    pictures: Mapping[str, Picture]
    links: Mapping[str, str]
    summary: str  # the preheader, or the text that replaces it for mail programs
    alts: Mapping[str, str]  # the descriptions of the text's pictures, by name, in the order of the text


def compile_letter(source: LetterSource, clock: Clock | None = None) -> Compiled:
    """Return the compiled letter. Raises ``FaultsError`` with every fault and warning, if one is an error.

    For a letter that is too large, only that is reported. ``clock`` gives the processor seconds that this thread used
    (``time.thread_time``); without one, sizes alone are limited.
    """
    time_limit = TimeLimit.of(clock) if clock else TimeLimit()
    source = replace(source, body=source.body.replace("\r\n", "\n").replace("\r", "\n"))
    if too_large := list(sizes(source)):
        raise FaultsError(too_large)
    try:
        return _compiled(source, time_limit)
    except TooMuch as found:
        line = found.at or source.body_line + found.line
        raise FaultsError([Fault(source.file, line, "body", found.found, found.expected, found.hint)]) from None
    except Misplaced as misplaced:
        raise FaultsError([_misplaced(source, misplaced)]) from None


def _misplaced(source: LetterSource, found: Misplaced) -> Fault:
    """Return the fault of a tag that no check found, and that cannot be filled in at its place."""
    expected = Message("a tag in the text of a paragraph, with its end in the same one")
    hint = Message("Put the tag and its end on lines of their own around whole paragraphs.")
    return Fault(source.file, found.line or source.body_line, "body", found.shown or str(found), expected, hint)


def _compiled(source: LetterSource, time_limit: TimeLimit) -> Compiled:
    work, faults = _prepare(source, time_limit)
    if any(fault.severity == "error" for fault in faults):
        raise FaultsError(faults)
    time_limit.look()
    body, text = _body(work, public=False), _text(work, public=False)
    html = _page(work, body, public=False)
    time_limit.look()
    if gone := lost(work.body, work.placeholders, Parts(work.root, body, html, text)):
        raise FaultsError([*faults, *(_gone(source, each) for each in gone[:MAX_FAULTS])])
    template = html_template(html, work.placeholders)
    if _size(template) > LONG:
        template = html_template(_page(work, body, public=False, long=True), work.placeholders)
    letter = Letter(
        language=source.language,
        from_name=source.from_name,
        from_address=source.from_address,
        reply_to=source.reply_to,
        subject=flat_template(work.subject.text, work.placeholders, EscapeContext.HEADER),
        html=template,
        text=flat_template(text, work.placeholders, EscapeContext.PLAIN),
        headers=(*_standing_headers(source), *source.headers),
        list_unsubscribe=source.kind == "campaign",
    )
    images = {known.image.sha256: known.image for known in work.pictures.values()}
    return Compiled(
        letter=letter,
        public_html=_public(work, html_template(_page(work, _body(work, public=True), public=True), work.placeholders)),
        public_text=re.sub(
            r"\n{3,}",
            "\n\n",
            _public(work, flat_template(_text(work, public=True), work.placeholders, EscapeContext.PLAIN)),
        ),
        images=tuple(images.values()),
        warnings=(*faults, *_empty_online(work), *_warnings(source, template)),
    )


def _gone(source: LetterSource, found: Lost) -> Fault:
    """Return the fault of words that no reader would see: an error, whatever the reason (I14)."""
    words = found.words if len(found.words) <= SHOWN else found.words[: SHOWN - 1] + "…"
    expected = Message("words that every reader gets to see: the letter would lose these")
    hint = Message("Write them as ordinary text, in a paragraph of their own.")
    return Fault(source.file, found.line, "body", words, expected, hint)


def _prepare(source: LetterSource, time_limit: TimeLimit) -> tuple[_Work, list[Fault]]:
    heads = {
        key: scan(getattr(source, key), file=source.file, first_line=source.line_of(key), field=key)
        for key in ("subject", "preheader")
    }
    body = scan(source.body, file=source.file, first_line=source.body_line)
    tags(body)
    placeholders = Placeholders(source.subject, source.preheader, source.body)
    subject, preheader, masked = (placeholders.mask(found) for found in (heads["subject"], heads["preheader"], body))
    root = parse(masked, placeholders, time_limit)
    kept = dict(_pictures(source, root))
    if source.brand.logo and source.layout == "letter" and (logo := _measured(source.brand.logo)):
        kept[""] = logo
        if source.brand.logo_dark and (dark := _measured(source.brand.logo_dark)):
            kept[_DARK] = dark
    alts = {element.target: element.text for element in root.walk() if element.kind == "image"}
    summary = preheader.text
    if source.kind == "campaign" and not summary.strip():
        summary = first_sentence(root, placeholders)
    work = _Work(
        source, placeholders, subject, preheader, masked, root, kept, _links(source, placeholders), summary, alts
    )
    faults = [*heads["subject"].faults, *heads["preheader"].faults, *_head_faults(source), *body.faults]
    faults += Checker(placeholders, source).check(root, tags_are_right=not body.faults)
    if summary != preheader.text:
        faults.append(no_preheader(source, summary, placeholders))
    faults += unfilled_online(source, [*heads.items(), ("body", body)], in_addresses(root, placeholders))
    return work, sorted(faults, key=lambda fault: fault.line)


def _pictures(source: LetterSource, root: Element) -> Iterator[tuple[str, Picture]]:
    """Yield the pictures that the body uses, and no others: there may be many files beside a letter.

    Raises ``TooMuch``.
    """
    size = 0
    lines = {element.target: element.line for element in root.walk() if element.kind == "image"}
    for name, line in lines.items():
        data = source.images.get(name) if is_beside(name) else None
        if data and (size := size + len(data)) > PICTURE_BYTES:
            found, expected = Message("pictures of {number} MB together"), Message("{number} MB at most")
            most = expected.format(number=PICTURE_BYTES // 1_000_000)
            raise TooMuch(0, found.format(number=size // 1_000_000), most, at=line)
        if data and (known := _measured(data)):
            yield name, known


def _links(source: LetterSource, placeholders: Placeholders) -> dict[str, str]:
    """Return the placeholder words of the links that a layout puts in; empty where a letter has none."""
    campaign = source.kind == "campaign"
    shown = {"online": campaign and source.online, "details": campaign, "optout": campaign}
    return {name: placeholders.slot(f"links.{name}") if there else "" for name, there in shown.items()}


def _head_faults(source: LetterSource) -> Iterator[Fault]:
    """Yield the faults of an empty subject or body, and of control characters, which no letter may have (B75)."""
    if not source.subject.strip():
        yield Fault(source.file, source.line_of("subject"), "subject", Message("nothing"), Message("a subject"))
    if not source.body.strip():
        yield Fault(source.file, source.body_line, "body", Message("nothing"), Message("the text of the letter"))
    first = {"subject": source.line_of("subject"), "preheader": source.line_of("preheader"), "body": source.body_line}
    for key, line in first.items():
        text = getattr(source, key)
        for match in (IN_STRICT_TEXT if key == "body" else IN_STRICT_LINE).finditer(text):
            found = f"U+{ord(match[0]):04X}"
            at = line + text.count("\n", 0, match.start())
            yield Fault(source.file, at, key, found, Message("text without control characters"))


def _context(work: _Work, *, public: bool) -> dict[str, Any]:
    source = work.source
    rtl = direction(source.language) == "rtl"
    return {
        "language": source.language,
        "start": "right" if rtl else "left",
        "end": "left" if rtl else "right",
        "font": FONT,
        "light": source.brand.light,
        "dark": source.brand.dark,
        "brand": source.brand,
        "sender_lines": sender_lines(source.brand),
        "title": work.subject.text,
        "preheader": work.summary,
        "padding": max(0, 60 - guessed_width(work.summary, work.placeholders) // 3),
        "date_text": day_in_words(source.date, source.language) if source.kind == "campaign" else "",
        "links": dict(work.links) | ({"details": "", "optout": ""} if public else {}),
        "public": public,
        "shared": sharing(source, work.subject.text, work.summary, work.pictures, work.alts) if public else None,
        "subscribe_url": source.subscribe_url,
        "archive_url": f"{source.public_url}/archive" if public and source.online and source.kind == "campaign" else "",
        "topic_name": source.topic_name,
        "long": False,
        "logo": _logo(work),
    }


def _body(work: _Work, *, public: bool) -> str:
    root = _shaped(work, public=public)
    return HtmlWriter(work.placeholders, _context(work, public=public), work.pictures, work.source.public_url).write(
        root
    )


def _page(work: _Work, body: str, *, public: bool, long: bool = False) -> str:
    context = _context(work, public=public) | {"long": long, "body": safe(body)}
    return inline_styles(render_layout(f"{work.source.layout}.html", context), work.placeholders)


def _text(work: _Work, *, public: bool) -> str:
    root = _shaped(work, public=public, text=True)

    def wrap(text: str) -> str:
        return wrapped(text, work.placeholders)

    body = "\n" + TextWriter(work.placeholders).write(root)
    if not public:  # in the public version all conditions are false
        body = when(of_run(root.children, work.placeholders) or None, body, "", work.placeholders)
    title = wrap(work.subject.text)
    widest = max(guessed_width(line, work.placeholders) for line in title.split("\n"))
    context = _context(work, public=public) | {
        "preheader": wrap(work.preheader.text),
        "title": title,
        "underline": "-" * min(widest, WIDTH if widest == len(title) else 40),
        "body": body,
        "wrap": wrap,
    }
    return re.sub(r"\n{3,}", "\n\n", render_layout("letter.txt", context)).strip("\n") + "\n"


def _shaped(work: _Work, *, public: bool, text: bool = False) -> Element:
    """Return a copy of the tree for one writer, which may change it."""
    root = work.root.copy()
    settle_targets(root, work.placeholders, public=public)
    if public:
        for_nobody(root, work.placeholders)
        settle_choices(root, work.placeholders)
    gather_lists(root, work.placeholders)
    hide_empty(root, work.placeholders, leaves=text)
    hide_lines(root, work.placeholders)
    return root


def _public(work: _Work, template: CompiledTemplate) -> str:
    """Return a template filled as the public version; *read online* is the page itself."""
    return render_public(template, work.source.language, {"online": work.source.online_url})


def _logo(work: _Work) -> dict[str, Any] | None:
    known = work.pictures.get("")
    if not known:
        return None
    width = shown_width(work.source.brand, known)
    dark = work.pictures.get(_DARK)
    return {
        "url": f"{work.source.public_url}/m/{known.image.file_name}",
        "dark": f"{work.source.public_url}/m/{dark.image.file_name}" if dark else "",
        "plate": PLATE if work.source.brand.has_plate else "",
        "width": width,
        "height": max(1, round(known.height * width / known.width)),
        "alt": work.source.brand.logo_alt,
    }


def _measured(data: bytes) -> Picture | None:
    try:
        return picture(data)
    except ValueError:
        return None  # checks.py reports it, if the letter uses it


def _list_id(source: LetterSource) -> Sequence[tuple[str, str]]:
    """Return List-Id (RFC 2919, B16), with the topic's name only if it needs no encoding (B13)."""
    if not source.list_id:
        return ()
    name = source.topic_name if re.fullmatch(r"[\w .,'()&/-]+", source.topic_name, re.ASCII) else ""
    return (("List-Id", f'"{name}" <{source.list_id}>' if name else f"<{source.list_id}>"),)


def _empty_online(work: _Work) -> Iterator[Fault]:
    """Yield a warning for a letter whose public version would be empty."""
    source = work.source
    if not source.online or of_run(work.root.children, work.placeholders) is None:
        return
    text = TextWriter(work.placeholders).write(_shaped(work, public=True, text=True))
    if not _public(work, flat_template(text, work.placeholders, EscapeContext.PLAIN)).strip():
        hint = Message("Online the letter is empty: write something outside the conditions, or behind an else.")
        found, expected = Message("text under conditions alone"), Message("text that everybody reads")
        yield Fault(source.file, source.body_line, "body", found, expected, hint, "warning")


def _standing_headers(source: LetterSource) -> Sequence[tuple[str, str]]:
    """Return the headers of automatic mail: no out-of-office replies, but bounces (B17, B20; RFC 2369, RFC 3834)."""
    quiet = (("Auto-Submitted", "auto-generated"), ("X-Auto-Response-Suppress", "OOF, AutoReply, RN, NRN"))
    if source.kind == "service":
        return quiet
    owner = f"<mailto:{source.reply_to or source.from_address}>"
    lists = (("List-Help", owner), ("List-Owner", owner), ("List-Post", "NO")) if owner.isascii() else ()
    return (*_list_id(source), *lists, ("Precedence", "bulk"), *quiet)


def _warnings(source: LetterSource, template: CompiledTemplate) -> list[Fault]:
    found: list[Fault] = []

    def warn(field: str, seen: str, expected: str, hint: str) -> None:
        found.append(Fault(source.file, source.line_of(field), field, seen, expected, hint, "warning"))

    if not source.brand.address and source.kind == "campaign":
        hint = Message(
            "The law requires it in every letter. Write into the brand file: [sender], and on the next line address = "
            '["My organisation", "Street 1, 1234 AB Town"]. There is no such file yet? Make brand.toml with '
            'name = "My organisation" above it, and put brand = "brand.toml" into postiljon.toml.'
        )
        warn("brand", Message("no sender block"), Message("who sends the letter, with a postal address"), hint)
    if (length := len(source.preheader)) > PREHEADER:
        seen, expected = Message("{number} characters"), Message("{number} characters at most")
        hint = Message("Mail programs show about 100 of them.")
        warn("preheader", seen.format(number=length), expected.format(number=PREHEADER), hint)
    if (size := _size(template)) > CLIPPED:
        seen, expected = Message("{number} kB of HTML"), Message("{number} kB at most")
        hint = Message("Gmail cuts off the end of longer letters.")
        warn("body", seen.format(number=size // 1000), expected.format(number=CLIPPED // 1000), hint)
    return found


def _size(template: CompiledTemplate) -> int:
    """Return the bytes of the longest letter that a template can give, slots counted as 60."""
    total = 0
    for node in template:
        match node:
            case str():
                total += len(node.encode())
            case Branch(arms, otherwise):
                total += max(_size(body) for body in (*(body for _, body in arms), otherwise))
            case Loop(_, _, body):
                total += 5 * _size(body)
            case _:
                total += 60
    return total
