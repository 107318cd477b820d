"""Members of a store and of its projects."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from annotate.access import Membership, Role
from annotate.store import AnnotationStore, Project
from datasets.errors import StoreError


def test_the_first_to_sign_in_becomes_the_manager_and_nobody_after(store: AnnotationStore) -> None:
    assert store.admit("Ann@x.org") == [Membership("ann@x.org", Role.MANAGER)]
    assert store.admit("bea@x.org") == []
    assert store.admit("ann@x.org") == [Membership("ann@x.org", Role.MANAGER)]


def test_of_many_who_come_first_at_once_one_becomes_manager(store: AnnotationStore) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(store.admit, [f"p{i}" for i in range(16)]))
    assert sum(bool(one) for one in found) == 1
    assert len(store.members()) == 1


def test_roles_are_kept_for_each_project_and_replaced(
    store: AnnotationStore, project: Project
) -> None:
    store.set_member("ann", Role.MANAGER)
    store.set_member("Bea", Role.ANNOTATOR, project)
    store.set_member("bea", Role.REVIEWER, project)
    store.set_member("bea", Role.RESEARCHER)
    assert store.members() == [
        Membership("ann", Role.MANAGER),
        Membership("bea", Role.RESEARCHER),
        Membership("bea", Role.REVIEWER, project.id),
    ]
    assert store.members("BEA") == store.members()[1:]
    store.set_member("bea", None)
    assert store.members("bea") == [Membership("bea", Role.REVIEWER, project.id)]


def test_who_has_no_role_there_is_not_said_to_be_removed(
    store: AnnotationStore, project: Project
) -> None:
    store.set_member("ann", Role.MANAGER)
    store.set_member("bea", Role.ANNOTATOR, project)
    with pytest.raises(StoreError, match="bea has no role in the whole store"):
        store.set_member("bea", None)
    with pytest.raises(StoreError, match="baa has no role in this project"):
        store.set_member("baa", None, project)
    assert len(store.members("bea")) == 1


@pytest.mark.parametrize("role", [None, Role.ANNOTATOR])
def test_the_last_manager_stays(store: AnnotationStore, role: Role | None) -> None:
    """Without members the next person to come would become the manager."""
    store.set_member("ann", Role.MANAGER)
    with pytest.raises(StoreError, match="needs a manager"):
        store.set_member("ann", role)
    assert store.members() == [Membership("ann", Role.MANAGER)]
    store.set_member("bea", Role.MANAGER)
    store.set_member("ann", role)


def test_the_first_member_must_be_the_manager(store: AnnotationStore, project: Project) -> None:
    with pytest.raises(StoreError, match="needs a manager"):
        store.set_member("ann", Role.ANNOTATOR, project)
    assert store.members() == []


def test_an_unknown_project_has_no_members(store: AnnotationStore, project: Project) -> None:
    store.set_member("ann", Role.MANAGER)
    with pytest.raises(StoreError):
        store.set_member("bea", Role.ANNOTATOR, replace(project, id=99))
