"""What the routes refuse to strangers, to members of other projects, and to odd requests.

Each refusal has a clear status and one line in the log that names what and whom, and no secret.
"""

import json
import logging
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from starlette.applications import Starlette

from annotate import requests, server
from annotate.access import Role
from annotate.exchange import create_project
from annotate.passes import LIFE_S, LONGEST_S, Pass, sealed
from annotate.requests import MAX_BODY
from annotate.routes import ROUTES
from annotate.store import AnnotationStore, NewItem, Project
from datasets.dataset import LandmarkDataset
from datasets.formats import SparseFormat
from tests.unit.annotate.asking import Answer, asked

NOW = 1_000_000


@dataclass
class Team:
    """The routes of a server where people sign in; the clock stands at `now`."""

    store: AnnotationStore
    project: Project
    other: Project
    now: float = NOW
    app: Any = field(default_factory=lambda: Starlette(routes=ROUTES))

    def pass_of(self, person: str, project: Project | None = None) -> str:
        return server.pass_for(server.visitor(person), (project or self.project).id)

    def cookie_of(self, person: str) -> str:
        granted = server.pass_in(self.pass_of(person))
        return f"{server.cookie_name()}={server.pass_for_pictures(granted)}"

    def item(self, project: Project | None = None) -> int:
        return self.store.items(project or self.project)[0].id

    def ask(self, method: str, url: str, body: Any = None, **headers: str) -> Answer:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return asked(self.app, method, url, data if body is not None else b"", named)

    def save(self, token: str, item: int | None = None, **changes: Any) -> Answer:
        body = {**labels(), **changes}
        address = f"/api/items/{self.item() if item is None else item}"
        return self.ask("POST", address, body, x_fewmark_token=token)

    def batch(self, token: str, project: Project | None = None) -> Answer:
        address = f"/api/projects/{(project or self.project).id}/items"
        return self.ask("GET", address, x_fewmark_token=token)

    def picture(self, cookie: str, project: Project | None = None) -> Answer:
        item = self.store.items(project or self.project)[0]
        return self.ask("GET", f"/{server.image_address(item)}", cookie=cookie)


def labels() -> dict[str, Any]:
    return {
        "annotator": "mallory", "writer": "tab", "sequence": 1, "base": 0,
        "points": [{"x": 1.5, "y": 2.0, "v": 2}, None, None], "active_ms": 9,
    }  # fmt: skip


@pytest.fixture
def team(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    store: AnnotationStore,
    project: Project,
    sparse: SparseFormat,
    truth: LandmarkDataset,
) -> Team:
    """Ann manages; bea marks in `project`, cyd in `other`, eve reads, dan reviews in `project`."""
    monkeypatch.setenv("FEWMARK_WORKSPACE", str(tmp_path / "workspace"))
    monkeypatch.setenv("FEWMARK_SIGN_IN", "oidc")
    monkeypatch.setenv("FEWMARK_PICTURES", str(tmp_path / "images"))
    other = create_project(store, "other", sparse, truth)
    made = Team(store, project, other)
    monkeypatch.setattr(server, "clock", lambda: made.now)
    store.set_member("ann", Role.MANAGER)
    store.set_member("bea", Role.ANNOTATOR, project)
    store.set_member("cyd", Role.ANNOTATOR, other)
    store.set_member("dan", Role.REVIEWER, project)
    store.set_member("eve", Role.RESEARCHER)
    return made


