"""What the canvas expects of landmarks: its arithmetic against the shape model's, what it shows."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.testing import assert_allclose
from playwright.sync_api import Browser, Page

from annotate.exchange import create_project
from annotate.expectation import model_to_json
from annotate.labelling import placed as point_at
from annotate.store import AnnotationStore, Draft, Project, Status
from datasets.alignment import similarity
from datasets.dataset import LandmarkDataset
from datasets.demo_faces.shapes import draw_identity, draw_shape, placed
from datasets.formats import SparseFormat, landmark_format
from datasets.samples import sample_table
from datasets.shape_model import ShapeModel
from datasets.shapes import ShapeSet
from tests.browser.canvas import frames, open_canvas, revision, wait_for

DENSE = landmark_format("300w-68")
CHOSEN = (8, 19, 24, 30, 36, 45, 48, 54)
SPARSE = SparseFormat(
    DENSE, CHOSEN, tuple(min(CHOSEN, key=lambda c: abs(c - i)) for i in range(68))
)
SIZE = 200


def drawn_faces(count: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    shapes = [draw_shape(draw_identity(rng), rng) for _ in range(count)]
    return np.stack([placed(shape, SIZE, rng) for shape in shapes])


@pytest.fixture(scope="module")
def model() -> ShapeModel:
    return ShapeModel.fit(ShapeSet.from_points(drawn_faces(80, 0), DENSE))


@pytest.fixture(scope="module")
def ask(chromium: Browser, server: Any, model: ShapeModel) -> Iterator[Any]:
    """Evaluate with the modules at hand: `model`, and `pts(places)`, null where a place is null."""
    context = chromium.new_context()
    page = context.new_page()
    page.goto(f"{server.url}/api/frontend/x/main.js")

    def evaluate(body: str, shape: np.ndarray, known: list[int] | None = None) -> Any:
        sent = [p.tolist() if known is None or k in known else None for k, p in enumerate(shape)]
        return page.evaluate(
            f"""async ([json, sent]) => {{
              const {{ ShapeModel, knownOf, preview }} = await import("/api/frontend/x/preview.js");
              const {{ deviation, inWords, slips }} = await import("/api/frontend/x/slips.js");
              const model = new ShapeModel(JSON.parse(json));
              const points = sent.map((place) => place && {{ x: place[0], y: place[1], v: 2 }});
              {body}
            }}""",
            [json.dumps(model_to_json(model, SPARSE)), sent],
        )

    yield evaluate
    context.close()


def known_of(shape: np.ndarray, places: list[int]) -> np.ndarray:
    known = np.full((68, 2), np.nan)
    for place in places:
        known[CHOSEN[place]] = shape[place]
    return known


@pytest.mark.parametrize("known", [[0, 4], [0, 1, 5], list(range(8))])
@pytest.mark.parametrize("turn", [0.0, 0.7])
def test_the_preview_is_the_shape_models_conditional_mean(
    ask: Any, model: ShapeModel, known: list[int], turn: float
) -> None:
    c, s = np.cos(turn), np.sin(turn)
    shape = drawn_faces(1, 5)[0][list(CHOSEN)] @ np.array([[c, s], [-s, c]]) * 3 + 40
    completed = ask(
        """
      const { known, places } = knownOf(points);
      return [...model.condition(known, places).completed];
    """,
        shape,
        known,
    )
    expected, _ = model.condition(known_of(shape, known))
    unknown = [i for i in range(68) if i not in {CHOSEN[k] for k in known}]
    converged = 5e-6 * model.size_px * 3  # both stop when a round moves less than 1e-6
    assert_allclose(
        np.reshape(completed, (68, 2))[unknown], expected[unknown], rtol=0, atol=converged
    )


@pytest.mark.parametrize("k", [0, 3, 6])
def test_a_deviation_is_that_from_the_shape_models_leave_one_out_prediction(
    ask: Any, model: ShapeModel, k: int
) -> None:
    shape = drawn_faces(1, 6)[0][list(CHOSEN)]
    shape[k] += [9.0, -4.0]
    found = ask(f"return deviation(model, points, {k});", shape)
    others = [i for i in range(8) if i != k]
    mean, covariance = model.condition(known_of(shape, others))
    landmark = CHOSEN[k]
    expected = mean[landmark]
    filled = mean.copy()
    scale = float(similarity(filled, model.mean).scale)
    click = model.noise**2 / len(model.mean) / scale**2
    spread = covariance[landmark, :, landmark] + click * np.eye(2)
    off = shape[k] - expected
    sigma = np.sqrt(off @ np.linalg.solve(spread, off))
    assert_allclose([found["expected"]["x"], found["expected"]["y"]], expected, atol=1e-3)
    assert_allclose(found["sigma"], sigma, rtol=0.02)  # the frame is that of the smoothed clicks


def test_correct_faces_pass_and_every_kind_of_slip_is_named(ask: Any) -> None:
    faces = drawn_faces(20, 7)[:, list(CHOSEN)]
    alarms = [ask("return slips(model, points).length;", face) for face in faces]
    assert sum(alarms) <= 2
    swapped = faces[1].copy()
    swapped[[4, 5]] = swapped[[5, 4]]
    assert ask(
        "return slips(model, points).map((s) => [s.kind, [s.k, s.other].sort()]);", swapped
    ) == [["swap", [4, 5]]]
    off = faces[2].copy()
    off[3] += [35.0, 0.0]
    assert ask("return slips(model, points).map((s) => [s.kind, s.k]);", off) == [["far", 3]]
    early = faces[3].copy()
    early[6] = faces[3][7]  # the other corner of the mouth, which is not placed yet
    assert ask(
        "return slips(model, points).map((s) => [s.kind, s.k, s.other]);", early, list(range(7))
    ) == [["order", 6, 7]]
    mirrored = faces[4][[0, 2, 1, 3, 5, 4, 7, 6]]
    assert ask("return slips(model, points).map((s) => s.kind);", mirrored) == ["sides"]


def test_slips_are_told_in_words(ask: Any) -> None:
    shape = drawn_faces(1, 8)[0][list(CHOSEN)]
    assert ask(
        """
      const names = ["left eye corner", "right eye corner"];
      const said = (kind, sigma = 8.2) => inWords({ kind, k: 0, other: 1, sigma }, names);
      return [...["sides", "swap", "order", "far"].map((kind) => said(kind)), said("far", 12)];
    """,
        shape,
    ) == [
        "Left and right look mixed up throughout.",
        "left eye corner and right eye corner look swapped.",
        "left eye corner is far from where the other points expect it; it looks like "
        "right eye corner.",
        "left eye corner is far from where the other points expect it.",
        "left eye corner is very far from where the other points expect it.",
    ]


def test_points_from_which_nothing_follows_are_no_slips(ask: Any) -> None:
    same = np.full((8, 2), 7.0)
    assert ask("return [slips(model, points), preview(model, points).filter(Boolean)];", same) == [
        [], [],
    ]  # fmt: skip
    one = ask("return slips(model, points);", drawn_faces(1, 9)[0][list(CHOSEN)], [2])
    assert one == []


@pytest.fixture
def faces(server: Any, store: AnnotationStore, tmp_path: Path) -> Iterator[Project]:
    """A project with one picture, in a workspace that has dense shapes."""
    cv2.imwrite(str(tmp_path / "face.png"), np.full((SIZE, SIZE, 3), 90, np.uint8))
    points = drawn_faces(60, 1)
    samples = sample_table([f"f{i}" for i in range(60)], ["face.png"] * 60)
    dense = LandmarkDataset(ShapeSet.from_points(points, DENSE), samples, tmp_path)
    folder = server.workspace / "data" / "dense-faces"
    dense.save(folder)
    SPARSE.save(server.workspace / "formats" / "eight.toml")
    name = f"project-{len(store.projects())}"
    yield create_project(store, name, SPARSE, dense.take([0]))
    shutil.rmtree(folder)


def test_a_slip_is_marked_at_once_with_words_and_blocks_nothing(
    page: Page, server: Any, store: AnnotationStore, faces: Project
) -> None:
    open_canvas(page, server.url)
    page.wait_for_selector(".annotator[data-learnt]")
    shape = drawn_faces(60, 1)[0][list(CHOSEN)]
    shape[[6, 7]] = shape[[7, 6]]

    def click(place: np.ndarray) -> None:
        frames(page)
        left, top, width = page.locator(".stage img").evaluate(
            "e => { const r = e.getBoundingClientRect(); return [r.left, r.top, r.width]; }"
        )
        x, y = (place + 0.5) / SIZE * width + (left, top)
        page.keyboard.down("Shift")
        page.mouse.click(x, y)
        page.keyboard.up("Shift")

    for place in shape[:6]:
        click(place)
    wait_for(page, slips=0)
    frames(page)
    assert page.locator(".preview .expected:visible").count() > 30
    page.keyboard.press("v")
    frames(page)
    assert page.locator(".preview .expected:visible").count() == 0
    for place in shape[6:]:
        click(place)
    wait_for(page, status="done", slips=1, saving="saved")
    assert "look swapped" in page.locator(".slips").inner_text()
    frames(page)
    assert page.locator(".slip:visible").count() == 1
    assert len(revision(store, faces).points) == 8
    page.keyboard.press("z")
    page.keyboard.press("z")
    wait_for(page, slips=0)
    assert not page.locator(".slips").is_visible()


def test_a_slip_that_is_none_is_dismissed_until_its_point_moves(
    page: Page, server: Any, store: AnnotationStore, faces: Project
) -> None:
    shape = drawn_faces(60, 1)[0][list(CHOSEN)]
    shape[[6, 7]] = shape[[7, 6]]
    points = tuple(point_at(x, y) for x, y in shape)
    item = store.items(faces)[0].id
    store.save(Draft(item, "ann", "tab", 1, 0, points, Status.DONE))
    open_canvas(page, server.url)
    wait_for(page, slips=1)
    frames(page)
    assert page.locator(".slip:visible").count() == 1
    page.get_by_role("button", name="It is right").click()
    wait_for(page, slips=0)
    frames(page)
    assert page.locator(".slip:visible").count() == 0
    page.reload()
    page.wait_for_selector(".annotator[data-learnt]")
    wait_for(page, slips=0, status="done")
    page.locator(".landmarks button").nth(7).click()
    page.keyboard.press("Alt+ArrowRight")  # the point moves: it is doubted again
    wait_for(page, slips=1, saving="saved")
    page.keyboard.press("z")  # and is where it was found right
    wait_for(page, slips=0, saving="saved")
