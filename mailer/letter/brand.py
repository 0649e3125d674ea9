"""The brand: colours, logo, sender block, footer links and texts per language, from a small TOML file.

Promises: both colour schemes are complete and readable, since missing colours are derived (a shade for dark mode, a
link colour). A colour pair in the file that cannot be read is kept, with a warning that names the nearest readable
shade. Letters and public pages use the same brand. Raises ``FaultsError`` with every fault of the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mailer.errors import Fault
from mailer.letter.brand_file import BrandFile
from mailer.letter.colour import black_or_white, contrast, readable
from mailer.letter.logo import SHARE, needs_plate, share_lost
from mailer.letter.picture import Picture
from mailer.messages import Message
from templates.words import primary


@dataclass(frozen=True, slots=True)
class Scheme:
    """The colours of one scheme, each ``#rrggbb``: the page behind the sheet, the sheet, and the elements on them."""

    page: str
    surface: str
    text: str
    muted: str
    line: str
    link: str
    action: str
    on_action: str

    @property
    def edge(self) -> str:
        """The edge colour of a button: its own colour if distinct from the sheet, else the nearest distinct shade.

        So the fill keeps the brand's colour, and only the edge is darkened.
        """
        return readable(readable(self.action, self.surface, _EDGE), self.page, _EDGE)


@dataclass(frozen=True, slots=True)
class LocalizedText:
    """A text that may differ per language; the entry under ``""`` is for every other language."""

    texts: Mapping[str, str] = field(default_factory=dict)

    def of(self, language: str) -> str:
        """Return the text in ``language``, else the one for every language, else English, else none."""
        for key in (language.lower(), primary(language), "", "en"):
            if key in self.texts:
                return self.texts[key]
        return ""


@dataclass(frozen=True, slots=True)
class Brand:
    """The sender of a letter and the letter's look. Empty links are left out."""

    name: str
    light: Scheme
    dark: Scheme
    logo: bytes | None = field(default=None, repr=False)
    logo_dark: bytes | None = field(default=None, repr=False)  # replaces ``logo`` on a dark background
    has_plate: bool = False  # the logo would vanish on a dark background, so a light plate lies behind it
    logo_alt: str = ""
    logo_width: int = 0  # as shown, in pixels; 0: half of the picture's own, since logos are made for sharp screens
    address: tuple[str, ...] = ()  # the lines of the sender block (D4)
    contact_url: str = ""
    website_url: str = ""
    website_label: str = ""
    proclaimer_url: str = ""
    privacy_url: str = ""
    accessibility_url: str = ""
    legal: LocalizedText = LocalizedText()
    proclaimer: LocalizedText = LocalizedText()
    warnings: tuple[Fault, ...] = ()


LIGHT = Scheme("#f4f6f8", "#ffffff", "#16202b", "#4d5b69", "#cbd3dc", "#0b4f94", "#14508c", "#ffffff")
DARK = Scheme("#0f151c", "#18212b", "#e8edf2", "#afbbc7", "#3a4856", "#93c6f7", "#8cc2f5", "#0c1722")
PLATE = "#e8edf2"  # also in pages.css
_EDGE = 3.0  # least contrast of elements that are no text (WCAG 2.2, 1.4.11)
_DARK_RATIO = 7.0  # more than required: a saturated colour glows on a dark sheet
_PAIRS = (
    ("text", "surface", 4.5),
    ("text", "page", 4.5),
    ("muted", "surface", 4.5),
    ("muted", "page", 4.5),
    ("link", "surface", 4.5),
    ("link", "page", 4.5),
    ("on_action", "action", 4.5),
)


def builtin_brand(from_name: str) -> Brand:
    """Return the brand of an organisation without a brand file: quiet colours and the From name."""
    return Brand(name=from_name, light=LIGHT, dark=DARK)