@pytest.fixture
def refusals(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """The lines of the log about what was refused since it was asked last."""
    caplog.set_level(logging.WARNING)

    def lines() -> list[str]:
        found = [record.getMessage() for record in caplog.records]
        assert all(record.levelno == logging.WARNING for record in caplog.records)
        caplog.clear()
        return found

    return lines


Refusals = Callable[[], list[str]]


# ------------------------------------------------------------------ people and their projects


@pytest.mark.parametrize("person", ["ann", "bea", "dan"])
def test_who_may_label_is_named_by_the_token_and_not_by_the_body(team: Team, person: str) -> None:
    answer = team.save(team.pass_of(person))
    assert (answer.status, answer.json["annotator"]) == (200, person)
    assert team.store.revisions(team.item())[0].annotator == person


def test_a_researcher_sees_but_does_not_label(team: Team, refusals: Refusals) -> None:
    token = team.pass_of("eve")
    assert team.batch(token).status == 200
    assert team.save(token).status == 403
    assert "eve may not label pictures in this project as researcher" in refusals()[0]
    assert team.store.revisions(team.item()) == []


def test_a_researcher_takes_no_picture_from_who_labels(team: Team) -> None:
    def next_open(person: str) -> list[int]:
        token, body = team.pass_of(person), {"after": 0}
        address = f"/api/projects/{team.project.id}/claims"
        answer = team.ask("POST", address, body, x_fewmark_token=token)
        return list(answer.json["next_open"])

    seen = next_open("eve")
    assert team.store.leases.holders(team.store.items(team.project)) == {}
    assert next_open("bea") == seen


@pytest.mark.parametrize("person", ["cyd", "nobody"])
def test_other_peoples_projects_stay_shut(team: Team, refusals: Refusals, person: str) -> None:
    for token in (team.pass_of(person), team.pass_of(person, team.other)):
        assert team.batch(token).status == 403
        assert team.save(token).status == 403
    assert team.picture(team.cookie_of(person)).status == 403
    assert team.store.revisions(team.item()) == []
    found = refusals()
    assert len(found) == 5
    assert all(f"to {person}: 403" in line for line in found)


def test_a_token_for_one_project_opens_no_other(team: Team) -> None:
    """Not even for a manager, who could have one for both."""
    token = team.pass_of("ann", team.other)
    assert team.batch(token, team.other).status == 200
    assert team.batch(token).status == 403
    assert team.save(token).status == 403
    assert "about another project" in team.save(token).json["error"]


def test_who_is_removed_is_out_at_once(team: Team) -> None:
    token, cookie = team.pass_of("bea"), team.cookie_of("bea")
    assert (team.save(token).status, team.picture(cookie).status) == (200, 200)
    team.store.set_member("bea", None, team.project)
    assert (team.save(token).status, team.picture(cookie).status) == (403, 403)
    assert team.ask("POST", "/api/token", x_fewmark_token=token).status == 403


def test_who_has_another_role_now_must_ask_for_a_new_token(team: Team) -> None:
    token = team.pass_of("bea")
    team.store.set_member("bea", Role.REVIEWER, team.project)
    assert "your role in this project has changed" in team.save(token).json["error"]
    assert team.save(team.pass_of("bea")).status == 200


# ------------------------------------------------------------------ tokens and cookies


def altered(token: str, **changes: Any) -> str:
    """The token with another content, and the seal of the old one."""
    granted = server.pass_in(token)
    made = Pass(**{name: getattr(granted, name) for name in granted.__slots__} | changes)
    return sealed(made, "guessed").split(".")[0] + "." + token.split(".")[1]


def test_tokens_that_the_server_did_not_make_are_refused(team: Team, refusals: Refusals) -> None:
    good = team.pass_of("bea")
    forged = [
        "", ".", "x", "x.y", "ünknown", good[:-1], good + "0", good.split(".")[0],
        altered(good, person="ann", role="manager"), altered(good, ends=NOW * 2),
        sealed(server.pass_in(good), "guessed"), server.token(), team.store.secret,
        "a" * 100_000,
    ]  # fmt: skip
    for token in forged:
        assert team.save(token).status == 401, token
        assert team.batch(token).status == 401, token
        assert team.ask("POST", "/api/token", x_fewmark_token=token).status == 401, token
        cookie = f"{server.cookie_name()}={token}"
        assert team.picture(cookie if token.isascii() else "").status == 401, token
    found = refusals()
    assert len(found) == 4 * len(forged)
    assert all("192.0.2.7: 401" in line for line in found)
    secrets = (good, team.store.secret, server.token(), server.image_key(team.item()))
    assert not any(secret in line for line in found for secret in secrets)


def test_a_token_of_another_store_is_refused(team: Team) -> None:
    granted = server.pass_in(team.pass_of("bea"))
    foreign = Pass("another", "bea", granted.role, granted.project, granted.ends, granted.until)
    assert team.save(sealed(foreign, team.store.secret)).status == 401


def test_a_token_ends_and_is_renewed_before(team: Team) -> None:
    token = team.pass_of("bea")
    team.now += LIFE_S - 1
    fresh = team.ask("POST", "/api/token", x_fewmark_token=token)
    assert fresh.status == 200
    team.now += 1
    assert team.save(token).status == 401
    assert "you were away" in team.save(token).json["error"]
    assert team.ask("POST", "/api/token", x_fewmark_token=token).status == 401
    assert team.save(fresh.json["token"]).status == 200
    cookie = fresh.headers["set-cookie"].split(";")[0]
    assert team.picture(cookie).status == 200


def test_a_token_is_not_renewed_for_ever(team: Team) -> None:
    token = team.pass_of("bea")
    for _ in range(LONGEST_S // (LIFE_S // 2)):
        assert team.save(token).status == 200
        team.now += LIFE_S // 2
        answer = team.ask("POST", "/api/token", x_fewmark_token=token)
        token = answer.json.get("token", token)
    assert answer.status == 401


def test_tokens_and_cookies_do_not_stand_in_for_each_other(team: Team) -> None:
    token, cookie = team.pass_of("bea"), team.cookie_of("bea")
    assert team.picture(f"{server.cookie_name()}={token}").status == 401
    for_pictures = cookie.split("=", 1)[1]
    assert team.save(for_pictures).status == 401
    assert team.batch(for_pictures).status == 401


def test_a_picture_needs_the_cookie_of_somebody_who_may_see_it(team: Team) -> None:
    assert team.picture("").status == 401
    assert team.picture("other=1").status == 401
    for person in ("ann", "bea", "dan", "eve"):
        assert team.picture(team.cookie_of(person)).status == 200
    team.now += LIFE_S
    assert team.picture(team.cookie_of("bea")).status == 200
    cookie = team.cookie_of("bea")
    team.now += LIFE_S
    assert team.picture(cookie).status == 401


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(team: Team) -> None:
    given = team.batch(team.pass_of("bea")).headers["set-cookie"].lower()
    assert "httponly" in given
    assert "samesite=strict" in given
    assert "secure" not in given
    answer = team.ask(
        "GET", f"/api/projects/{team.project.id}/items",
        x_fewmark_token=team.pass_of("bea"), x_forwarded_proto="https",
    )  # fmt: skip
    assert "secure" in answer.headers["set-cookie"].lower()


# ------------------------------------------------------------------ other sites


@pytest.mark.parametrize(
    "headers",
    [
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"sec_fetch_site": "cross-site", "origin": "http://localhost"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://localhost:81"},
        {"origin": "http://["},
    ],
)
def test_posts_that_another_site_began_are_refused(
    team: Team, refusals: Refusals, headers: dict[str, str]
) -> None:
    token = team.pass_of("bea")
    for address in (f"/api/items/{team.item()}", "/api/token"):
        answer = team.ask(
            "POST", address, labels(), host="localhost", x_fewmark_token=token, **headers
        )
        assert (answer.status, "another site" in answer.json["error"]) == (403, True)
    assert len(refusals()) == 2
    assert team.store.revisions(team.item()) == []


@pytest.mark.parametrize(
    "headers",
    [
        {"sec_fetch_site": "same-origin", "origin": "https://behind.a.proxy"},
        {"origin": "http://localhost"},
        {},
    ],
)
def test_posts_of_our_own_page_pass(team: Team, headers: dict[str, str]) -> None:
    answer = team.ask(
        "POST", f"/api/items/{team.item()}", labels(), host="localhost",
        x_fewmark_token=team.pass_of("bea"), **headers,
    )  # fmt: skip
    assert answer.status == 200


def test_pictures_are_not_for_pages_of_other_sites(team: Team) -> None:
    answer = team.picture(team.cookie_of("bea"))
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"


# ------------------------------------------------------------------ odd bodies


def nested(depth: int) -> bytes:
    deep = b"[" * depth + b"]" * depth
    return b'{"points": [' + deep + b', null, null], "annotator": "a", "writer": "b"}'


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"\xff\xfe", 400),
        (b"null", 400),
        (b'{"points": NaN}', 400),
        (b'{"sequence": ' + b"9" * 5000 + b"}", 400),
        (b"[" * 100_000, 400),
        *((nested(depth), 400) for depth in (100, 700, 850, 900, 950, 990, 5_000)),
        (b" " * (MAX_BODY + 1), 413),
    ],
)
def test_odd_bodies_are_refused(team: Team, refusals: Refusals, body: bytes, status: int) -> None:
    token = team.pass_of("bea")
    answer = team.ask("POST", f"/api/items/{team.item()}", body, x_fewmark_token=token)
    assert answer.status == status
    assert [line.split(", ")[0] for line in refusals()] == [
        f"refused POST /api/items/{team.item()} to bea: {status}"
    ]


