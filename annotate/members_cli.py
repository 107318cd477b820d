"""Subcommands of `fewmark project members`: who may do what."""

from contextlib import closing

import click

from annotate.access import Role
from datasets.console import json_option, report


@click.group("members")
def members() -> None:
    """Who may do what in STORE, or in one project of it, when it is served to a team.

    PERSON is the e-mail address, or the name, that people sign in with.
    """


_PROJECT_OPTION = click.option(
    "--project", "name", metavar="NAME", help="In this project only; else in the whole store."
)


@members.command("list")
@click.argument("store")
@json_option
def list_members(store: str, *, as_json: bool) -> None:
    """The members of STORE and of its projects."""
    from annotate.store import open_store

    with closing(open_store(store, must_exist=True)) as opened:
        names = {found.id: found.name for found in opened.projects()}
        rows = [
            {
                "person": one.person,
                "role": one.role.value,
                "project": None if one.project is None else names[one.project],
            }
            for one in opened.members()
        ]
    report({"members": len({row["person"] for row in rows})}, as_json=as_json, rows=rows)


@members.command("add")
@click.argument("store")
@click.argument("person")
@click.option("--role", type=click.Choice([role.value for role in Role]), required=True)
@_PROJECT_OPTION
@json_option
def add_member(store: str, person: str, role: str, name: str | None, *, as_json: bool) -> None:
    """Give PERSON a role; it replaces the one they had in the same place."""
    _set_member(store, person, Role(role), name)
    report({"person": person, "role": role, "project": name}, as_json=as_json)


@members.command("remove")
@click.argument("store")
@click.argument("person")
@_PROJECT_OPTION
@json_option
def remove_member(store: str, person: str, name: str | None, *, as_json: bool) -> None:
    """Take the role of PERSON away; what they marked stays."""
    _set_member(store, person, None, name)
    report({"person": person, "role": None, "project": name}, as_json=as_json)


def _set_member(store: str, person: str, role: Role | None, name: str | None) -> None:
    from annotate.store import open_store

    with closing(open_store(store, must_exist=True)) as opened:
        opened.set_member(person, role, None if name is None else opened.project(name))
