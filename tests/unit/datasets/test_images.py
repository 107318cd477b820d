import struct
import subprocess
import sys
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from datasets.errors import FileFormatError, ShapeMismatchError
from datasets.images import Frame, cut, find_images, frame_of, read_image, write_image

EXIF_ORIENTATION = 0x0112


def blob(size: tuple[int, int], centre: tuple[float, float], sigma: float = 3.0) -> np.ndarray:
    """A Gaussian spot whose middle is exactly at `centre`, as a grey picture (H, W, 3)."""
    y, x = np.mgrid[: size[0], : size[1]]
    squares = (x - centre[0]) ** 2 + (y - centre[1]) ** 2
    grey = np.rint(255 * np.exp(-squares / (2 * sigma**2))).astype(np.uint8)
    return np.repeat(grey[:, :, None], 3, axis=2)


def centroid(image: np.ndarray) -> np.ndarray:
    weights = image[:, :, 0].astype(float)
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    return np.array([(x * weights).sum(), (y * weights).sum()]) / weights.sum()


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("size_px", [64, 97, 200])
def test_a_landmark_stays_exactly_where_it_is_when_cut(seed, size_px):
    rng = np.random.default_rng(seed)
    place = rng.uniform(70, 90, 2)
    side = rng.uniform(70, 150)
    corner = place - side * rng.uniform(0.35, 0.65, 2)
    frame = Frame(float(corner[0]), float(corner[1]), float(side))
    crop = cut(blob((150, 170), (place[0], place[1])), frame, size_px)
    expected = (frame.to_unit(place) + 1) / 2 * size_px - 0.5
    np.testing.assert_allclose(centroid(crop), expected, atol=0.05)


def test_the_whole_picture_cut_at_its_size_is_the_picture():
    image = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    np.testing.assert_array_equal(cut(image, frame_of(None, 40, 40), 40), image)


def test_halving_averages_every_four_pixels():
    image = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    means = image.reshape(20, 2, 20, 2, 3).mean(axis=(1, 3))
    halved = cut(image, frame_of(None, 40, 40), 20)
    assert np.abs(halved - means).max() <= 0.5


def test_stripes_as_fine_as_pixels_become_grey_not_stripes():
    image = np.zeros((300, 300, 3), np.uint8)
    image[:, ::2] = 255
    crop = cut(image, frame_of(None, 300, 300), 47)
    assert np.abs(crop[3:-3, 3:-3].astype(float) - 127.5).max() < 30


def test_outside_the_picture_is_black():
    white = np.full((20, 20, 3), 255, np.uint8)
    crop = cut(white, Frame(-20.5, -0.5, 40.0), 40)
    assert crop[:20, :20].max() == 0
    assert crop[:20, 20:].min() == 255
    assert crop[20:].max() == 0


def test_a_frame_far_outside_is_all_black():
    assert cut(np.full((20, 20, 3), 255, np.uint8), Frame(500, 500, 40), 16).max() == 0


def test_unit_positions_span_the_frame_and_invert():
    frame = Frame(10.0, -5.0, 40.0)
    corners = np.array([[10.0, -5.0], [50.0, 35.0], [30.0, 15.0], [np.nan, np.nan]])
    expected = [[-1, -1], [1, 1], [0, 0], [np.nan, np.nan]]
    np.testing.assert_allclose(frame.to_unit(corners), expected)
    np.testing.assert_allclose(frame.from_unit(frame.to_unit(corners)), corners)


def test_a_frame_is_a_square_around_the_middle_of_the_box():
    frame = frame_of((10.0, 20.0, 30.0, 60.0), 100, 100, margin=1.5)
    assert (frame.side, frame.x_min, frame.y_min) == (60.0, -10.0, 10.0)


def test_without_a_box_the_whole_picture_is_framed():
    frame = frame_of(None, 100, 60)
    assert (frame.x_min, frame.y_min, frame.side) == (-20.5, -0.5, 100.0)


def test_red_stays_red(tmp_path):
    image = np.zeros((4, 6, 3), np.uint8)
    image[..., 0] = 200
    write_image(tmp_path / "ä.png", image)
    np.testing.assert_array_equal(read_image(tmp_path / "ä.png"), image)
    assert Image.open(tmp_path / "ä.png").getpixel((0, 0)) == (200, 0, 0)


def test_greyscale_becomes_three_equal_channels(tmp_path):
    grey = np.arange(24, dtype=np.uint8).reshape(4, 6)
    Image.fromarray(grey).save(tmp_path / "g.png")
    np.testing.assert_array_equal(read_image(tmp_path / "g.png"), np.repeat(grey[..., None], 3, 2))


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_16_bits_become_8(tmp_path, suffix):
    deep = np.array([[0, 256 * 100, 65535]], dtype=np.uint16)
    cv2.imwrite(str(tmp_path / f"d{suffix}"), deep)
    assert read_image(tmp_path / f"d{suffix}")[0, :, 0].tolist() == [0, 100, 255]