@pytest.mark.parametrize(("rest", "status"), [("slow", 408), ("gone", 400)])
def test_a_body_that_does_not_arrive_keeps_nobody_waiting(
    team: Team, monkeypatch: pytest.MonkeyPatch, refusals: Refusals, rest: str, status: int
) -> None:
    monkeypatch.setattr(requests, "BODY_WITHIN_S", 0.0)
    headers = {server.TOKEN_HEADER: team.pass_of("bea")}
    answer = asked(team.app, "POST", f"/api/items/{team.item()}", b"{", headers, rest=rest)
    assert answer.status == status
    assert "did not arrive" in refusals()[0]


def test_a_stranger_is_refused_before_the_body_is_read(team: Team) -> None:
    answer = asked(team.app, "POST", f"/api/items/{team.item()}", b"{", {}, rest="slow")
    assert answer.status == 401


def test_the_log_has_one_line_whatever_was_asked_for(team: Team, refusals: Refusals) -> None:
    team.ask("GET", "/api/images/1%0Aforged line?key=x")
    team.ask("GET", "/api/images/1\nforged")
    team.ask("GET", f"/api/frontend/v/{'a' * 5000}")
    found = refusals()
    assert all(line.isprintable() and len(line) < 600 for line in found)


# ------------------------------------------------------------------ pictures


