"""A canvas on which outlines of the face's own frame are painted, at twice the picture's size."""

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from datasets.demo_faces.geometry import Frame, Points, ellipse, ribbon

Layer = NDArray[np.float32]

FINER = 2  # canvas pixels for each pixel of the picture
_BITS = 4  # positions are handed to OpenCV in sixteenths of a pixel
_INK = 0.5  # px by which OpenCV's anti-aliased fill is wider than the outline, on each side


class Canvas:
    """Pixels float32 (S, S, 3) in [0, 1], red green blue, and the frame of the face on them.

    Parameters
    ----------
    size_px
        S, of the canvas.
    frame
        Where the face is, in pixels of the canvas.
    """

    def __init__(self, size_px: int, frame: Frame) -> None:
        self.pixels: Layer = np.zeros((size_px, size_px, 3), dtype=np.float32)
        self.hidden: Layer = np.zeros((size_px, size_px), dtype=np.float32)
        self.frame = frame
        self.clip: Layer | None = None

    @property
    def size_px(self) -> int:
        """S: height and width."""
        return len(self.pixels)

    def mask(self, *outlines: Points, soft: float = 0.0) -> Layer:
        """Cover (S, S) in [0, 1] of the area within outlines; `soft` blurs its edge."""
        mask = np.zeros((self.size_px, self.size_px), dtype=np.uint8)
        for outline in outlines:
            corners = _fixed(self.frame.to_picture(outline))
            cv2.fillPoly(mask, [corners], 255, cv2.LINE_AA, _BITS)
        cover = mask * np.float32(1 / 255)
        sigma = soft * self.frame.scale
        return cover if sigma < 0.3 else _blurred(cover, sigma)

    def area(
        self, outline: Points, colour: ArrayLike, alpha: float = 1.0, soft: float = 0.0
    ) -> None:
        """Paint within an outline; lengths are in units of the face's frame."""
        corners = self.frame.to_picture(outline)
        sigma = soft * self.frame.scale
        window = self._window(corners, 3 * sigma + 2)
        if window is None:
            return
        rows, columns = window
        mask = np.zeros((rows.stop - rows.start, columns.stop - columns.start), dtype=np.uint8)
        shifted = _fixed(corners - [columns.start, rows.start])
        cv2.fillPoly(mask, [shifted], 255, cv2.LINE_AA, _BITS)
        cover = mask.astype(np.float32) * np.float32(alpha / 255)
        if sigma >= 0.3:
            cover = _blurred(cover, sigma)
        self._blend(window, cover, colour)

    def dab(self, centre: Points, radius: float, colour: ArrayLike, alpha: float = 1.0) -> None:
        """Paint a round spot that fades outwards: alpha times a Gaussian."""
        place, sigma = self.frame.to_picture(centre), radius * self.frame.scale
        window = self._window(place[None], 3 * sigma + 1)
        if window is None:
            return
        rows, columns = window
        x = np.exp(-0.5 * ((np.arange(columns.start, columns.stop) - place[0]) / sigma) ** 2)
        y = np.exp(-0.5 * ((np.arange(rows.start, rows.stop) - place[1]) / sigma) ** 2)
        self._blend(window, np.float32(alpha) * np.outer(y, x).astype(np.float32), colour)

    def line(
        self,
        path: Points,
        width: Points | float,
        colour: ArrayLike,
        alpha: float = 1.0,
        soft: float = 0.0,
    ) -> None:
        """Paint a stroke along a path; where it is thinner than a pixel it becomes fainter."""
        least = 2 * _INK / self.frame.scale
        widths = np.asarray(width) - least
        thin = float(np.clip(np.max(np.asarray(width)) / (1.6 * least), 0.25, 1))
        self.area(ribbon(path, np.maximum(widths, 0.1 * least)), colour, alpha * thin, soft)

    def strokes(self, paths: list[Points], colour: ArrayLike, alpha: float, cover: Layer) -> None:
        """Paint many hairlines at once within a cover (S, S)."""
        lengths = [len(path) for path in paths]
        corners = self.frame.to_picture(np.concatenate(paths))
        window = self._window(corners, 2)
        if window is None:
            return
        rows, columns = window
        ink = np.zeros((rows.stop - rows.start, columns.stop - columns.start), dtype=np.uint8)
        fixed = np.split(_fixed(corners - [columns.start, rows.start]), np.cumsum(lengths)[:-1])
        cv2.polylines(
            ink, fixed, isClosed=False, color=255, thickness=1, lineType=cv2.LINE_AA, shift=_BITS
        )
        self._blend(window, ink * cover[window] * np.float32(alpha / 255), colour)

    def spot(self, centre: Points, radius: float, colour: ArrayLike, alpha: float = 1.0) -> None:
        """Paint a disc."""
        self.area(ellipse(centre, radius, radius, corners=16), colour, alpha)

    def fill(self, cover: Layer, colour: ArrayLike) -> None:
        """Paint where a cover (S, S) says."""
        rows, columns = np.flatnonzero(cover.any(axis=1)), np.flatnonzero(cover.any(axis=0))
        if rows.size:
            window = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
            self._blend(window, cover[window], colour)

    def hide(self, cover: Layer) -> None:
        """Remember that what lies below a cover (S, S) cannot be seen any more."""
        np.maximum(self.hidden, cover, out=self.hidden)

    def _window(self, corners: Points, margin_px: float) -> tuple[slice, slice] | None:
        low = np.floor(corners.min(axis=0) - margin_px).astype(int)
        high = np.ceil(corners.max(axis=0) + margin_px).astype(int) + 1
        low, high = np.maximum(low, 0), np.minimum(high, self.size_px)
        if (low >= high).any():
            return None
        return slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0]))

    def _blend(self, window: tuple[slice, slice], cover: Layer, colour: ArrayLike) -> None:
        paint = np.asarray(colour, dtype=np.float32)
        if paint.ndim == 3:
            paint = paint[window]
        if self.clip is not None:
            cover = cover * self.clip[window]
        for channel in range(3):  # one at a time: NumPy is slow where the last axis is short
            below = self.pixels[(*window, channel)]
            below += cover * (paint[..., channel] - below)


def _fixed(corners: Points) -> NDArray[np.int32]:
    return np.round(corners * (1 << _BITS)).astype(np.int32)


def _blurred(cover: Layer, sigma_px: float) -> Layer:
    return np.asarray(cv2.GaussianBlur(cover, (0, 0), sigma_px), dtype=np.float32)
