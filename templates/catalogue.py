"""``python -m templates.catalogue update|check``: extracts messages from the source, updates catalogues, compiles.

Developers' tool, run from a checkout (``make words``). ``update`` adds each new message to every ``.po`` of its domain
with an empty translation, and writes every ``.mo``. It sets unused messages aside: they come back when used again, and
``--tidy`` drops them. ``check`` prints the faults and ends with 1. Faults are a text that is missing, empty or fuzzy, a
changed placeholder or contact tag, and a ``.mo`` that does not match its ``.po``. A test calls the same.

The domain of a message follows from its file (:data:`HOMES`, first match wins). Python code marks messages with
``_("…")``, ``gettext("…")``, ``ngettext("…", "…", n)``, or with ``Message("…")`` (in pages ``N_("…")``) where the text
is translated later. A page has ``pgettext("where", "…")`` for English words that other languages translate in another
way there.
English needs no catalogue: message ids are the English sentences.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from templates.service import messages
from templates.words import LANGUAGES, Domain

ROOT = Path(__file__).parent.parent
HOMES: tuple[tuple[str, Domain], ...] = (
    ("templates/layouts/*", "letter"),
    ("templates/letters/*.md", "letter"),
    ("templates/letters/staff/*.md", "console"),
    ("templates/pages/**/*.html", "pages"),
    ("templates/console/**/*.html", "console"),
    ("campaigns/console/**/*.py", "console"),
    ("unsubscribe/notices.py", "letter"),
    ("unsubscribe/endpoint/**/*.py", "pages"),
    ("unsubscribe/web/**/*.py", "pages"),
    ("campaigns/online.py", "pages"),
    ("mailer/letter/no_recipient.py", "letter"),
    ("mailer/**/*.py", "cli"),
    ("unsubscribe/**/*.py", "cli"),
    ("campaigns/**/*.py", "cli"),
)
KEYWORDS: Mapping[str, tuple[int | tuple[int, str], ...] | None] = {
    "_": None,
    "gettext": None,
    "ngettext": (1, 2),
    "N_": None,
    "Message": None,
    "pgettext": ((1, "c"), 2),
}
_FIXED = datetime(2026, 1, 1, tzinfo=UTC)  # today's date would change every file at every run
_TEXT = re.compile(r'"[^"]*"')
_MARKS = re.compile(r"%\(\w+\)[sd]|\{\{.*?\}\}|\{%.*?%\}|\{\w*\}")


def found(domain: Domain) -> Catalog:
    """Return every message of a domain as it is in the source now."""
    catalog = Catalog(domain=domain, creation_date=_FIXED)
    for path in _homes(domain):
        name = path.relative_to(ROOT).as_posix()
        for msgid, comments, context in _messages(path):
            catalog.add(msgid, locations=[(name, 0)], auto_comments=comments, context=context)
    return catalog


def update(*, tidy: bool = False) -> Iterator[Path]:
    """Bring every catalogue up to date and compile it; yield the paths that changed."""
    for domain, languages in LANGUAGES.items():
        template = found(domain)
        for language in languages:
            if language != "en":
                yield from _update_one(domain, language, template, tidy=tidy)


def problems(domain: Domain, language: str) -> list[str]:
    """Return the faults of one catalogue, in sentences; none if all is well."""
    po = po_path(domain, language)
    catalog = _read(po, domain, language)
    wrong = [f"{po.name} {language}: {text}" for message in found(domain) for text in _wrong(message, catalog)]
    mo = po.with_suffix(".mo")
    if not mo.exists() or mo.read_bytes() != _compiled(catalog):
        wrong.append(f"{mo.name} {language}: not made from its .po; run 'make words'")
    return wrong


def po_path(domain: Domain, language: str) -> Path:
    """Return the path of the catalogue of a domain and language."""
    return ROOT / "templates" / "translations" / language / "LC_MESSAGES" / f"{domain}.po"


def main(arguments: list[str]) -> int:
    """Run the command ``update`` (with ``--tidy``) or ``check``. Out: the exit code."""
    if arguments[:1] == ["update"]:
        for path in update(tidy="--tidy" in arguments):
            print(path.relative_to(ROOT))
    elif arguments != ["check"]:
        print("usage: python -m templates.catalogue update [--tidy] | check")
        return 2
    pairs = [(domain, language) for domain, all_ in LANGUAGES.items() for language in all_ if language != "en"]
    wrong = [text for domain, language in pairs for text in problems(domain, language)]
    if arguments == ["check"]:
        print("\n".join(wrong) or "every text is translated")
    elif wrong:
        print(f"{len(wrong)} texts are not translated yet; 'python -m templates.catalogue check' lists them")
    return 1 if wrong and arguments == ["check"] else 0


def _homes(domain: Domain) -> list[Path]:
    owner: dict[Path, Domain] = {}
    for pattern, home in HOMES:
        for path in ROOT.glob(pattern):
            if path.is_file():
                owner.setdefault(path, home)
    return sorted(path for path, home in owner.items() if home == domain)


def _messages(path: Path) -> Iterator[tuple[str | tuple[str, ...], list[str], str | None]]:
    if path.suffix == ".md":
        for _, text in messages(path.read_text(encoding="utf-8")):
            yield text, [], None
        return
    method = "python" if path.suffix == ".py" else "jinja2"
    options = {} if path.suffix == ".py" else {"trimmed": "true", "silent": "false"}
    with path.open("rb") as file:
        for _, msgid, comments, context in extract(method, file, KEYWORDS, ["Translators:"], options):
            yield msgid, comments, context


def _update_one(domain: Domain, language: str, template: Catalog, *, tidy: bool) -> Iterator[Path]:
    po = po_path(domain, language)
    catalog = _read(po, domain, language)
    for message in list(catalog.obsolete.values()):  # update() does not look there for messages that came back
        if message.id in template:
            catalog[message.id] = message
            catalog.obsolete = {key: kept for key, kept in catalog.obsolete.items() if kept is not message}
    catalog.update(template, no_fuzzy_matching=True)
    text = io.BytesIO()
    write_po(text, catalog, width=120, sort_by_file=True, include_lineno=False, ignore_obsolete=tidy)
    for path, data in ((po, text.getvalue()), (po.with_suffix(".mo"), _compiled(catalog))):
        if not path.exists() or path.read_bytes() != data:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            yield path


def _read(po: Path, domain: Domain, language: str) -> Catalog:
    catalog = Catalog(locale=language, domain=domain)
    if po.exists():
        with po.open("rb") as file:
            catalog = read_po(file, locale=language, domain=domain, abort_invalid=True)
    catalog.project, catalog.version = "Postiljon", "1"
    catalog.copyright_holder = "the makers of Postiljon"
    catalog.header_comment = f"# Words of Postiljon in the domain {domain}: {language}."
    catalog.msgid_bugs_address, catalog.last_translator, catalog.language_team = "-", "-", language
    catalog.creation_date = catalog.revision_date = _FIXED
    return catalog


def _compiled(catalog: Catalog) -> bytes:
    data = io.BytesIO()
    write_mo(data, catalog)
    return data.getvalue()


def _wrong(message: Message, catalog: Catalog) -> Iterator[str]:
    if not message.id:
        return
    kept = catalog.get(message.id, message.context)
    if kept is None:
        yield f"missing: {message.id!r}; run 'make words'"
    elif kept.fuzzy:
        yield f"fuzzy: {message.id!r}"
    elif not all(_forms(kept.string)):
        yield f"not translated: {message.id!r}"
    else:
        original = _marks(" ".join(_forms(message.id)))
        for form in _forms(kept.string):
            if _marks(form) - original or (len(_forms(message.id)) == 1 and _marks(form) != original):
                yield f"placeholders differ from the original: {message.id!r}"


def _marks(text: str) -> set[str]:
    """Return placeholders and contact tags, the tags without their fallbacks, which are translated."""
    return {_TEXT.sub('""', mark) for mark in _MARKS.findall(text)}


def _forms(text: str | Iterable[str] | None) -> list[str]:
    return [text] if isinstance(text, str) else list(text or [""])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