def test_a_tiny_file_that_claims_to_be_huge_is_not_unpacked(
    team: Team, sparse: SparseFormat, tmp_path: Path
) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    def bomb(side: int) -> bytes:
        head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
        data = zlib.compress(b"\0" * 1000)
        return (
            b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
        )

    items = []
    for side in (100_000, 30_000):
        path = tmp_path / "images" / f"{side}.png"
        path.write_bytes(bomb(side))
        items.append(NewItem(path.name, path, side, side))
    made = team.store.create_project("bombs", sparse, items)
    for position in range(2):
        item = team.store.items(made)[position]
        answer = team.ask("GET", f"/{server.image_address(item)}", cookie=team.cookie_of("ann"))
        assert answer.status == 404
        assert "at most 268,435,456 pixels" in answer.json["error"]


def test_links_and_paths_that_lead_out_show_nothing(
    team: Team, refusals: Refusals, sparse: SparseFormat, tmp_path: Path
) -> None:
    inside, outside = tmp_path / "images" / "a" / "0.png", tmp_path / "secret.png"
    cv2.imwrite(str(outside), np.zeros((40, 30, 3), np.uint8))
    link = tmp_path / "images" / "link.png"
    link.symlink_to(outside)
    up = tmp_path / "images" / ".." / "secret.png"
    beside = tmp_path / "images-of-others" / "0.png"
    beside.parent.mkdir()
    beside.write_bytes(outside.read_bytes())
    paths = (inside, link, up, outside, beside)
    items = [NewItem(str(i), path, 40, 30) for i, path in enumerate(paths)]
    made = team.store.create_project("links", sparse, items)
    cookie = team.cookie_of("ann")
    answers = [
        team.ask("GET", f"/{server.image_address(item)}", cookie=cookie)
        for item in team.store.items(made)
    ]
    assert [answer.status for answer in answers] == [200, 403, 403, 403, 403]
    assert str(tmp_path) not in answers[1].json["error"]
    assert all("to ann: 403" in line for line in refusals())


@pytest.mark.parametrize("name", ["../a.png", "/etc/passwd", "%2e%2e", "1/../2", "..%2f1"])
def test_pictures_are_asked_for_by_number_alone(team: Team, name: str) -> None:
    cookie = team.cookie_of("ann")
    assert team.ask("GET", f"/api/images/{name}?key=x", cookie=cookie).status in {401, 404}
