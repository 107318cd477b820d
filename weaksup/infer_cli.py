"""The command that uses a trained network: data sets, pictures, videos, with boxes or without."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from datasets.console import PATH, json_option, progress_bar, report
from datasets.errors import about
from weaksup.sources_cli import require_place

if TYPE_CHECKING:
    from datasets.dataset import LandmarkDataset
    from datasets.formats import LandmarkFormat
    from weaksup.boxes import Boxes
    from weaksup.run_folder import RunFolder
    from weaksup.video import BoxesOf


@click.command()
@click.argument("run", type=PATH)
@click.argument("source", type=PATH, metavar="DATA")
@click.argument("target", type=PATH, metavar="[OUT]", required=False)
@click.option("--split", metavar="NAME", help="Only the pictures of this split.")
@click.option(
    "--boxes", type=PATH, metavar="CSV",
    help="Boxes of the objects: columns image, x_min, y_min, x_max, y_max; a row a box.",
)  # fmt: skip
@click.option(
    "--detector", type=PATH, metavar="ONNX",
    help="Boxes by OpenCV's detector of faces; its model file, face_detection_yunet_*.onnx.",
)  # fmt: skip
@click.option(
    "--every", type=click.IntRange(min=1), metavar="K", help="Every K-th frame of a video."
)
@click.option("--force", is_flag=True, help="Replace what is there already.")
@json_option
def infer(
    run: Path, source: Path, target: Path | None, *, as_json: bool, **options: Any  # noqa: ANN401
) -> None:  # fmt: skip
    """Find all landmarks in the pictures of DATA with the network of RUN; write them to OUT.

    DATA is a data set of any file type, a folder of pictures, a picture or a video; OUT becomes a
    data set's folder. Left out, it is the place in RUN where the Results page looks. With several
    boxes in a picture each becomes a shape; pictures without one are left out, and told.
    """
    from weaksup.run_folder import RunFolder
    from weaksup.video import VIDEO_SUFFIXES

    if options["boxes"] and options["detector"]:
        raise click.UsageError("give --boxes or --detector, not both")
    folder = RunFolder(run).require()
    target = target or folder.prediction(source.stem, options["split"])
    require_place(target, force=options["force"], inputs=(source,))
    is_video = source.suffix.lower() in VIDEO_SUFFIXES and not source.is_dir()
    work = _infer_video if is_video else _infer_pictures
    predicted, told = work(folder, source, options)
    predicted.save(target)
    report({"written": str(target), "shapes": len(predicted), **told}, as_json=as_json)


Found = tuple["LandmarkDataset", dict[str, Any]]


def _infer_pictures(folder: "RunFolder", source: Path, options: dict[str, Any]) -> Found:
    from weaksup.boxes import with_boxes
    from weaksup.inference import infer as infer_dataset

    if options["every"] is not None:
        raise click.UsageError("--every is about the frames of a video")
    whole, told = _pictures(source, folder.sparse.dense), {}
    with about(source):
        dataset = whole if options["split"] is None else whole.split(options["split"])
    boxes = _boxes_in(dataset, whole, options)
    if boxes is not None:
        with about(source):
            boxed = with_boxes(dataset, boxes)
        dataset, told = boxed.dataset, {"without_box": len(boxed.without)}
        _note_without("picture", boxed.without)
    with progress_bar("Inferring") as on_progress:
        return infer_dataset(folder, dataset, on_progress=on_progress), told


def _pictures(path: Path, landmark_format: "LandmarkFormat") -> "LandmarkDataset":
    from datasets.images import IMAGE_SUFFIXES
    from datasets.io.pictures import one_picture
    from datasets.io.registry import read

    if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file():
        return one_picture(path, landmark_format)
    return read(path, landmark_format=landmark_format)


def _boxes_in(
    dataset: "LandmarkDataset", whole: "LandmarkDataset", options: dict[str, Any]
) -> "Boxes | None":
    from weaksup.boxes import detected, read_boxes, require_known
    from weaksup.detector import FaceDetector

    if options["boxes"] is not None:
        boxes = read_boxes(options["boxes"])
        require_known(boxes, whole.samples["image"], options["boxes"])
        return boxes
    if options["detector"] is not None:
        detector = FaceDetector(options["detector"])
        with progress_bar("Detecting") as on_progress:
            return detected(dataset, detector.boxes, on_progress)
    return None


def _infer_video(folder: "RunFolder", source: Path, options: dict[str, Any]) -> Found:
    from weaksup.video import infer_video

    if options["split"] is not None:
        raise click.UsageError("--split: a video has no splits")
    with progress_bar("Inferring") as on_progress:
        watched = infer_video(
            folder, source, every=options["every"] or 1, boxes_of=_boxes_of_frames(source, options),
            on_progress=on_progress,
        )  # fmt: skip
    _note_without("frame", watched.without)
    if watched.unread:
        more = f"says that it has {watched.unread} more frames than can be read"
        click.echo(f"Note: {source} {more}", err=True)
    told = {"frames": watched.frames, "without_box": len(watched.without)}
    return watched.dataset, {**told, "unread_frames": watched.unread}


def _boxes_of_frames(source: Path, options: dict[str, Any]) -> "BoxesOf":
    from weaksup.boxes import read_boxes, require_known
    from weaksup.detector import FaceDetector
    from weaksup.video import whole_frame

    if options["boxes"] is not None:
        boxes = read_boxes(options["boxes"])
        require_known(
            boxes, (n for n in boxes if n.startswith(f"{source.name}#")), options["boxes"]
        )
        return lambda name, _image: boxes.get(name, ())
    if options["detector"] is not None:
        detector = FaceDetector(options["detector"])
        return lambda _name, image: detector.boxes(image)
    return whole_frame


def _note_without(what: str, names: Sequence[str]) -> None:
    if names:
        many = len(names) > 1
        count = f"{len(names)} {what}s have" if many else f"1 {what} has"
        rest = f"no box and {'are' if many else 'is'} left out, such as {names[0]}"
        click.echo(f"Note: {count} {rest}", err=True)


COMMANDS: list[click.Command] = [infer]