def brand_from_toml(text: str, file: str, images: Mapping[str, bytes]) -> Brand:
    """Return the brand that a TOML file describes; ``images`` are the files beside it, by name.

    Raises ``FaultsError`` with all faults: invalid TOML, unknown keys ("did you mean"), wrong colours, a missing logo.
    """
    reader = BrandFile(text, file)
    logo, logo_dark = reader.picture("logo", images), reader.picture("logo_dark", images)
    light = _light(reader.colours("colours"))
    dark = _dark(reader.colours("colours.dark"), light)
    brand = Brand(
        name=reader.text("name", needed=True),
        light=light,
        dark=dark,
        logo=logo.image.data if logo else None,
        logo_dark=logo_dark.image.data if logo_dark else None,
        has_plate=bool(logo and not logo_dark and needs_plate(logo.image.data, dark.surface)),
        logo_alt=reader.text("logo_alt") or reader.text("name"),
        logo_width=reader.number("logo_width", 0),
        address=reader.lines("sender.address"),
        contact_url=reader.link("links.contact"),
        website_url=reader.link("links.website"),
        website_label=reader.text("links.website_label") or _host(reader.link("links.website")),
        proclaimer_url=reader.link("links.proclaimer"),
        privacy_url=reader.link("links.privacy"),
        accessibility_url=reader.link("links.accessibility"),
        legal=LocalizedText(reader.words("words.legal")),
        proclaimer=LocalizedText(reader.words("words.proclaimer")),
        warnings=(
            *_unreadable(light, "colours", reader),
            *_unreadable(dark, "colours.dark", reader),
            *_vanishing(("logo", logo, light), ("logo_dark" if logo_dark else "logo", logo_dark or logo, dark), reader),
        ),
    )
    reader.finish()
    return brand


def sender_lines(brand: Brand) -> tuple[str, ...]:
    """Return the lines that name the sender: the name, unless the first address line has it, and the address."""
    first = brand.address[0].casefold() if brand.address else ""
    says_so = brand.name.casefold() in first
    return brand.address if says_so else (brand.name, *brand.address)


def shown_width(brand: Brand, logo: Picture) -> int:
    """Return the width at which the logo is shown, in pixels."""
    return brand.logo_width or max(1, min(240, logo.width // 2))


def _light(given: Mapping[str, str]) -> Scheme:
    base = {name: getattr(LIGHT, name) for name in Scheme.__slots__} | dict(given)
    if "action" in given:
        base["on_action"] = given.get("on_action") or black_or_white(base["action"])
        base["link"] = given.get("link") or _on_both(base["action"], base)
    return Scheme(**base)


def _dark(given: Mapping[str, str], light: Scheme) -> Scheme:
    base = {name: getattr(DARK, name) for name in Scheme.__slots__} | dict(given)
    if light.action != LIGHT.action or "action" in given:
        base["action"] = given.get("action") or readable(light.action, base["surface"], _DARK_RATIO)
        base["on_action"] = given.get("on_action") or black_or_white(base["action"])
        base["link"] = given.get("link") or readable(base["action"], base["surface"], _DARK_RATIO)
    return Scheme(**base)


def _on_both(colour: str, scheme: Mapping[str, str]) -> str:
    """Return a shade of ``colour`` that can be read on the sheet and on the page behind it."""
    return readable(readable(colour, scheme["surface"]), scheme["page"])


def _unreadable(scheme: Scheme, section: str, reader: BrandFile) -> list[Fault]:
    faults = []
    for front, back, needed in _PAIRS:
        one, other = getattr(scheme, front), getattr(scheme, back)
        ratio = contrast(one, other)
        if ratio < needed:
            faults.append(
                Fault(
                    file=reader.file,
                    line=reader.line_of(f"{section}.{front}"),
                    field=f"{section}.{front}",
                    found=f"{one}, {back} {other}: {ratio:.1f}",
                    expected=Message("a contrast of at least {ratio}", ratio=needed),
                    hint=Message(
                        "The nearest shade that can be read is {colour}.", colour=readable(one, other, needed)
                    ),
                    severity="warning",
                )
            )
    return faults


def _vanishing(
    by_day: tuple[str, Picture | None, Scheme], by_night: tuple[str, Picture | None, Scheme], reader: BrandFile
) -> list[Fault]:
    """Return a warning for each logo of which a part can hardly be seen on its sheet, in the light or dark scheme."""
    told = (
        (by_day, Message("a logo that can be seen on a light ground"), Message("Give it a ground of its own.")),
        (
            by_night,
            Message("a logo that can be seen on a dark ground"),
            Message("Add logo_dark, a light one; else a plate is put behind it."),
        ),
    )
    faults = []
    for (key, logo, scheme), expected, hint in told:
        lost = share_lost(logo.image.data, scheme.surface) if logo else 0.0
        if lost and lost >= SHARE:
            found = Message(
                "{percent} % of it cannot be told from {colour}", percent=round(100 * lost), colour=scheme.surface
            )
            faults.append(Fault(reader.file, reader.line_of(key), key, found, expected, hint, "warning"))
    return faults


def _host(url: str) -> str:
    return url.split("//", 1)[-1].split("/", 1)[0].removeprefix("www.")
