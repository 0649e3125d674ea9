"""Roles add up; what each may do is one table."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.staff.rights import Right, Role, rights_of, role, roles_with


@given(st.sets(st.sampled_from(Role)), st.sets(st.sampled_from(Role)))
def test_the_rights_of_several_roles_add_up(some: set[Role], more: set[Role]) -> None:
    assert rights_of(some | more) == rights_of(some) | rights_of(more)


def test_an_administrator_may_do_everything_and_nobody_without_a_role_anything() -> None:
    assert rights_of([Role.ADMINISTRATOR]) == frozenset(Right)
    assert rights_of([]) == frozenset()


@pytest.mark.parametrize(
    ("right", "roles"),
    [
        (Right.WRITE, (Role.AUTHOR, Role.ADMINISTRATOR)),
        (Right.SEND, (Role.SENDER, Role.ADMINISTRATOR)),
        (Right.REVIEW, (Role.REVIEWER, Role.ADMINISTRATOR)),
        (Right.CONTACTS, (Role.SENDER, Role.ADMINISTRATOR)),
        (Right.PEOPLE, (Role.ADMINISTRATOR,)),
        (Right.AUDIT, (Role.ADMINISTRATOR,)),
    ],
)
def test_each_right_is_that_of_the_roles_of_the_issue(right: Right, roles: tuple[Role, ...]) -> None:
    assert roles_with(right) == roles


@pytest.mark.parametrize(("name", "found"), [("admin", Role.ADMINISTRATOR), ("author", Role.AUTHOR), ("boss", None)])
def test_the_former_name_of_a_role_is_still_known(name: str, found: Role | None) -> None:
    assert role(name) == found
