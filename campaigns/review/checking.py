"""``check`` for people: what must be mended, what to look at, what is in order, each with its rule.

Promises: the faults are those of :mod:`campaigns.lifecycle.preparation`, :mod:`.columns` and
:mod:`campaigns.lifecycle.reachability`, none left out; each has a rule with words (:mod:`.rules`). What stops a launch
is *must*, an unknown topic too. A rule is in order only if it was looked at and found nothing: where faults stop the
letter, the rules that need a letter are not among them. DNS is asked apart (:func:`of_sender`), since it takes seconds.
Addresses in the text are never fetched. Changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from campaigns.lifecycle import preparation, reachability
from campaigns.lifecycle.preparation import LaunchConfig, PreparedCampaign
from campaigns.review import columns, preflight
from campaigns.review.preflight import AskDns, SenderIdentity
from campaigns.review.rules import RULES, CheckRule, Stage, rule_of
from campaigns.source.campaign_source import CampaignSource
from campaigns.source.definition import KEYS
from mailer.address import mask
from mailer.errors import Fault
from mailer.messages import Message


@dataclass(frozen=True, slots=True)
class CheckItem:
    """A fault with its rule. ``line``: of the text below the head, 0 for none; ``key``: the key of the head, or ""."""

    rule: CheckRule
    fault: Fault
    line: int = 0
    key: str = ""


@dataclass(frozen=True, slots=True)
class Checked:
    """The findings of an examination. ``notes``: sentences on facts that may be as intended."""

    must: tuple[CheckItem, ...]
    look: tuple[CheckItem, ...]
    fine: tuple[CheckRule, ...]
    notes: tuple[str, ...] = ()
    prepared: PreparedCampaign | None = field(default=None, repr=False)


def examine(
    config: LaunchConfig,
    source: CampaignSource,
    now: datetime,
    *,
    code: str = "",
    send_at: datetime | None = None,
    beside: Iterable[Fault] = (),
) -> Checked:
    """Return what is to be mended and looked at. ``beside``: faults of the set-up that the caller found."""
    prepared, faults = preparation.examine(config, source, now, code=code, send_at=send_at)
    people = columns.of_source(config.db, source)
    about = [*reachability.advice(config.link_target), *beside]
    items = [_item(fault, source) for fault in [*faults, *people.warnings, *about]]
    stages: set[Stage] = {"head", "text", "setup"}
    if prepared is not None:
        stages |= {"letter", "people"}
    return _sorted(items, stages, people.notes, prepared)


def of_sender(sender: SenderIdentity, source: CampaignSource, ask: AskDns) -> Checked:
    """Return the same about the sender in DNS."""
    faults = preflight.examine(sender, source.name, source.definition.lines.get("from", 0), ask)
    items = [_item(fault, source) for fault in faults]
    away = any(item.rule.key == "dns_away" for item in items)
    return _sorted(items, set() if away else {"dns"}, (), None)


def by_rule(items: Iterable[CheckItem]) -> dict[CheckRule, list[CheckItem]]:
    """Return items by their rule, in the order in which each rule comes first."""
    found: dict[CheckRule, list[CheckItem]] = {}
    for item in items:
        found.setdefault(item.rule, []).append(item)
    return found


def discreet(item: CheckItem) -> CheckItem:
    """Return an item without personal values, for a user without access to contacts."""
    found = item.fault.found
    if not isinstance(found, Message) or "email" not in found.params:
        return item
    hidden = found.format(email=mask(str(found.params["email"])), value=f"{str(found.params['value'])[:1]}•••")
    return replace(item, fault=replace(item.fault, found=hidden))


def _item(fault: Fault, source: CampaignSource) -> CheckItem:
    rule, first = rule_of(fault, source.name), source.definition.body_line
    if fault.file != source.name:
        return CheckItem(rule, fault)
    if fault.line >= first:
        return CheckItem(rule, fault, fault.line - first + 1)
    return CheckItem(rule, fault, key=fault.field if fault.field in KEYS else "")


def _sorted(
    items: list[CheckItem], stages: set[Stage], notes: tuple[str, ...], prepared: PreparedCampaign | None
) -> Checked:
    must = tuple(item for item in items if item.fault.severity == "error" or item.fault.field == "topic")
    look = tuple(item for item in items if item not in must)
    seen = {item.rule.key for item in items}
    fine = tuple(rule for rule in RULES.values() if rule.stage in stages and rule.key not in seen)
    return Checked(must, look, fine, notes, prepared)
