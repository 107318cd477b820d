"""The door of the annotator's routes: who asks, whether they may, and a line in the log if not."""

import logging
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from annotate import server
from annotate.access import AccessError, Right, Visitor
from annotate.identity import Identity
from annotate.passes import LIFE_S, Pass, PassError
from annotate.store import Item
from datasets.errors import FewmarkError

logger = logging.getLogger(__name__)


class Refused(FewmarkError):  # noqa: N818 - an answer, not a fault
    """A request that is not granted: the status of the answer, and why."""

    def __init__(self, status: int, problem: str) -> None:
        self.status = status
        super().__init__(problem)


@dataclass(frozen=True, slots=True)
class Entry:
    """A request whose sender is known; without sign-in there is no pass, and all is allowed."""

    pass_: Pass | None

    @property
    def person(self) -> str | None:
        """Who sent it, where people sign in."""
        return None if self.pass_ is None else self.pass_.person

    def visitor(self, right: Right, project_id: int) -> Visitor:
        """The sender, as the store knows them now, if they have a right in a project.

        Raises
        ------
        Refused
            If they have not, their role has changed, or the pass is for another project.
        """
        if self.pass_ is None:
            return Visitor(None)
        if self.pass_.project != project_id:
            raise Refused(403, "this page is about another project; open that one")
        found = _member(self.pass_.person, right, project_id)
        if found.role(project_id) != self.pass_.role:
            raise Refused(403, "your role in this project has changed; reload the page")
        return found


def entry(request: Request) -> Entry:
    """Whose request it is, by the token in its header.

    Raises
    ------
    Refused
        If there is none that can be believed.
    """
    given = request.headers.get(server.TOKEN_HEADER)
    if not Identity.from_environment().is_team:
        if not server.is_token(given):
            raise Refused(401, "this page belongs to another annotation store; reload it")
        return Entry(None)
    found = _believed(request, given)
    if found.project is None:
        raise Refused(401, "a pass for pictures opens nothing else")
    return Entry(found)


def require_sight(request: Request, item: Item) -> None:
    """Refuse a picture to those who may not see it: their cookie says who they are.

    Raises
    ------
    Refused
        If there is no cookie that can be believed, they may not see this project, or the picture
        is none that teams are shown.
    """
    if not Identity.from_environment().is_team:
        return
    found = _believed(request, request.cookies.get(server.cookie_name()))
    if found.project is not None:
        raise Refused(401, "a pass for a project opens no pictures")
    _member(found.person, Right.SEE, item.project)
    path = item.content.image
    if not server.is_shown_to_teams(path):
        raise Refused(403, f"{path.name} lies outside the folders of pictures of this server")


def _believed(request: Request, given: str | None) -> Pass:
    try:
        found = server.pass_in(given or "")
    except PassError as error:
        raise Refused(401, str(error)) from error
    request.state.person = found.person
    return found


def _member(person: str, right: Right, project_id: int) -> Visitor:
    found = server.visitor(person)
    try:
        found.require(right, project_id)
    except AccessError as error:
        raise Refused(403, str(error)) from error
    return found


def give_pictures(request: Request, answer: Response, granted: Entry) -> None:
    """Let the browser load pictures: a cookie that is good for as long as the token."""
    if granted.pass_ is None:
        return
    https = "https" in {request.url.scheme, request.headers.get("x-forwarded-proto")}
    answer.set_cookie(
        server.cookie_name(), server.pass_for_pictures(granted.pass_),
        max_age=LIFE_S, httponly=True, samesite="strict", secure=https,
    )  # fmt: skip


def require_same_site(request: Request) -> None:
    """Refuse what a page of another site makes a browser send.

    Raises
    ------
    Refused
        If the browser says that another site is behind it.
    """
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if site is not None:
        is_ours = site == "same-origin"
    else:  # browsers tell less to a server that has no https
        is_ours = origin is None or _is_at(origin, request.headers.get("host"))
    if not is_ours:
        raise Refused(403, "this came from a page of another site")


def _is_at(origin: str, host: str | None) -> bool:
    """Whether an origin, which may be no address at all, is at this host and port."""
    try:
        return urlsplit(origin).netloc == host
    except ValueError:
        return False


def note(request: Request, status: int, problem: str) -> None:
    """One line in the log for what was refused: to whom, and why; never what it carried."""
    client = request.client
    who = getattr(request.state, "person", None) or (client.host if client else "somebody")
    line = f"refused {request.method} {request.url.path:.200} to {who}: {status}, {problem:.300}"
    logger.warning("%s", "".join(c if c.isprintable() else "?" for c in line))
