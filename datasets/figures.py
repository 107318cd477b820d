"""Pictures of data sets: one large and explorable, many small."""

import base64

import cv2
import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from datasets.dataset import LandmarkDataset
from datasets.errors import FewmarkError
from datasets.formats import LandmarkFormat
from datasets.images import Frame, Image, cut, frame_of, read_image
from datasets.shapes import Visibility

VISIBLE, OCCLUDED, LINE = "#2dd4bf", "#fb923c", "rgba(255, 255, 255, 0.55)"
_GREY = 96
_SHOWN_PX = 900
_MARGIN = 1.25
_STATES = {Visibility.VISIBLE: ("visible", VISIBLE), Visibility.OCCLUDED: ("occluded", OCCLUDED)}

Points = NDArray[np.float64]


def picture(dataset: LandmarkDataset, row: int) -> tuple[Image | None, str]:
    """The picture of a row, or None and why there is none."""
    try:
        return read_image(dataset.image_path(row)), ""
    except FewmarkError as error:
        return None, str(error)


def tile(dataset: LandmarkDataset, row: int, size_px: int = 160) -> Image:
    """A small square picture of a shape with its landmarks: uint8 (size_px, size_px, 3)."""
    image, _ = picture(dataset, row)
    frame = _frame(dataset, row, image)
    grey = np.full((size_px, size_px, 3), _GREY, np.uint8)
    small = grey if image is None else cut(image, frame, size_px)
    points = dataset.shapes.points[row, :, :2]
    places = (frame.to_unit(points) + 1) / 2 * size_px - 0.5
    radius = 1.6 * size_px / 160
    for (x, y), code in zip(places, dataset.shapes.visibility[row], strict=True):
        if code != Visibility.ABSENT:
            _dot(small, (x, y), radius, _STATES[Visibility(code)][1])
    return small


def _frame(dataset: LandmarkDataset, row: int, image: Image | None) -> Frame:
    """Around the box, else around all the landmarks where that is less than the picture."""
    box = dataset.box(row)
    if image is None:
        return _around_landmarks(dataset, row)
    height, width = image.shape[:2]
    if box is None and dataset.shapes.complete[row]:
        around = _around_landmarks(dataset, row)
        if around.side < min(height, width):
            return around
    return frame_of(box, height, width, _MARGIN if box else 1.0)


def _around_landmarks(dataset: LandmarkDataset, row: int) -> Frame:
    """A square with room around the landmarks that a shape has, at least 1 wide."""
    points = dataset.shapes.points[row, :, :2]
    known = points[~np.isnan(points).any(axis=1)]
    if not len(known):
        return Frame(0.0, 0.0, 1.0)
    lower, upper = known.min(axis=0), known.max(axis=0)
    side = max(1.0, 1.5 * float((upper - lower).max()))
    x_min, y_min = (lower + upper - side) / 2
    return Frame(float(x_min), float(y_min), side)


def _dot(image: Image, place: tuple[float, float], radius: float, colour: str) -> None:
    """A round mark whose centre keeps its fraction of a pixel (cv2 counts in 1/16 here)."""
    shift = 4
    centre = tuple(round(float(v) * 2**shift) for v in place)
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    for grown, paint in ((0.8, (20, 20, 20)), (0.0, (red, green, blue))):
        extent = round((radius + grown) * 2**shift)
        cv2.circle(image, centre, extent, paint, -1, cv2.LINE_AA, shift)


def shape_figure(dataset: LandmarkDataset, row: int) -> go.Figure:
    """One picture with its landmarks; their names appear under the pointer. Axes are in pixels."""
    image, _ = picture(dataset, row)
    figure = go.Figure()
    if image is None:
        frame = _around_landmarks(dataset, row)
        x_min, y_min, width, height = frame.x_min, frame.y_min, frame.side, frame.side
    else:
        x_min, y_min, (height, width) = -0.5, -0.5, image.shape[:2]
        figure.add_layout_image(
            source=_as_url(image), xref="x", yref="y", x=x_min, y=y_min, sizex=width,
            sizey=height, sizing="stretch", layer="below",
        )  # fmt: skip
    points, codes = dataset.shapes.points[row, :, :2], dataset.shapes.visibility[row]
    _add_contours(figure, dataset.format, points)
    for code, (name, colour) in _STATES.items():
        _add_marks(figure, dataset.format, points, codes == code, (name, colour))
    figure.update_xaxes(visible=False, range=[x_min, x_min + width], constrain="domain")
    figure.update_yaxes(
        visible=False, range=[y_min + height, y_min], scaleanchor="x", constrain="domain"
    )
    figure.update_layout(
        height=520, margin={"l": 0, "r": 0, "t": 0, "b": 0}, showlegend=False,
        paper_bgcolor="rgba(0,0,0,0)", dragmode="pan",
        plot_bgcolor="rgba(0,0,0,0)" if image is not None else f"rgb({_GREY},{_GREY},{_GREY})",
    )  # fmt: skip
    return figure


def _add_contours(figure: go.Figure, landmark_format: LandmarkFormat, points: Points) -> None:
    for contour in landmark_format.contours:
        indices = [*contour.indices, *(contour.indices[:1] if contour.closed else ())]
        x, y = points[indices].T
        figure.add_scatter(
            x=x, y=y, mode="lines", line={"color": LINE, "width": 1.5}, hoverinfo="skip"
        )


def _add_marks(
    figure: go.Figure,
    landmark_format: LandmarkFormat,
    points: Points,
    shown: NDArray[np.bool_],
    look: tuple[str, str],
) -> None:
    indices = np.flatnonzero(shown)
    if not len(indices):
        return
    name, colour = look
    figure.add_scatter(
        x=points[indices, 0],
        y=points[indices, 1],
        mode="markers",
        name=name,
        text=[f"{i} {landmark_format.landmarks[i]}" for i in indices],
        hovertemplate="%{text}<br>x %{x:.2f}, y %{y:.2f}<br>" + name + "<extra></extra>",
        marker={"color": colour, "size": 8, "line": {"color": "#111111", "width": 1}},
    )


def _as_url(image: Image) -> str:
    """The picture, made smaller where it is large, as a data URL."""
    height, width = image.shape[:2]
    scale = min(1.0, _SHOWN_PX / max(height, width))
    if scale < 1:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    _, data = cv2.imencode(".jpg", image[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode("ascii")
