import json

import cv2
import numpy as np
import pytest

from annotate.cli import main
from datasets.dataset import LandmarkDataset
from datasets.errors import FileFormatError, ShapeMismatchError
from datasets.images import read_image
from weaksup.inference import infer
from weaksup.video import Video, infer_video


@pytest.fixture(scope="module")
def clip(data, tmp_path_factory):
    """The first ten validation pictures, one a frame."""
    path = tmp_path_factory.mktemp("video") / "clip.avi"
    images = [read_image(data.valid.image_path(row)) for row in range(10)]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"FFV1"), 25, (32, 32))
    assert writer.isOpened()
    for image in images:
        writer.write(image[:, :, ::-1])
    writer.release()
    return path


def test_frames_have_names_and_the_pixels_of_the_pictures(clip, data):
    frames = dict(Video(clip).frames())
    assert list(frames) == [f"clip.avi#{number:06d}" for number in range(10)]
    for row, image in enumerate(frames.values()):
        off = image.astype(int) - read_image(data.valid.image_path(row))
        assert np.abs(off).max() <= 3  # another colour space
    assert list(dict(Video(clip).frames(4))) == [f"clip.avi#{n:06d}" for n in (0, 4, 8)]


def test_landmarks_in_frames_are_those_in_the_pictures(clip, data, trained):
    watched = infer_video(trained, clip, every=3)
    expected = infer(trained, data.valid.take([0, 3, 6, 9])).shapes.points
    assert np.abs(watched.dataset.shapes.points - expected).max() < 0.3
    assert (watched.frames, watched.without, watched.unread) == (4, (), 0)
    assert watched.dataset.inferred
    samples = watched.dataset.samples
    assert set(samples["height_px"]) == set(samples["width_px"]) == {32}
    assert samples["image"].isna().all()


def test_each_box_of_a_frame_is_a_shape_and_frames_without_are_told(clip, trained):
    boxes = {"clip.avi#000001": [(0.0, 0.0, 20.0, 20.0), (8.0, 8.0, 31.0, 31.0)]}
    seen = []
    watched = infer_video(
        trained, clip, every=1,
        boxes_of=lambda name, _image: boxes.get(name, ()),
        on_progress=lambda done, total: seen.append((done, total)),
    )  # fmt: skip
    assert list(watched.dataset.samples["shape_id"]) == ["clip.avi#000001", "clip.avi#000001#2"]
    assert [watched.dataset.box(row) for row in range(2)] == boxes["clip.avi#000001"]
    assert len(watched.without) == 9
    assert seen[-1] == (10, 10)
    with pytest.raises(ShapeMismatchError, match=r"clip\.avi: there is no box in any of 10 frames"):
        infer_video(trained, clip, boxes_of=lambda _name, _image: ())
    with pytest.raises(ShapeMismatchError, match=r"clip\.avi#000000: expected a box"):
        infer_video(trained, clip, boxes_of=lambda _name, _image: [(0.0, 0.0, 20000.0, 5.0)])


def test_a_file_that_is_no_video_is_refused(tmp_path):
    with pytest.raises(FileFormatError, match=r"gone\.mp4: there is no such video"):
        Video(tmp_path / "gone.mp4")
    for name, content in (("empty.mp4", b""), ("text.mp4", b"no video" * 100)):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(FileFormatError, match="not a video that can be read"):
            Video(tmp_path / name)


def test_a_video_without_a_frame_is_refused(tmp_path):
    writer = cv2.VideoWriter(
        str(tmp_path / "none.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 25, (32, 32)
    )
    writer.release()
    with pytest.raises(FileFormatError, match=r"none\.avi: "):
        list(Video(tmp_path / "none.avi").frames())


def test_a_video_that_was_cut_off_gives_what_is_there_and_says_what_lacks(
    clip, tmp_path, trained, capsys
):
    whole = clip.read_bytes()
    (tmp_path / "cut.avi").write_bytes(whole[: len(whole) // 2])
    watched = infer_video(trained, tmp_path / "cut.avi")
    assert 0 < watched.frames < 10
    assert watched.frames + watched.unread == 10
    main(["infer", str(trained.path), str(tmp_path / "cut.avi"), str(tmp_path / "out")])
    assert f"it has {watched.unread} more frames than can be read" in capsys.readouterr().err


def test_the_command_takes_a_video_and_boxes_of_its_frames(clip, trained, tmp_path, capsys):
    command = ["infer", str(trained.path), str(clip), str(tmp_path / "out"), "--json"]
    main([*command, "--every", "5"])
    told = json.loads(capsys.readouterr().out)
    assert (told["shapes"], told["frames"], told["without_box"]) == (2, 2, 0)
    assert len(LandmarkDataset.load(tmp_path / "out")) == 2

    boxes = tmp_path / "boxes.csv"
    boxes.write_text("image,x_min,y_min,x_max,y_max\nclip.avi#000002,1,1,30,30\n")
    main([*command, "--force", "--boxes", str(boxes)])
    out, err = capsys.readouterr()
    assert (json.loads(out)["shapes"], json.loads(out)["without_box"]) == (1, 9)
    assert "9 frames have no box and are left out, such as clip.avi#000000" in err

    boxes.write_text("image,x_min,y_min,x_max,y_max\nother.avi#000002,1,1,30,30\n")
    with pytest.raises(SystemExit):
        main([*command, "--force", "--boxes", str(boxes)])
    assert "'other.avi#000002' is not among the pictures" in capsys.readouterr().err
