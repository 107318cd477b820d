"""Clicked pictures completed by clicks and by what they show, with what is known of the errors."""

from dataclasses import dataclass
from pathlib import Path

from datasets.dataset import LandmarkDataset
from datasets.errors import ShapeMismatchError
from datasets.plausibility import SCORES_FILE
from datasets.progress import Progress, ignore_progress
from weaksup.bounds import BOUNDS_FILE, CompletionBounds, completion_bounds
from weaksup.completion import complete
from weaksup.second_look import MOST_CHOICES, SecondLook, look_again


@dataclass(frozen=True, slots=True, eq=False)
class CompletedClicks:
    """What became of clicked pictures.

    Parameters
    ----------
    clicked, dense
        What it was made from.
    look
        The completed shapes, and what of them the pictures moved.
    notes
        What was not done, and why: sentences without their first capital and their full stop.
    """

    clicked: LandmarkDataset
    dense: LandmarkDataset
    look: SecondLook
    notes: tuple[str, ...]

    @property
    def dataset(self) -> LandmarkDataset:
        """The completed shapes."""
        return self.look.dataset

    def bounds(self) -> CompletionBounds:
        """How far they may be off.

        Raises
        ------
        ShapeMismatchError
            If that cannot be told, see `weaksup.bounds.completion_bounds`.
        """
        errors = self.look.held_out_errors
        return completion_bounds(self.clicked, self.dataset, self.dense, held_out_errors=errors)

    def save(self, folder: Path) -> None:
        """Write the completed shapes; bounds and scores of others, which were there before, go."""
        self.dataset.save(folder)
        for name in (BOUNDS_FILE, SCORES_FILE):
            (folder / name).unlink(missing_ok=True)


def complete_clicks(
    clicked: LandmarkDataset,
    dense: LandmarkDataset,
    *,
    pictures: bool = True,
    seed: int = 0,
    on_progress: Progress = ignore_progress,
) -> CompletedClicks:
    """Complete clicked shapes, and look at their pictures where that can be done.

    Parameters
    ----------
    clicked, dense
        See `weaksup.completion.complete`.
    pictures
        Whether to look at them.
    seed
        See `weaksup.second_look.look_again`.
    on_progress
        Told how many pictures were looked at.

    Raises
    ------
    ShapeMismatchError
        If the formats differ, or fewer than two dense shapes have all landmarks.
    FileFormatError
        If a picture is missing or broken.
    """
    completed = complete(clicked, dense)
    look, notes = SecondLook(completed, {}, 0), _notes_of_stuck(clicked, completed)
    if pictures:
        try:
            look = look_again(clicked, completed, dense, seed=seed, on_progress=on_progress)
            notes += _notes_of_unmoved(clicked, look)
        except ShapeMismatchError as error:
            notes.append(f"the pictures are not looked at: {error}")
    return CompletedClicks(clicked, dense, look, tuple(notes))


def _notes_of_stuck(clicked: LandmarkDataset, completed: LandmarkDataset) -> list[str]:
    stuck = clicked.shapes.present.any(axis=1) & ~completed.shapes.complete
    if not stuck.any():
        return []
    names = clicked.samples["shape_id"][stuck]
    found = f"{len(names)}, such as {names.iloc[0]}"
    return [f"shapes whose clicks are all in one place stay as they are: {found}"]


def _notes_of_unmoved(clicked: LandmarkDataset, look: SecondLook) -> list[str]:
    filled = look.dataset.shapes.complete & ~clicked.shapes.complete
    unmoved = int(filled.sum()) - look.moved
    if not unmoved:
        return []
    why = "pictures do not help there, or what was clicked is none of the"
    which = f"{unmoved} shapes are completed by their clicks alone"
    return [f"{which}: {why} {MOST_CHOICES} most frequent choices"]
