"""The preview beside the subject of a letter without a preheader: its first sentence, not its greeting.

Without it mail programs show the first text in the HTML, *Read online | Change details*. Slots are filled in it as in
the text. A list's items serve where there is no paragraph. Text under a condition serves where there is nothing else.
"""

from __future__ import annotations

import re

from mailer.errors import Fault
from mailer.letter.compile.placeholders import Placeholders
from mailer.letter.compile.plaintext import guessed_width
from mailer.letter.compile.presence import groups
from mailer.letter.compile.tree import Element
from mailer.letter.source import LetterSource
from mailer.messages import Message

LONGEST, ENOUGH = 110, 40
_GREETING = re.compile(
    r"(?:beste|geachte|hallo|hoi|dag|goede(?:morgen|middag|navond)|lieve|"
    r"dear|hello|hi|good (?:morning|afternoon|evening)|"
    r"liebe[rs]?|sehr geehrte|guten (?:tag|morgen|abend)|hallo|chers?|chères?|bonjour|madame|monsieur)\b",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"(?<=[.!?…])[\"'”’)]*\s+")


def first_sentence(root: Element, placeholders: Placeholders) -> str:
    """Return the first sentence of a body, masked.

    The greeting serves when there is nothing else; "" when there is no text.
    """
    texts = [text for text in _texts(root, placeholders) if text]
    telling = [text for text in texts if not _is_greeting(text, placeholders)]
    if telling:
        return _cut(telling[0], placeholders)
    return _first_items(root, placeholders) or _cut((texts or [""])[0], placeholders) or _chosen(root, placeholders)


def _first_items(root: Element, placeholders: Placeholders) -> str:
    """Return the first items of the first list, or the first words of another block outside conditions."""
    for group in groups(root.children, placeholders):
        first = group.arms[0][0] if not group.tags else None
        if first and first.kind in ("bullet_list", "ordered_list", "blockquote", "block") and first.name != "signature":
            inside = [text for child in first.children for text in _texts(_holder(child), placeholders) if text]
            if inside:
                return _cut("; ".join(text.rstrip(".;,") for text in inside), placeholders)
    return ""


def _holder(child: Element) -> Element:
    return child if child.kind == "list_item" else Element("root", child.line, [child])


def _chosen(root: Element, placeholders: Placeholders) -> str:
    """Return the first sentence behind each tag of the first condition that begins with a text."""
    for group in groups(root.children, placeholders):
        if group.tags and placeholders.tag(group.tags[0].text).kind == "if":
            arms = [first_sentence(Element("root", 0, list(arm)), placeholders) for arm in group.arms]
            if any(arms):
                return "".join(f"{tag.text}{arm}" for tag, arm in zip(group.tags, arms, strict=True))
    return ""


def no_preheader(source: LetterSource, summary: str, placeholders: Placeholders) -> Fault:
    """Return the warning, with the text that is shown instead."""
    hint = Message("Mail programs show it beside the subject; now they show: “{text}”", text=placeholders.show(summary))
    expected = Message("a preheader: a sentence on what the letter brings")
    return Fault(source.file, 0, "preheader", Message("nothing"), expected, hint, "warning")


def _texts(root: Element, placeholders: Placeholders) -> list[str]:
    """Return the paragraphs outside conditions, as plain text."""
    found, depth = [], 0
    for element in root.children:
        if element.kind == "control":
            kind = placeholders.tag(element.text).kind
            depth += (kind in ("if", "for")) - (kind in ("endif", "endfor"))
        elif element.kind == "paragraph" and not depth:
            inside = list(element.walk())
            if not any(below.kind in ("control", "image", "html_inline") for below in inside):
                found.append(re.sub(r"[ \t\n]+", " ", element.plain()).strip(" "))
    return found


def _is_greeting(text: str, placeholders: Placeholders) -> bool:
    return guessed_width(text, placeholders) <= 80 and (text.endswith((",", "!")) or bool(_GREETING.match(text)))


def _cut(text: str, placeholders: Placeholders) -> str:
    """Return the first sentence, with further ones while the text is shorter than :data:`ENOUGH`.

    At most :data:`LONGEST` wide, cut between words.
    """
    sentences = _SENTENCE.split(text)
    short = sentences[0]
    for sentence in sentences[1:]:
        if guessed_width(short, placeholders) >= ENOUGH:
            break
        short = f"{short} {sentence}"
    if guessed_width(short, placeholders) <= LONGEST:
        return short
    words: list[str] = []
    for word in short.split(" "):
        if words and guessed_width(" ".join([*words, word]), placeholders) > LONGEST - 1:
            break
        words.append(word)
    return " ".join(words).rstrip(",;:") + "…"
