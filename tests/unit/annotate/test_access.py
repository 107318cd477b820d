"""Roles, the rights they give, and the names of people."""

import pytest

from annotate.access import (
    EVERYBODY,
    RIGHTS,
    AccessError,
    Membership,
    Right,
    Role,
    Visitor,
    person_name,
    role_in,
)

# Written out from the promise to teams, independent of the table in the code.
MAY = {
    Role.MANAGER: {"SEE", "LABEL", "REVIEW", "EXPORT", "OVERSEE", "RESEARCH", "MANAGE"},
    Role.ANNOTATOR: {"SEE", "LABEL"},
    Role.REVIEWER: {"SEE", "LABEL", "REVIEW"},
    Role.RESEARCHER: {"SEE", "EXPORT", "OVERSEE", "RESEARCH"},
}


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("right", Right)
def test_every_role_has_the_rights_it_is_promised(role: Role, right: Right) -> None:
    visitor = Visitor("ann", (Membership("ann", role, 1),))
    assert visitor.may(right, 1) == (right.name in MAY[role])
    assert not visitor.may(right, 2)
    assert not visitor.may(right)


def test_a_role_in_a_project_counts_there_and_nowhere_else() -> None:
    roles = [Membership("ann", Role.RESEARCHER), Membership("ann", Role.ANNOTATOR, 1)]
    assert role_in(roles, 1) is Role.ANNOTATOR
    assert role_in(roles, 2) is Role.RESEARCHER
    assert role_in(roles, None) is Role.RESEARCHER
    assert role_in([], 1) is None


def test_a_manager_of_the_store_is_one_everywhere() -> None:
    roles = [Membership("ann", Role.MANAGER), Membership("ann", Role.ANNOTATOR, 1)]
    assert role_in(roles, 1) is Role.MANAGER


def test_without_sign_in_one_person_may_do_everything() -> None:
    assert all(EVERYBODY.may(right, 7) for right in Right)
    assert RIGHTS[Role.MANAGER] == set(Right)


def test_what_is_refused_is_said_in_one_line() -> None:
    visitor = Visitor("ann", (Membership("ann", Role.RESEARCHER, 1),))
    visitor.require(Right.EXPORT, 1)
    with pytest.raises(AccessError, match=r"^ann may not label pictures .* as researcher$"):
        visitor.require(Right.LABEL, 1)
    with pytest.raises(AccessError, match=r"^ann may not manage projects and members here$"):
        visitor.require(Right.MANAGE)


def test_names_are_compared_without_case_but_never_across_alphabets() -> None:
    assert person_name("Ann@Example.ORG") == "ann@example.org"
    kelvin = "\N{KELVIN SIGN}im@example.org"
    assert kelvin.lower() == "kim@example.org"  # the trap
    assert person_name(kelvin) != "kim@example.org"


@pytest.mark.parametrize("text", ["", "  ", "a" * 101, "ann\nbea", "ann\x00", "a\u202eb"])
def test_what_cannot_be_seen_is_no_name(text: str) -> None:
    with pytest.raises(AccessError, match="is no name of a person"):
        person_name(text)
