"""Many alike mean something else than one."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from mailer.outcome import Context, Replied, Spikes, decide, worn_out

NOW = datetime(2024, 9, 18, 7, tzinfo=UTC)
CONTEXT = Context(NOW, 1, NOW, (timedelta(minutes=30),), timedelta(days=4))
FINE = decide(Replied("dot", 250, "ok"), CONTEXT)
DEAD = decide(Replied("rcpt", 550, "5.1.1 no such user"), CONTEXT)
POLICY = decide(Replied("dot", 550, "5.7.1 policy"), CONTEXT)
SPAM = decide(Replied("dot", 550, "5.7.1 spam"), CONTEXT)


def test_twenty_of_one_kind_from_three_domains_within_a_minute_hold() -> None:
    spikes = Spikes()
    seen = [spikes.note(1, f"d{n % 3}.example", POLICY, NOW + timedelta(seconds=n)).hold for n in range(20)]
    assert seen == [None] * 19 + ["many_alike"]


def test_twenty_from_two_domains_do_not_hold() -> None:
    spikes = Spikes()
    assert not any(spikes.note(1, f"d{n % 2}.example", POLICY, NOW).hold for n in range(60))


def test_twenty_over_more_than_a_minute_do_not_hold() -> None:
    spikes = Spikes()
    times = [NOW + timedelta(seconds=4 * n) for n in range(60)]
    assert not any(spikes.note(1, f"d{n}.example", POLICY, at).hold for n, at in enumerate(times))


def test_two_kinds_are_not_one_kind_and_two_mailings_not_one_mailing() -> None:
    spikes = Spikes()
    for n in range(19):
        assert spikes.note(1, f"d{n}.example", POLICY, NOW).hold is None
        assert spikes.note(1, f"d{n}.example", SPAM, NOW).hold is None
        assert spikes.note(2, f"d{n}.example", POLICY, NOW).hold is None


def test_dead_addresses_of_many_domains_do_not_hold() -> None:
    spikes = Spikes()
    assert not any(spikes.note(1, f"d{n}.example", DEAD, NOW).hold for n in range(100))


def test_some_dead_addresses_among_many_good_ones_are_dead() -> None:
    spikes = Spikes()
    for n in range(1000):
        seen = spikes.note(1, "example.nl", DEAD if n % 12 == 0 else FINE, NOW)
        assert not seen.outage


def test_a_provider_that_refuses_all_is_an_outage_and_what_was_suppressed_before_is_lifted() -> None:
    spikes = Spikes()
    for n in range(100):
        spikes.note(1, "example.nl", FINE, NOW, n)
    seen = [spikes.note(1, "example.nl", DEAD, NOW, 100 + n) for n in range(30)]
    first = next(n for n, one in enumerate(seen) if one.outage)
    assert first == 10
    assert seen[first].lift == tuple(range(100, 110))
    assert all(one.outage and not one.lift for one in seen[first + 1 :])


def test_two_typing_errors_in_a_small_domain_are_no_outage() -> None:
    spikes = Spikes()
    assert not any(spikes.note(1, "klein.example", DEAD, NOW).outage for _ in range(4))


def test_an_outage_of_yesterday_is_forgotten() -> None:
    spikes = Spikes()
    for n in range(30):
        spikes.note(1, "example.nl", DEAD, NOW, n)
    assert not spikes.note(1, "example.nl", DEAD, NOW + timedelta(days=1), 99).outage


def test_soft_refusals_wear_an_address_out_only_over_weeks_and_without_success_between() -> None:
    days = frozenset({date(2024, 9, 1), date(2024, 9, 8), date(2024, 9, 15)})
    assert worn_out(days)
    assert not worn_out(days, last_success=date(2024, 9, 2))
    assert not worn_out(frozenset({date(2024, 9, 1), date(2024, 9, 15)}))
    assert not worn_out(frozenset(date(2024, 9, day) for day in range(1, 9)))