def test_transparency_is_left_out(tmp_path):
    rgba = np.full((2, 2, 4), 90, np.uint8)
    rgba[..., 3] = 10
    Image.fromarray(rgba).save(tmp_path / "t.png")
    np.testing.assert_array_equal(read_image(tmp_path / "t.png"), np.full((2, 2, 3), 90))


@pytest.mark.parametrize(
    ("orientation", "turn"),
    [(1, 0), (3, 2), (6, 3), (8, 1)],  # turns by a quarter against the clock
)
def test_a_picture_is_turned_as_its_exif_orientation_says(tmp_path, orientation, turn):
    image = np.zeros((16, 32, 3), np.uint8)
    image[:8, :8] = 255
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = orientation
    path = tmp_path / "e.jpg"
    Image.fromarray(image).save(path, exif=exif, quality=95)
    difference = read_image(path).astype(int) - np.rot90(image, turn)
    assert np.abs(difference).max() < 40


def test_a_missing_empty_or_wrong_file_is_refused(tmp_path):
    with pytest.raises(FileFormatError, match="there is no such picture"):
        read_image(tmp_path / "none.png")
    (tmp_path / "empty.png").touch()
    with pytest.raises(FileFormatError, match="not a picture"):
        read_image(tmp_path / "empty.png")
    (tmp_path / "text.png").write_text("hello")
    with pytest.raises(FileFormatError, match="not a picture"):
        read_image(tmp_path / "text.png")
    with pytest.raises(FileFormatError, match="there is no such picture"):
        read_image(tmp_path)


def test_a_type_that_cannot_be_written_is_refused(tmp_path):
    with pytest.raises(FileFormatError, match=r"expected one of \.bmp, .*, got '\.xyz'"):
        write_image(tmp_path / "a.xyz", np.zeros((2, 2, 3), np.uint8))


def test_pictures_are_found_below_a_folder_in_order(tmp_path):
    for name in ("b/2.PNG", "a.jpg", "b/1.webp", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()
    found = [path.relative_to(tmp_path).as_posix() for path in find_images(tmp_path)]
    assert found == ["a.jpg", "b/1.webp", "b/2.PNG"]


@pytest.mark.parametrize(
    "box", [(5, 5, 1, 1), (2, 2, 2, 2), (0, 0, np.inf, 1), (0, 0, 1e6, 1), (-1e300, 0, 1e300, 1)]
)
def test_a_box_without_extent_or_beyond_any_picture_is_refused(box):
    with pytest.raises(ShapeMismatchError, match="expected a box"):
        frame_of(box, 10, 10)


def test_a_picture_that_claims_to_be_huge_is_refused(tmp_path):
    write_image(tmp_path / "a.png", np.zeros((4, 4, 3), np.uint8))
    data = bytearray((tmp_path / "a.png").read_bytes())
    data[16:24] = (100_000).to_bytes(4) * 2
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4)
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(FileFormatError, match=r"at most 268,435,456 pixels, found 100,000 x"):
        read_image(tmp_path / "a.png")


_MEASURED = """
import resource, sys
from datasets.errors import FileFormatError
from datasets.images import read_image
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    read_image(sys.argv[1])
except FileFormatError as error:
    print(error)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def write_black_png(path, side):
    """A whole PNG of one bit a pixel: a few kilobytes."""

    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    row = bytes(1 + side // 8)
    squeeze = zlib.compressobj(1)
    data = b"".join(squeeze.compress(row) for _ in range(side)) + squeeze.flush()
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", data), (b"IEND", b""))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts))


@pytest.mark.skipif(sys.platform != "linux", reason="memory is counted in other units elsewhere")
def test_a_picture_of_too_many_pixels_is_refused_by_its_size_before_it_is_unpacked(tmp_path):
    write_black_png(tmp_path / "bomb.png", 30_000)
    done = subprocess.run(
        [sys.executable, "-c", _MEASURED, tmp_path / "bomb.png"],
        capture_output=True, text=True, check=True, cwd=Path(__file__).parents[3],
    )  # fmt: skip
    said, more_kb = done.stdout.splitlines()
    assert said.endswith(
        "expected a picture of at most 268,435,456 pixels, found 30,000 x 30,000; make it smaller"
    )
    assert int(more_kb) < 50_000  # unpacked it has 2,700,000 KB


def test_a_picture_of_too_many_pixels_that_does_not_tell_its_size_is_refused_too(tmp_path):
    header = struct.pack("<IiiHHIIiiII", 40, 40_000, 40_000, 1, 24, 0, 0, 0, 0, 0, 0)
    (tmp_path / "b.bmp").write_bytes(
        b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + header + bytes(99)
    )
    with pytest.raises(FileFormatError, match="at most 268,435,456 pixels, found more"):
        read_image(tmp_path / "b.bmp")
