"""Who may do what: the roles of a team, the rights they give, and how a person is named.

Pure: pages and routes ask here, the store keeps who has which role. A person has at most one role
in the whole store and one in each project; that of the project counts there, except that a manager
of the store is a manager everywhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from datasets.errors import FewmarkError

LONGEST_NAME = 100


class AccessError(FewmarkError):
    """Somebody asked for what their role does not allow; the text can be shown to them."""


class Role(StrEnum):
    """What somebody does in a project."""

    MANAGER = "manager"
    ANNOTATOR = "annotator"
    REVIEWER = "reviewer"
    RESEARCHER = "researcher"


class Right(StrEnum):
    """Something that not everybody may do."""

    SEE = "see the pictures and their labels"
    LABEL = "label pictures"
    REVIEW = "review labels"
    EXPORT = "export labels"
    OVERSEE = "see how everybody comes along"
    RESEARCH = "use the pages beside Annotate"
    MANAGE = "manage projects and members"


RIGHTS: dict[Role, frozenset[Right]] = {
    Role.MANAGER: frozenset(Right),
    Role.ANNOTATOR: frozenset({Right.SEE, Right.LABEL}),
    Role.REVIEWER: frozenset({Right.SEE, Right.LABEL, Right.REVIEW}),
    Role.RESEARCHER: frozenset({Right.SEE, Right.EXPORT, Right.OVERSEE, Right.RESEARCH}),
}


@dataclass(frozen=True, slots=True)
class Membership:
    """A role that a person has in one project or, where `project` is None, in the whole store."""

    person: str
    role: Role
    project: int | None = None


def role_in(memberships: Sequence[Membership], project: int | None) -> Role | None:
    """The role that one person's memberships give in a project, or None = the whole store.

    Examples
    --------
    >>> ann = [Membership("ann", Role.RESEARCHER), Membership("ann", Role.ANNOTATOR, project=1)]
    >>> role_in(ann, 1).value, role_in(ann, 2).value
    ('annotator', 'researcher')
    """
    roles = {one.project: one.role for one in memberships}
    everywhere = roles.get(None)
    return everywhere if everywhere is Role.MANAGER else roles.get(project, everywhere)


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody at the door, with all their memberships; `person` is None without sign-in.

    Without sign-in there is one person, who may do everything.
    """

    person: str | None
    memberships: tuple[Membership, ...] = ()

    def role(self, project: int | None = None) -> Role | None:
        """Their role in a project, or in the whole store."""
        return Role.MANAGER if self.person is None else role_in(self.memberships, project)

    def may(self, right: Right, project: int | None = None) -> bool:
        """Whether they have a right in a project, or in the whole store."""
        role = self.role(project)
        return role is not None and right in RIGHTS[role]

    def require(self, right: Right, project: int | None = None) -> None:
        """Refuse what they may not do.

        Raises
        ------
        AccessError
            In one line that says who may not do what.
        """
        if not self.may(right, project):
            where = "here" if project is None else "in this project"
            role = self.role(project)
            as_what = f"as {role} " if role else ""
            raise AccessError(f"{self.person} may not {right.value} {where} {as_what}".strip())


EVERYBODY = Visitor(None)
"""The one person where nobody signs in."""


def person_name(text: str) -> str:
    """An e-mail address or name in the form in which people are compared.

    Only the letters A to Z lose their case: other alphabets have letters that become equal to one
    of those, and with it one person to another.

    Raises
    ------
    AccessError
        If it is empty or long, or has characters that cannot be seen.

    Examples
    --------
    >>> person_name(" Ann@Example.org ")
    'ann@example.org'
    """
    name = "".join(c.lower() if c.isascii() else c for c in text.strip())
    if not (0 < len(name) <= LONGEST_NAME and name.isprintable()):
        problem = f"expected 1 to {LONGEST_NAME} letters, digits and signs"
        raise AccessError(f"{text[:40]!r} is no name of a person: {problem}")
    return name
