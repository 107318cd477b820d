"""Boxes of faces by OpenCV's own detector, whose model file the user gives."""

from pathlib import Path

import cv2
import numpy as np

from datasets.errors import FileFormatError
from datasets.images import Image
from datasets.pixels import from_corner_origin, resized
from datasets.samples import Box

_LONGEST_PX = 640  # it was trained for faces of 10 to 300 px in pictures of this size
_LEAST_SCORE = 0.7


class FaceDetector:
    """YuNet (Wu et al. 2023) as OpenCV runs it; nothing is downloaded.

    Parameters
    ----------
    path
        The model, ``face_detection_yunet_*.onnx`` of OpenCV's model zoo.

    Raises
    ------
    FileFormatError
        If the file is missing or no such model.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        if not self._path.is_file():
            raise FileFormatError(self._path, None, "there is no such model of a detector")
        try:
            self._detector = cv2.FaceDetectorYN.create(
                str(self._path), "", (_LONGEST_PX, _LONGEST_PX), _LEAST_SCORE
            )
            self.boxes(np.zeros((64, 64, 3), dtype=np.uint8))
        except cv2.error as error:
            problem = "not a model that OpenCV's FaceDetectorYN can run"
            raise FileFormatError(self._path, None, problem) from error

    def boxes(self, image: Image) -> list[Box]:
        """Boxes of the faces in a picture, the surest first.

        A picture is shrunk to 640 px before: faces of a sixtieth to half of its longer side are
        found best.
        """
        H, W = image.shape[:2]
        scale = min(1.0, _LONGEST_PX / max(H, W))
        size = (max(1, round(W * scale)), max(1, round(H * scale)))
        small = cv2.resize(image[:, :, ::-1], size, interpolation=cv2.INTER_AREA)
        self._detector.setInputSize(size)
        faces = self._detector.detect(np.ascontiguousarray(small))[1]
        if faces is None:
            return []
        order = np.argsort(-faces[:, -1], kind="stable")
        low, extent = faces[order, :2].astype(float), faces[order, 2:4].astype(float)
        corners = resized(from_corner_origin(np.stack([low, low + extent], axis=1)), 1 / scale)
        known = [(float(a), float(b), float(c), float(d)) for (a, b), (c, d) in corners]
        return [box for box in known if box[0] < box[2] and box[1] < box[3]]
