"""Texts and their layout: layouts of letters, service letters, pages, translations. The only jinja2 import.

Promises: templates in this package are trusted, full Jinja, autoescaped. A name that a template uses and the context
lacks is an error (``StrictUndefined``), never an empty place. Templates have their words in English in
``{{ _("…") }}`` or ``{% trans %}``; the catalogue of the language comes from :mod:`templates.words`. A campaign's
own text never passes here as a template: it comes in as finished HTML.

Raises jinja2's own errors only for faults in this package (a missing name, a missing template): programming errors.
jinja2 is imported when the first template is rendered, so that ``--help`` does not pay for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from templates.words import Domain, direction, primary, words

if TYPE_CHECKING:
    from jinja2 import Environment


def render_layout(name: str, context: Mapping[str, Any]) -> str:
    """Fill the layout ``layouts/NAME`` (``letter.html``, …) with ``context``; its words in ``context["language"]``.

    In: ``language`` (a tag) must be in the context; ``lang`` and ``dir`` are added from it. Values are escaped unless
    they are ``Markup`` (see :func:`safe`). Out: text. A name ending in ``.txt`` is not escaped.
    """
    language = str(context["language"])
    template = _environment(primary(language), "letter").get_template(f"layouts/{name}")
    return template.render({"lang": language, "dir": direction(language)} | dict(context))


def render_page(name: str, language: str, context: Mapping[str, Any]) -> str:
    """Return the page ``pages/NAME`` (``optout.html``, …) in ``language``; ``lang`` and ``dir`` are in its context."""
    template = _environment(primary(language), "pages").get_template(f"pages/{name}")
    return template.render({"lang": language, "dir": direction(language)} | dict(context))


def render_console(name: str, language: str, context: Mapping[str, Any]) -> str:
    """Return the page of the console ``console/NAME`` in ``language``; ``lang`` and ``dir`` are in its context."""
    template = _environment(primary(language), "console").get_template(f"console/{name}")
    return template.render({"lang": language, "dir": direction(language)} | dict(context))


def console_assets() -> dict[str, str]:
    """Return the built files of the console: the name of a source → the name of the file.

    Raises ``FileNotFoundError`` where they were not built (:mod:`tools.console_assets`).
    """
    import json

    text = (resources.files("templates") / "console" / "built" / "assets.json").read_text(encoding="utf-8")
    found: dict[str, str] = json.loads(text)["files"]
    return found


def console_asset(name: str) -> bytes:
    """Return a built file of the console. Raises ``FileNotFoundError``, also for a name with a path."""
    if not name or "/" in name or "\\" in name or name.startswith("."):
        raise FileNotFoundError(name)
    return (resources.files("templates") / "console" / "built" / name).read_bytes()


def page_asset(name: str) -> bytes:
    """Return a file of ``pages/assets/``, such as a style sheet.

    Raises ``FileNotFoundError``, also for a name with a path.
    """
    if not name or "/" in name or "\\" in name or name.startswith("."):
        raise FileNotFoundError(name)
    return (resources.files("templates") / "pages" / "assets" / name).read_bytes()


def safe(html: str) -> str:
    """Mark text as finished HTML, so that a layout takes it as it is. For our own output only, never for values."""
    from markupsafe import Markup

    return Markup(html)  # noqa: S704 - this function exists for it


def emphasised(text: str, **values: str) -> str:
    """Return ``text`` with its ``%(name)s`` filled, each value bold and isolated from the direction of the text."""
    from markupsafe import Markup, escape

    bold = Markup("<strong><bdi>%s</bdi></strong>")
    return escape(text) % {name: bold % value for name, value in values.items()}


@lru_cache(maxsize=16)
def _environment(language: str, domain: Domain) -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

    environment = Environment(
        loader=PackageLoader("templates", ""),
        autoescape=select_autoescape(disabled_extensions=("txt",), default=True),
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,  # package files do not change: saves six disk accesses a page in the event loop
    )
    environment.install_gettext_translations(words(language, domain), newstyle=True)  # type: ignore[attr-defined]
    return environment
