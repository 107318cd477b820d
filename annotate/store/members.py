"""Who has which role: the statements behind `AnnotationStore.members` and its neighbours."""

import time

import sqlalchemy as sa

from annotate.access import Membership, Role, person_name
from annotate.store import tables
from datasets.errors import StoreError

_member = tables.member


def memberships(connection: sa.Connection, person: str | None = None) -> list[Membership]:
    """All memberships, or those of one person."""
    query = sa.select(_member).order_by(
        _member.c.person, _member.c.project_id.isnot(None), _member.c.project_id
    )
    if person is not None:
        query = query.where(_member.c.person == person_name(person))
    return [
        Membership(row.person, Role(row.role), row.project_id) for row in connection.execute(query)
    ]


def set_role(
    connection: sa.Connection, person: str, role: Role | None, project_id: int | None
) -> None:
    """Replace somebody's role in a project or the whole store; None takes it away.

    Raises
    ------
    StoreError
        If the last manager of the whole store would be gone: the next to sign in would be one; or
        if a role is to be taken that they do not have there.
    """
    _lock(connection)
    name = person_name(person)
    here = _member.c.project_id.is_(None) if project_id is None else (
        _member.c.project_id == project_id
    )  # fmt: skip
    gone = connection.execute(sa.delete(_member).where(_member.c.person == name, here))
    if role is None and gone.rowcount == 0:
        where = "the whole store" if project_id is None else "this project"
        raise StoreError(f"{name} has no role in {where} that could be taken")
    if role is not None:
        _insert(connection, Membership(name, role, project_id))
    left = memberships(connection)
    if not any(one.role is Role.MANAGER and one.project is None for one in left):
        raise StoreError("the store needs a manager: make somebody else manager first")


def make_first_manager(connection: sa.Connection, person: str) -> None:
    """Make somebody the manager of a store that has no members yet."""
    _lock(connection)
    if connection.scalar(sa.select(sa.func.count()).select_from(_member)) == 0:
        _insert(connection, Membership(person_name(person), Role.MANAGER))


def _lock(connection: sa.Connection) -> None:
    """One at a time: who counts managers must know of all (SQLite's writers always do)."""
    query = sa.select(tables.about.c.value).where(tables.about.c.name == "id")
    connection.execute(query.with_for_update())


def _insert(connection: sa.Connection, member: Membership) -> None:
    values = {
        "person": member.person,
        "project_id": member.project,
        "role": member.role.value,
        "created": time.time(),
    }
    connection.execute(sa.insert(_member).values(values))
