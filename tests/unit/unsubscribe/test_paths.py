"""A path means the page that a person wanted, and never another token than the one that stands in it."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unsubscribe.web.paths import meant

TOKEN = "Ab-_" * 8 + "Ab-_"
SHORT = "Ab-_" * 12
SIGNS = string.ascii_letters + string.digits + "-_"
BEHIND = [".", ")", ">", ",", ";", "'", '"', "*", "_", "/", "//", "&utm_source=mail&x=y", "”", "’", "»", "\u200b", " "]
BEHIND += ["?utm_medium=email", ").", "**", "__", "]", "}", "|", "\r\n", "/.", ">/", "!", "%3E", "\xa0)"]


@pytest.mark.parametrize("behind", BEHIND)
@pytest.mark.parametrize("before", ["/u", "/d", "/confirm", "/c/undo", "/my-data", "//u", "/c//undo"])
@pytest.mark.parametrize("token", [TOKEN, SHORT])
def test_what_slipped_in_behind_a_whole_token_is_cut(before: str, token: str, behind: str) -> None:
    assert meant(f"{before}/{token}{behind}") == f"{before.replace('//', '/')}/{token}"


@pytest.mark.parametrize("behind", ["/", ".", "//", ")", "/?"])
@pytest.mark.parametrize(
    "path", ["/privacy", "/accessibility", "/archive", "/archive/feed.xml", "/archive/denkt-u-mee", "/subscribe"]
)
def test_slashes_and_punctuation_behind_a_page_are_forgiven(path: str, behind: str) -> None:
    assert meant(path + behind) == path


@pytest.mark.parametrize("path", [f"/u/{TOKEN}/pause", f"/u/{TOKEN}/less-often", f"/d/{TOKEN}/my-data"])
def test_slashes_and_punctuation_behind_a_page_of_a_token_are_forgiven(path: str) -> None:
    assert meant(path + "/") == path
    assert meant(path + ").") == path


@pytest.mark.parametrize("path", ["/o/abcdefghijklmno_", "/o/abcdefghijklmno_.txt"])
def test_a_letter_online_is_found_with_punctuation_behind_it(path: str) -> None:
    for behind in ("", ".", ")", "/", "&utm_source=x", "_.", "”"):
        assert meant(path + behind) == path


@given(st.text(SIGNS, min_size=1, max_size=60))
def test_signs_that_a_token_can_have_are_never_cut(token: str) -> None:
    """Only a run of ``_`` at the end of what is a token without it is taken away."""
    found = meant(f"/u/{token}").removeprefix("/u").removeprefix("/")
    rest = token.removeprefix(found)
    assert token.startswith(found)
    assert set(rest) <= {"_"}


@given(st.text(SIGNS, min_size=36, max_size=36), st.text(min_size=1, max_size=20))
def test_what_is_left_of_a_token_is_a_beginning_of_what_came(token: str, behind: str) -> None:
    first = meant(f"/u/{token}{behind}").removeprefix("/u/").split("/")[0]
    assert (token + behind).startswith(first)
    assert first == token or behind[0] in SIGNS + "=" or not behind.isprintable()


def test_a_token_with_other_signs_stays_as_it_is_and_so_do_control_characters() -> None:
    for path in (
        f"/u/{TOKEN}A",
        f"/u/{TOKEN}-",
        f"/u/{TOKEN}=",
        f"/u/{TOKEN}\x00",
        f"/u/{TOKEN[:-2]}",
        f"/u/x{TOKEN}A",
    ):
        assert meant(path) == path


@pytest.mark.parametrize("base", ["/post", "/a/b/c", "/u", "/é t", "/privacy"])
def test_a_page_is_found_with_and_without_the_path_of_the_public_address(base: str) -> None:
    for path in (f"/u/{TOKEN}", "/a/pages-1.css", "/archive/feed.xml", "/.well-known/security.txt", "/health"):
        assert meant(base + path, base) == path
        assert meant(base + path + "/", base) == path
        assert meant(path, base) == path
    assert meant(base, base) == meant(base + "/", base) == "/"


@pytest.mark.parametrize("path", ["/postbus/u/x", "/post/nothing", "/Post/privacy", "/post/post/privacy"])
def test_what_only_looks_like_the_path_of_the_public_address_is_left_alone(path: str) -> None:
    assert meant(path, "/post") == path


@pytest.mark.parametrize("path", ["//evil.example", "//evil.example/u/x", "///evil.example//", "/%2F/evil.example", ""])
def test_no_other_host_comes_out_of_a_path(path: str) -> None:
    found = meant(path)
    assert found.startswith("/")
    assert not found.startswith("//")


def test_a_path_without_an_end_is_not_looked_at() -> None:
    path = "/u/" + "." * 5000
    assert meant(path) == path
