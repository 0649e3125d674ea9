"""The look of letters and pages: logos, and the colour of buttons with its contrast, which is computed.

Promises: a colour whose contrast is below 4.5 to 1 with its text, or below 3 to 1 with the page, is refused, and the
nearest shade that passes is offered (WCAG 2.2, 1.4.3 and 1.4.11). A logo is a PNG, JPEG, GIF or WebP picture, kept
without its metadata; it is never decoded here. Where the brand is set by ``POSTILJON_BRAND``, nothing can be changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from starlette.responses import Response

from campaigns.console import settings
from campaigns.console.routing import ConsoleRoute
from campaigns.console.visit import Visit
from campaigns.settings import stored, stored_brand
from campaigns.settings.stored_brand import LOGOS, HouseBrand, Shades
from campaigns.staff.rights import Right
from mailer.letter.colour import normal
from mailer.messages import Message

MOST = 2_000_000  # bytes of both logos, with the form
MOST_LOGO = 900_000
SCHEMES = ("light", "dark")


@dataclass(frozen=True, slots=True)
class Sample:
    """A pair of colours with its contrast, for a picture of the button."""

    scheme: str
    shades: Shades
    is_set: bool


def routes() -> list[ConsoleRoute]:
    """Return these routes."""
    return [
        ConsoleRoute("/settings/brand", show=show, act=save, right=Right.SETTINGS, most=MOST),
        ConsoleRoute("/settings/brand/logo/{which}", show=picture, right=Right.SETTINGS),
    ]


def show(visit: Visit) -> Response:
    """Show the form."""
    brand = _brand(visit)
    return _form(visit, brand, _typed_of(brand))


def picture(visit: Visit) -> Response:
    """Return a logo as it is kept."""
    brand, which = _brand(visit), visit.path["which"]
    with visit.read() as conn:
        found = stored_brand.logo(conn, getattr(brand, which)) if which in LOGOS else None
    if found is None:
        return visit.page("missing.html", 404, is_link=False)
    return visit.answer(found.data, media_type=found.media_type)


def save(visit: Visit) -> Response:
    """Check and save; the button beside an offered shade takes that shade, and shows the form again."""
    before, typed = _brand(visit), {name: visit.form.one(name) for name in _names()}
    if settings.places(visit)["brand"]:
        return show(visit)
    name, _sign, shade = visit.form.one("take").partition("=")
    if name in typed:
        return _form(visit, before, typed | {name: shade})
    errors, offers = _wrong(visit, typed)
    pictures = {which: upload.data for which in LOGOS if (upload := visit.form.file(which))}
    errors |= {which: text for which, data in pictures.items() if (text := _refused(visit, data))}
    if errors:
        return _form(visit, before, typed, errors, offers)
    with visit.write() as conn:
        kept = {which: getattr(before, which) for which in LOGOS if not visit.form.one(f"drop_{which}")}
        kept |= {which: stored_brand.keep_logo(conn, data) for which, data in pictures.items()}
        logo, dark = kept.get("logo", ""), kept.get("logo_dark", "")
        pairs = _pair(typed, "light"), _pair(typed, "dark")
        brand = replace(before, light=pairs[0], dark=pairs[1], logo=logo, logo_dark=dark)
        changed = stored_brand.save(conn, brand, visit.origin.actor, visit.now)
        settings.note(visit, conn, "brand", changed)
    return settings.done(visit)


def _brand(visit: Visit) -> HouseBrand:
    with visit.read() as conn:
        return stored_brand.read(stored.everything(conn))


def _names() -> tuple[str, ...]:
    return tuple(f"{scheme}_{shade}" for scheme in SCHEMES for shade in stored_brand.SHADES)


def _typed_of(brand: HouseBrand) -> dict[str, str]:
    pairs = {"light": brand.light, "dark": brand.dark}
    return {f"{scheme}_{name}": pairs[scheme].get(name, "") for scheme in SCHEMES for name in stored_brand.SHADES}


def _pair(typed: Mapping[str, str], scheme: str) -> dict[str, str]:
    found = {name: typed[f"{scheme}_{name}"] for name in stored_brand.SHADES}
    return {name: normal(value) for name, value in found.items() if value}


def _wrong(visit: Visit, typed: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the fields that cannot be used, each with a sentence, and the shades that pass in their place."""
    _ = visit.words.gettext
    errors, offers = {}, {}
    for name, value in typed.items():
        try:
            normal(value or "#000")
        except ValueError:
            errors[name] = _("Type a colour as # and six digits or letters from a to f, such as #14508C.")
    for scheme in SCHEMES:
        field = f"{scheme}_action"
        if field in errors or f"{scheme}_on_action" in errors or not typed[field]:
            continue
        shades = stored_brand.shades(_pair(typed, scheme), scheme)
        if shades.is_readable:
            continue
        text = (
            _("The text on this colour cannot be read well: {ratio} to 1, and 4.5 to 1 is needed.")
            if shades.with_text < stored_brand.WORDS
            else _("This colour can hardly be told from the page: {ratio} to 1, and 3 to 1 is needed.")
        )
        ratio = shades.with_text if shades.with_text < stored_brand.WORDS else shades.on_page
        errors[field] = text.format(ratio=visit.words.number(int(ratio * 10) / 10))
        if shades.nearest:
            offers[field] = shades.nearest.upper()
            errors[field] += " " + _("The nearest shade that passes is {colour}.").format(colour=offers[field])
    return errors, offers


def _refused(visit: Visit, data: bytes) -> str:
    """Return why a file cannot be a logo; "" if it can."""
    if len(data) > MOST_LOGO:
        return visit.words.gettext("This file is too large: a logo has at most 900 kB.")
    try:
        stored_brand.check_logo(data)
    except ValueError as error:
        found = error.args[0]
        return visit.words.said(found if isinstance(found, Message) else str(found))
    return ""


def _form(
    visit: Visit,
    brand: HouseBrand,
    typed: Mapping[str, str],
    errors: Mapping[str, str] | None = None,
    offers: Mapping[str, str] | None = None,
) -> Response:
    samples = []
    for scheme in SCHEMES:
        try:
            pair = _pair(typed, scheme)
        except ValueError:
            continue
        samples.append(Sample(scheme, stored_brand.shades(pair, scheme, _pair_or_none(typed)), "action" in pair))
    return visit.page(
        "settings_brand.html",
        422 if errors else 200,
        brand=brand,
        typed=typed,
        samples=samples,
        offers=offers or {},
        place=settings.places(visit)["brand"],
        from_setup=settings.came_from_setup(visit),
        errors=errors or {},
    )


def _pair_or_none(typed: Mapping[str, str]) -> dict[str, str]:
    """Return the light colours, from which dark ones follow; none while they cannot be read."""
    try:
        return _pair(typed, "light")
    except ValueError:
        return {}
