"""Requests over a limit, and forwarded headers of an untrusted peer, are counted for staff in the database."""

from __future__ import annotations

from datetime import timedelta

from mailer.storage import Database
from tests.support import web
from tests.support.site import Town, serving
from tests.support.waiting import wait_until
from unsubscribe import dropped, limits
from unsubscribe.dropped import MOST_PEERS
from unsubscribe.endpoint import public_app

FORM = {"topic": "nieuws", "name": "", "version": ""}


def test_sign_ups_that_a_limit_turned_away_and_the_proxy_behind_them_are_counted(house_database: Database) -> None:
    """Expected: behind a proxy that is not trusted all are one visitor; of 25, 20 go, and 5 are counted with why."""
    town = Town(house_database)
    app = public_app(town.deps(trusted_proxies=frozenset({"192.0.2.9"})))
    with serving(app) as site:
        for number in range(25):
            data = FORM | {"email": f"nieuw{number}@gemeente{number}.example"}
            headers = {"X-Forwarded-For": f"198.51.100.{number}"}
            assert web.post(site.url("/subscribe"), data=data, headers=headers).status_code == 200
        counted = web.get(site.url("/metrics")).text
        wait_until(lambda: [sum(one.number for one in counts) for counts in read(town)] == [5, 25])
    found, peers = read(town)
    assert [(one.reason, one.number, one.since) for one in found] == [("sign-up by peer", 5, town.now.date())]
    assert [(peer.name, peer.number, peer.is_near) for peer in peers] == [("127.0.0.1", 25, True)]
    assert peers[0].line(frozenset({"::1"})) == 'trusted_proxies = "::1,127.0.0.1"'
    assert 'postiljon_web_signups_dropped_total{limit="sign-up by peer"} 5.0' in counted
    assert "postiljon_web_forwarded_unbelieved_total 25.0" in counted
    assert len(town.letters("optin_confirm")) == 20


def read(town: Town) -> tuple[list[dropped.Dropped], list[dropped.Speaker]]:
    with town.db.read() as conn:
        return dropped.found(conn, town.now), dropped.speakers(conn, town.now)


def test_rows_are_bounded_name_no_reader_and_are_gone_after_a_week(house_database: Database) -> None:
    town = Town(house_database)
    strangers = {f"8.8.{number}.8": 1 for number in range(40)}
    near = {"172.18.0.5": 3, "fd00::17": 2, "::ffff:10.0.0.1": 1}
    with town.db.write() as conn:
        dropped.keep(conn, {"sign-up in domain": 2}, near | strangers, town.now)
        dropped.keep(conn, {"sign-up in domain": 1}, {"8.8.0.8": 1}, town.now + timedelta(days=1))
    found, peers = read(town)
    assert [(one.reason, one.number, one.since) for one in found] == [("sign-up in domain", 3, town.now.date())]
    names = {peer.name: peer.number for peer in peers if peer.is_near}
    assert names["172.18.0.5"] == 3
    assert names["fd00::/64"] == 2
    assert [peer.is_near for peer in peers] == sorted([peer.is_near for peer in peers], reverse=True)
    assert len([peer for peer in peers if not peer.is_near]) == MOST_PEERS
    with town.db.write() as conn:
        limits.forget(conn, town.now + timedelta(days=9))
    assert read(town) == ([], [])
