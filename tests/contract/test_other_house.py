"""Two organisations, keys that rotate, clocks that jump: what is of another house, or another time, does nothing."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from mailer import suppression
from mailer.errors import SettingsError, TokenError
from mailer.signing import Keyring, Purpose
from mailer.storage import Database
from tests.support import web
from tests.support.commandline import CommandLine
from tests.support.site import ANOTHER_RING, KEYRING, PEPPER, Town, serving
from unsubscribe.endpoint import public_app
from unsubscribe.tokens import Tokens

OLD, NEW = b"o" * 32, b"n" * 32


def test_a_link_of_another_organisation_is_no_link_of_ours_though_all_numbers_are_the_same(lite_town: Town) -> None:
    theirs = Tokens(ANOTHER_RING)
    before = lite_town.everything()
    with serving(public_app(lite_town.deps())) as site:
        for make in (theirs.optout_url, theirs.details_url):
            path = make("", ANOTHER_RING.current.id, lite_town.mailing, lite_town.readers[0].id)
            assert web.get(site.url(path)).status_code == 404
            assert web.post(site.url(path), data={"name": "x"}).status_code == 404
        for purpose in (Purpose.UNDO, Purpose.PAUSE, Purpose.TOPICS):
            for kind in ("undo", "pause", "topics", "put-back", "new-address", "keep-address", "erase"):
                text = theirs.short(
                    purpose, lite_town.mailing, lite_town.readers[0].id, lite_town.now + timedelta(hours=1), 1
                )
                assert web.post(site.url(f"/c/{kind}/{text}")).status_code == 404
    assert lite_town.everything() == before


def test_their_key_id_on_our_token_and_ours_on_theirs_do_nothing(lite_town: Town) -> None:
    ours = lite_town.path().rpartition("/")[2]
    theirs = Tokens(ANOTHER_RING).optout_url("", ANOTHER_RING.current.id, lite_town.mailing, lite_town.readers[0].id)[
        3:
    ]
    for mixed in (ours[:1] + theirs[1:], theirs[:8] + ours[8:], ours[:8] + theirs[8:], ours[:-8] + theirs[-8:]):
        with pytest.raises(TokenError):
            Tokens(KEYRING).read(mixed, Purpose.OPT_OUT, lite_town.now)


def test_a_pepper_of_another_organisation_is_refused_at_the_start_of_every_command(tmp_path: Path) -> None:
    folder, cli = tmp_path, CommandLine(tmp_path)
    cli.do("init")
    secrets = folder / "data" / "secrets.toml"
    other = '"' + "b3RoZXJvdGhlcm90aGVyb3RoZXJvdGhlcm90aGVyb3Q" + '"'
    lines = [
        line if not line.startswith("pepper") else f"pepper = {other}" for line in secrets.read_text().splitlines()
    ]
    secrets.write_text("\n".join(lines))
    for command in (["status"], ["restored"], ["init"], ["contacts", "show", "a@b.example"], ["serve", "--port", "1"]):
        ran = cli.run(*command)
        assert (ran.code, ran.out) == (1, ""), (command, ran)
        assert "POSTILJON_PEPPER is not the one" in ran.err
        assert other.strip('"') not in ran.err


def test_another_pepper_is_refused_on_both_databases(house_database: Database) -> None:
    with house_database.write() as conn:
        suppression.bind_pepper(conn, PEPPER)
    for _ in range(2):
        with pytest.raises(SettingsError, match="not the one"), house_database.write() as conn:
            suppression.bind_pepper(conn, b"q" * 32)


@pytest.mark.parametrize(("keys", "works"), [([NEW, OLD], True), ([OLD, NEW], True), ([OLD], True), ([NEW], False)])
def test_links_of_before_a_rotation_work_while_their_key_is_kept_in_whatever_order(
    lite_town: Town, keys: list[bytes], works: bool
) -> None:
    before, ring = Keyring.of([OLD]), Keyring.of(keys)
    path = Tokens(before).optout_url("", before.current.id, lite_town.mailing, lite_town.readers[0].id)
    with serving(public_app(lite_town.deps(keyring=ring))) as site:
        assert web.get(site.url(path)).status_code == (200 if works else 404)
        assert web.post(site.url(path)).status_code == (200 if works else 404)
    assert lite_town.state() == ("opted_out" if works else "subscribed")


@pytest.mark.parametrize("jump", [timedelta(days=36500), timedelta(days=-36500), timedelta(minutes=31), timedelta(0)])
def test_a_clock_that_jumps_never_wakes_a_link_that_was_forged_and_never_ends_one_of_a_letter(
    lite_town: Town, jump: timedelta
) -> None:
    tokens = Tokens(KEYRING)
    text = tokens.short(
        Purpose.PAUSE, lite_town.mailing, lite_town.readers[0].id, lite_town.now + timedelta(minutes=30), 0
    )
    lite_town.now += jump
    with serving(public_app(lite_town.deps())) as site:
        assert web.get(site.url(lite_town.path())).status_code == 200
        status = web.get(site.url(f"/c/pause/{text}")).status_code
        assert status == (410 if jump > timedelta(minutes=30) else 200)
        assert web.get(site.url(f"/c/pause/{text[:-1]}A")).status_code in (404, status)
        assert web.post(site.url("/subscribe"), data={"email": "a@b.example", "topic": "nieuws"}).status_code < 500
        assert web.post(site.url(lite_town.path("u"))).status_code == 200
    assert lite_town.state() == "opted_out"
