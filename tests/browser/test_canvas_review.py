"""Reviewing on the canvas: verdicts, fixes and comments, of people who do not see each other."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from numpy.testing import assert_allclose
from playwright.sync_api import Browser, Page, expect

from annotate.labelling import placed
from annotate.store import AnnotationStore, Draft, Project, Review, Status
from tests.browser.canvas import (
    EXACT,
    click,
    eventually,
    frames,
    in_picture,
    on_screen,
    open_canvas,
    revision,
    stored_places,
    wait_for,
)
from tests.browser.test_accessibility import violations

PLACES = [(30.0, 30.0), (64.0, 48.0), (90.0, 70.0)]
Sit = Callable[..., Page]


@pytest.fixture
def marked(store: AnnotationStore, project: Project) -> list[int]:
    """Numbers of the items; ann has marked all three pictures."""
    items = [item.id for item in store.items(project)]
    points = tuple(placed(*place) for place in PLACES)
    store.save_all([Draft(item, "ann", "tab", 1, 0, points, Status.DONE) for item in items])
    return items


@pytest.fixture
def sit(chromium: Browser, server: Any) -> Iterator[Sit]:
    """Somebody sits down at a browser of their own and opens the canvas."""
    contexts = []

    def down(name: str, theme: Any = "light") -> Page:
        context = chromium.new_context(
            viewport={"width": 1280, "height": 800}, color_scheme=theme, reduced_motion="reduce"
        )
        context.add_cookies([{"name": "fewmark_annotator", "value": name, "url": server.url}])
        contexts.append(context)
        page: Page = context.new_page()
        page.goto(f"{server.url}/annotate")
        wait_for(page, annotator=name)
        page.wait_for_selector(".annotator[data-position]")
        return page

    yield down
    for context in contexts:
        context.close()


def reviewing(page: Page, position: int = 0) -> None:
    page.keyboard.press("i")
    wait_for(page, review="on", position=position)


def send_back(page: Page, reason: str) -> None:
    page.keyboard.press("m")
    page.keyboard.type(reason)
    page.keyboard.press("Enter")


def last(store: AnnotationStore, project: Project, position: int = 0) -> Review | None:
    return next(iter(store.reviews.current(store.items(project, position, 1)).values()), None)


def verdicts(store: AnnotationStore, project: Project) -> list[tuple[str, str]]:
    return [(found.reviewer, found.verdict.value) for found in store.reviews.history(project)[0]]


def bar(page: Page) -> str:
    return page.locator(".review .words").inner_text()


@pytest.mark.usefixtures("marked")
def test_a_key_accepts_and_the_next_picture_follows_until_none_waits(
    sit: Sit, store: AnnotationStore, project: Project
) -> None:
    page = sit("rev")
    reviewing(page)
    assert "labelled by ann, " in bar(page)
    assert "3 waiting" in bar(page)
    for position in (1, 2):
        page.keyboard.press("k")
        wait_for(page, position=position, saving="saved")
    page.keyboard.press("k")
    page.get_by_text("Nothing else waits").wait_for()
    wait_for(page, position=2, verdict="accepted", saving="saved")
    assert verdicts(store, project) == [("rev", "accepted")] * 3
    expect(page.locator(".counts")).to_have_text("3 done · 3 reviewed")
    assert [len(store.revisions(item.id)) for item in store.items(project)] == [1, 1, 1]
    page.keyboard.press("i")
    wait_for(page, review="")
    assert not page.locator(".review").is_visible()


@pytest.mark.usefixtures("marked")
def test_what_is_sent_back_opens_first_with_its_reason_and_waits_again_when_mended(
    sit: Sit, store: AnnotationStore, project: Project
) -> None:
    page = sit("rev")
    reviewing(page)
    page.keyboard.press("k")
    wait_for(page, position=1)
    page.mouse.click(*on_screen(page, *PLACES[2]))
    page.keyboard.press("m")
    page.keyboard.press("Enter")  # a reason is needed
    expect(page.locator(".comment-form .note")).to_be_visible()
    page.keyboard.type("<b>not</b> the corner")
    page.keyboard.press("Enter")
    wait_for(page, position=2, saving="saved")
    assert verdicts(store, project) == [("rev", "accepted"), ("rev", "returned")]

    ann = sit("ann")
    wait_for(ann, position=1, verdict="returned", comments=1)
    name = ann.locator(".landmarks .name").nth(2).inner_text()
    assert bar(ann) == f"↩ Sent back by rev. {name}: “<b>not</b> the corner”"
    frames(ann)
    assert ann.locator(".pin:visible").count() == 1
    start = on_screen(ann, *PLACES[2])
    ann.mouse.move(*start)
    ann.mouse.down()
    ann.mouse.move(start[0] + 20, start[1], steps=3)
    ann.mouse.up()
    wait_for(ann, saving="saved", revision=2, verdict="")
    expect(ann.locator(".review .words")).to_contain_text("it goes to review again")
    ann.get_by_role("button", name="Resolve the comment").click()
    wait_for(ann, comments=0, saving="saved")
    assert ann.locator(".pin").count() == 0
    [comment] = store.reviews.history(project)[1]
    assert (comment.landmark, comment.text) == (2, "<b>not</b> the corner")
    assert comment.resolved_by == "ann"
    assert store.reviews.waiting(project) == (1, 2)


@pytest.mark.usefixtures("marked")
def test_points_are_locked_until_they_are_fixed_and_a_fix_is_a_review(
    sit: Sit, store: AnnotationStore, project: Project
) -> None:
    page = sit("rev")
    reviewing(page)
    x, y = on_screen(page, *PLACES[0])

    def drag() -> None:
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + 30, y, steps=3)
        page.mouse.up()

    drag()
    page.get_by_text("You are reviewing").wait_for()
    for key in ("x", "o", "Delete", "s", "f", "ArrowLeft", "g", "c"):
        page.keyboard.press(key)
    page.keyboard.press("Shift+F")
    wait_for(page, review="fixing", position=0, revision=1)
    start = in_picture(page, x, y)
    drag()
    moved = in_picture(page, x + 30, y)[0] - start[0]
    wait_for(page, saving="saved", verdict="fixed", revision=2)
    found = revision(store, project)
    assert (found.annotator, found.status) == ("rev", Status.DONE)
    assert_allclose(
        stored_places(store, project), [(30 + moved, 30.0), *PLACES[1:]], atol=2 * EXACT
    )
    page.keyboard.press("m")
    page.get_by_text("You have fixed these labels").wait_for()
    page.keyboard.press("k")
    wait_for(page, position=1, review="on")
    assert verdicts(store, project) == [("rev", "fixed")]
    assert store.reviews.waiting(project) == (1, 2)


@pytest.mark.usefixtures("marked")
def test_the_last_verdict_can_be_taken_back_and_another_given(
    sit: Sit, store: AnnotationStore, project: Project
) -> None:
    page = sit("rev")
    reviewing(page)
    send_back(page, "blurred")
    wait_for(page, position=1, saving="saved")
    page.keyboard.press("z")
    wait_for(page, position=0, verdict="", saving="saved")
    eventually(lambda: last(store, project).verdict.value == "withdrawn")
    assert store.reviews.waiting(project) == (0, 1, 2)
    assert store.leases.claim(project, "ann", 1).next_open == ()
    page.keyboard.press("k")
    wait_for(page, position=1, saving="saved")
    page.keyboard.press("a")
    wait_for(page, position=0, verdict="accepted")
    said = ["returned", "withdrawn", "accepted"]
    assert [verdict for _, verdict in verdicts(store, project)] == said


@pytest.mark.usefixtures("marked")
def test_verdicts_given_offline_are_kept_in_the_browser_and_arrive_later(
    sit: Sit, store: AnnotationStore, project: Project
) -> None:
    page = sit("rev")
    reviewing(page)
    page.wait_for_load_state("networkidle")
    page.route("**/api/**", lambda route: route.abort())
    page.keyboard.press("k")
    wait_for(page, position=1, saving="offline")
    send_back(page, "swapped")
    wait_for(page, position=2, saving="offline")
    assert store.reviews.history(project) == ([], [])
    page.unroute_all()
    page.reload()
    wait_for(page, saving="saved")
    eventually(lambda: len(verdicts(store, project)) == 2)
    # Of two pictures: which of them was first does not matter.
    assert sorted(verdicts(store, project)) == [("rev", "accepted"), ("rev", "returned")]
    assert [comment.text for comment in store.reviews.history(project)[1]] == ["swapped"]


@pytest.mark.usefixtures("marked")
def test_of_two_verdicts_on_a_picture_the_later_one_never_arrives_first(
    sit: Sit, store: AnnotationStore, project: Project
) -> None:
    page = sit("rev")
    reviewing(page)
    page.wait_for_load_state("networkidle")
    page.route("**/api/**", lambda route: route.abort())
    page.keyboard.press("k")
    wait_for(page, position=1, saving="offline")
    page.keyboard.press("a")
    wait_for(page, position=0)
    send_back(page, "swapped")
    page.unroute_all()
    page.reload()
    wait_for(page, saving="saved")
    eventually(lambda: len(verdicts(store, project)) == 2)
    assert verdicts(store, project) == [("rev", "accepted"), ("rev", "returned")]


@pytest.mark.usefixtures("marked")
def test_an_answer_that_is_lost_makes_no_second_verdict_and_no_second_comment(
    sit: Sit, store: AnnotationStore, project: Project
) -> None:
    page = sit("rev")
    reviewing(page)
    lose = [True]

    def answer(route: Any) -> None:
        if not lose or route.request.method != "POST":
            route.continue_()
            return
        lose.clear()
        route.fetch()
        route.abort()

    page.route("**/reviews*", answer)
    send_back(page, "swapped")
    wait_for(page, position=1)
    wait_for(page, saving="saved")
    assert lose == []
    reviews, comments = store.reviews.history(project)
    assert (len(reviews), len(comments)) == (1, 1)


@pytest.mark.parametrize("other", ["verdict", "labels"])
def test_a_verdict_on_what_changed_meanwhile_is_not_recorded_and_said_so(
    sit: Sit, store: AnnotationStore, project: Project, marked: list[int], other: str
) -> None:
    page = sit("rev")
    reviewing(page)
    page.wait_for_load_state("networkidle")
    if other == "verdict":
        store.reviews.send_back(marked[0], "rex", 1, "no")
    else:
        points = tuple(placed(x + 3, y) for x, y in PLACES)
        store.save(Draft(marked[0], "ann", "tab", 2, 1, points, Status.DONE))
    page.keyboard.press("k")
    wait_for(page, position=1, saving="refused")
    what = "it was sent back by rex meanwhile" if other == "verdict" else "ann changed the labels"
    expect(page.locator(".refusal")).to_contain_text(what)
    page.locator(".refusal").get_by_role("button", name="Look at it").click()
    wait_for(page, position=0, saving="saved", revision=1 if other == "verdict" else 2)
    assert not page.locator(".refusal").is_visible()
    page.keyboard.press("k")
    wait_for(page, position=1, saving="saved")
    assert (last(store, project).reviewer, last(store, project).verdict) == ("rev", "accepted")


def test_what_was_refused_after_a_withdrawn_verdict_is_told_with_what_was_written(
    sit: Sit, store: AnnotationStore, marked: list[int]
) -> None:
    page = sit("rev")
    reviewing(page)
    page.wait_for_load_state("networkidle")
    store.reviews.send_back(marked[0], "rex", 1, "no")
    store.reviews.withdraw(marked[0], "rex", 1, 1)
    page.keyboard.press("m")
    page.keyboard.type("the mouth is off")
    page.keyboard.press("Enter")
    wait_for(page, position=1, saving="refused")
    expect(page.locator(".refusal")).to_contain_text("rex took a verdict on it back meanwhile")
    expect(page.locator(".refusal")).to_contain_text("You wrote: “the mouth is off”")
    page.locator(".refusal").get_by_role("button", name="Look at it").click()
    wait_for(page, position=0, saving="saved")


def test_the_last_picture_is_shown_as_its_annotator_has_changed_it_after_a_fix(
    sit: Sit, store: AnnotationStore, project: Project, marked: list[int]
) -> None:
    for item in marked[1:]:
        store.reviews.accept(item, "rex", 1)
    page = sit("rev")
    reviewing(page)
    page.keyboard.press("6")
    page.mouse.move(*on_screen(page, *PLACES[0]))
    page.mouse.down()
    page.mouse.move(*on_screen(page, 40, 35))
    page.mouse.up()
    wait_for(page, saving="saved", revision=2, verdict="fixed")
    points = tuple(placed(x + 3, y) for x, y in PLACES)
    store.save(Draft(marked[0], "ann", "tab", 2, 2, points, Status.DONE))
    page.keyboard.press("k")
    wait_for(page, revision=3, verdict="")
    page.keyboard.press("k")
    eventually(lambda: last(store, project).verdict == "accepted")
    assert last(store, project).revision == 3


@pytest.mark.usefixtures("marked")
def test_comments_are_pinned_read_settled_and_opened_again(
    sit: Sit, store: AnnotationStore, project: Project
) -> None:
    page = sit("ann")
    page.mouse.click(*on_screen(page, *PLACES[1]))
    page.keyboard.press("Shift+C")
    page.keyboard.type("upper edge?")
    page.keyboard.press("Escape")  # what was begun is kept
    page.keyboard.press("Shift+C")
    page.keyboard.press("Enter")
    wait_for(page, comments=1, saving="saved")
    page.keyboard.press("Escape")
    page.keyboard.press("d")
    wait_for(page, position=1, comments=0)
    page.keyboard.press("7")
    page.keyboard.type("<img src=x onerror='window.broken=1'>")
    page.keyboard.press("Enter")
    wait_for(page, comments=1, saving="saved")
    assert page.locator(".pin").count() == 0  # it is about the picture

    other = sit("rev")
    other.keyboard.press("i")
    wait_for(other, review="on", position=0, comments=1)
    frames(other)
    x, y = on_screen(other, *PLACES[1])
    pin = other.locator(".pin").bounding_box()
    assert abs(pin["x"] + pin["width"] / 2 - x) < 12
    assert 0 < y - pin["y"] < 40
    other.locator(".discussion button.about").click()
    expect(other.locator(".landmarks li").nth(1)).to_have_class("placed next selected")
    other.get_by_role("button", name="Resolve the comment").click()
    wait_for(other, comments=0, saving="saved")
    other.locator(".discussion summary").click()
    other.get_by_role("button", name="Reopen the comment").click()
    wait_for(other, comments=1, saving="saved")
    other.keyboard.press("d")
    wait_for(other, position=1, comments=1)
    assert "onerror" in other.locator(".discussion .said").inner_text()
    assert other.evaluate("window.broken") is None
    texts = [(c.landmark, c.author, c.resolved) for c in store.reviews.history(project)[1]]
    assert texts == [(1, "ann", None), (None, "ann", None)]


def test_labels_that_are_not_finished_get_no_verdict(
    page: Page, server: Any, store: AnnotationStore, project: Project
) -> None:
    open_canvas(page, server.url)
    page.keyboard.press("k")
    page.get_by_text("Verdicts are given in review").wait_for()
    page.keyboard.press("i")
    page.get_by_text("Nothing else waits").wait_for()
    page.keyboard.press("k")
    page.get_by_text("not finished").wait_for()
    page.keyboard.press("z")
    page.get_by_text("no verdict to take back").wait_for()
    click(page, 20, 20)
    page.keyboard.press("i")
    wait_for(page, review="")
    click(page, 20, 20)
    wait_for(page, saving="saved", revision=1)
    assert store.reviews.history(project) == ([], [])


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_review_breaks_no_rule_of_accessibility(
    sit: Sit, store: AnnotationStore, marked: list[int], theme: str
) -> None:
    store.reviews.comment(marked[0], "ann", "which edge?", 1)
    page = sit("rev", theme)
    reviewing(page)
    page.keyboard.press("6")
    wait_for(page, review="fixing", comments=1)
    found = violations(page)
    store.reviews.send_back(marked[0], "rex", 1, "no")
    page.keyboard.press("k")
    page.locator(".refusal").wait_for()
    wait_for(page, position=1)
    page.keyboard.press("m")
    expect(page.get_by_role("textbox", name="Send back b: why?")).to_be_focused()
    found += violations(page)
    ann = sit("ann", theme)
    wait_for(ann, verdict="returned")
    found += violations(ann)
    assert found == []
