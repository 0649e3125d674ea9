"""The report of a campaign: one page worth forwarding, and the same numbers as CSV and XLSX.

Every user may read it: it has numbers alone. Names are in the lists behind the numbers (:mod:`.people_pages`).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from zoneinfo import ZoneInfo

from starlette.responses import Response

from campaigns.console import outcomes, spreadsheets
from campaigns.console.outcomes import OutcomeRow
from campaigns.console.routing import ConsoleRoute
from campaigns.console.spreadsheets import CSV, XLSX, Cell
from campaigns.console.visit import Visit
from campaigns.console.words import Words
from campaigns.lifecycle import records, statistics
from campaigns.lifecycle.statistics import CampaignReport, Span
from campaigns.staff.audit import Act, Verb
from unsubscribe import contacts

_STATES = ("accepted", "skipped", "refused", "in_doubt", "bounced", "complained", "retry", "sending", "waiting")
_DAY = timedelta(days=1)


def routes() -> list[ConsoleRoute]:
    """Return these routes."""
    path = "/campaigns/{slug}/report"
    return [
        ConsoleRoute(path, show=show),
        ConsoleRoute(f"{path}.csv", show=partial(download, CSV), is_slow=True),
        ConsoleRoute(f"{path}.xlsx", show=partial(download, XLSX), is_slow=True),
    ]


def show(visit: Visit) -> Response:
    """Show the report, or that there is none yet."""
    with visit.read() as conn:
        campaign = records.get(conn, visit.path["slug"])
        report = statistics.of_campaign(conn, campaign, visit.now)
        topic = contacts.find_topic(conn, campaign.topic)
    if report is None:
        return visit.page("report_none.html", campaign=campaign)
    step, spans = _timeline(report)
    return visit.page(
        "report.html",
        campaign=campaign,
        topic=topic.name_in(visit.words.language) if topic else campaign.topic,
        report=report,
        lead=outcomes.lead(visit.words, report.counts, is_open=report.is_open),
        states=_states(visit.words, report),
        rows=_rows(visit.words, report),
        unproven=[outcomes.row(visit.words, *one) for one in report.unproven],
        spans=[(span_words(visit.words, span, step, campaign.timezone), span.people) for span in spans],
        step=visit.words.span(step),
        reasons=_reasons(visit.words, report),
        left=_left(visit.words, report.opt_outs.people or 0),
        compared=[(one.campaign, one.counts, one.left) for one in report.earlier],
        fewest_reasons=statistics.FEWEST_REASONS,
    )


def download(kind: str, visit: Visit) -> Response:
    """Answer the numbers of the report as a file."""
    with visit.read() as conn:
        campaign = records.get(conn, visit.path["slug"])
        report = statistics.of_campaign(conn, campaign, visit.now)
    with visit.write() as conn:
        visit.record(conn, Act(Verb.DOWNLOAD, "campaign", campaign.slug, ["report"]))
    _ = visit.words.gettext
    columns = [_("Part"), _("What"), _("Why"), _("People")]
    rows = _cells(visit.words, report) if report else iter(())
    name = f"{campaign.slug}-{_('report')}"
    return spreadsheets.download(visit, name, kind, columns, rows)


def span_words(words: Words, span: Span, step: timedelta, zone: str) -> str:
    """Return the beginning of a span of a timeline: a day, or day and hour."""
    return words.short_day(span.start, zone) if step >= _DAY else words.moment(span.start, zone)


def _timeline(report: CampaignReport) -> tuple[timedelta, list[Span]]:
    found = report.figures.accepted if report.figures else ()
    return statistics.timeline(found, report.campaign.timezone)


def _states(words: Words, report: CampaignReport) -> list[OutcomeRow]:
    """Return a row for each state that has people, by the counters."""
    numbers = [(state, getattr(report.counts, state)) for state in _STATES]
    return [outcomes.state_row(words, state, number) for state, number in numbers if number]


def _rows(words: Words, report: CampaignReport) -> list[OutcomeRow]:
    """Return a row for each reason that people were not reached, by state, the largest first."""
    found = [outcomes.row(words, *outcome) for outcome in report.not_reached]
    return sorted(found, key=lambda row: (statistics.NOT_REACHED.index(row.state), -row.people))


def _left(words: Words, people: int) -> str:
    """Return how many people opted out, as the beginning of a sentence."""
    said = words.ngettext("{number} person opted out", "{number} people opted out", people)
    return said.format(number=words.number(people))


def _reasons(words: Words, report: CampaignReport) -> list[tuple[str, int]]:
    given = report.opt_outs.reasons or {}
    told = sorted(given.items(), key=lambda item: -item[1])
    return [(words.gettext(outcomes.REASONS.get(reason, outcomes.REASONS["other"])), number) for reason, number in told]


def _cells(words: Words, report: CampaignReport) -> Iterator[tuple[Cell, ...]]:
    """Yield the rows of the file: the same numbers as on the page."""
    _ = words.gettext
    zone = ZoneInfo(report.campaign.timezone or words.zone)
    part = _("Result")
    yield part, _("People"), "", report.counts.recipients
    for row in _states(words, report):
        yield part, row.title, "", row.people
    for row in _rows(words, report):
        yield _("Not reached"), row.name, row.why, row.people
    if report.opt_outs.people is not None:
        yield _("Opt-outs"), _("Opted out through this letter"), "", report.opt_outs.people
    for reason, number in _reasons(words, report):
        yield _("Opt-outs"), _("Reason"), reason, number
    for moment, number in report.figures.accepted if report.figures else ():
        yield _("Accepted over time"), f"{moment.astimezone(zone):%Y-%m-%d %H:%M}", "", number
    for domain in report.figures.domains if report.figures else ():
        named = domain.name or _("All other domains")
        yield _("Domains"), named, "", domain.people
        yield _("Domains"), named, outcomes.state_name(words, "accepted"), domain.accepted
        yield _("Domains"), named, outcomes.state_name(words, "refused"), domain.refused
