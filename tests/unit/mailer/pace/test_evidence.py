from __future__ import annotations

from mailer.pace import Evidence

NOW = 1_700_000_000.0
MANY = {f"d{number}.example": 5 for number in range(20)}


def test_where_three_domains_hear_it_and_few_others_are_taken_it_is_the_relay() -> None:
    evidence = Evidence()
    evidence.record({"a.example": 2, "b.example": 1, "c.example": 1}, {"d.example": 4}, NOW)
    assert evidence.judge(NOW, relay_near=False, slowed=()).relay


def test_where_one_domain_hears_it_while_others_are_taken_it_is_the_domain() -> None:
    evidence = Evidence()
    evidence.record({"a.example": 9}, MANY, NOW)
    assert not evidence.judge(NOW, relay_near=False, slowed=()).relay


def test_three_large_domains_that_hear_it_often_while_many_are_taken_are_no_relay() -> None:
    evidence = Evidence()
    evidence.record({"a.example": 9, "b.example": 7, "c.example": 8}, MANY, NOW)
    assert not evidence.judge(NOW, relay_near=False, slowed=()).relay


def test_a_list_of_one_domain_slows_the_domain_and_one_of_two_the_relay() -> None:
    one, two = Evidence(), Evidence()
    one.record({"a.example": 9}, {"a.example": 9}, NOW)
    two.record({"a.example": 9, "b.example": 3}, {"a.example": 9}, NOW)
    assert not one.judge(NOW, relay_near=False, slowed=()).relay
    assert two.judge(NOW, relay_near=False, slowed=()).relay


def test_a_single_complaint_is_about_the_relay_if_that_is_near_its_rate() -> None:
    evidence = Evidence()
    evidence.record({"a.example": 1}, MANY, NOW)
    assert evidence.judge(NOW, relay_near=True, slowed=()).relay
    assert not evidence.judge(NOW, relay_near=True, slowed=["a.example"]).relay


def test_domains_that_were_blamed_for_the_relay_are_given_back() -> None:
    evidence = Evidence()
    evidence.record({"a.example": 2}, {}, NOW)
    assert not evidence.judge(NOW, relay_near=False, slowed=()).relay
    evidence.record({"b.example": 2, "c.example": 2}, {}, NOW + 1)
    verdict = evidence.judge(NOW + 1, relay_near=False, slowed=["a.example"])
    assert verdict.relay
    assert verdict.undo == {"a.example"}


def test_what_was_said_long_ago_says_nothing() -> None:
    evidence = Evidence()
    evidence.record({"a.example": 2, "b.example": 2}, {}, NOW)
    evidence.record({"c.example": 2}, MANY, NOW + 60)
    assert not evidence.judge(NOW + 60, relay_near=False, slowed=()).relay
