"""What a detector makes of the correlations, from files to tables."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from correlation.comparison import Comparison, GroupError, compare
from correlation.detectors import affinity_of, compare_shapes, resampled_errors
from correlation.matrix import AffinityMatrix, holds_affinity
from correlation.series import Series, stages
from datasets.dataset import LandmarkDataset
from datasets.errors import ShapeMismatchError
from datasets.io.registry import read
from datasets.progress import Progress, ignore_progress

Source = AffinityMatrix | LandmarkDataset
Table = list[dict[str, Any]]

_USUAL_ALIGNMENT = "centroid-rms"


@dataclass(frozen=True, slots=True)
class Demand:
    """How files are read and compared.

    Parameters
    ----------
    alignment
        Of shapes; None for the usual one, or that of the affinity files beside them.
    format_name
        Landmark format of files that do not name theirs.
    split
        Only these shapes of the truth.
    bootstrap
        How many resamples; None for none.
    seed
        Of the resamples.
    """

    alignment: str | None = None
    format_name: str | None = None
    split: str | None = None
    bootstrap: int | None = None
    seed: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Interpretation:
    """Comparisons of one detector's stages, at least one, with the truth.

    Parameters
    ----------
    names
        Of the stages.
    comparisons
        One a stage.
    noise
        For the groups of the last one's summary, its mean errors on resamples, float64 (R,);
        empty if there are none.
    """

    names: tuple[str, ...]
    comparisons: tuple[Comparison, ...]
    noise: dict[str, NDArray[np.float64]]

    @property
    def last(self) -> Comparison:
        """The comparison of the last stage."""
        return self.comparisons[-1]

    @property
    def series(self) -> Series:
        """The affinities over the stages."""
        return stages([comparison.predicted for comparison in self.comparisons])

    @property
    def cautions(self) -> tuple[str, ...]:
        """Every caution once."""
        texts = (text for comparison in self.comparisons for text in comparison.cautions)
        return tuple(dict.fromkeys(texts))

    def tables(self, top: int) -> dict[str, Table]:
        """Rows fit for JSON: stages, groups, components, over- and under-correlated pairs."""
        return {
            "stages": self._stages(),
            "groups": [self._with_noise(group) for group in self.last.summary()],
            "components": [_row(group) for group in self.last.components()],
            "over_correlated": _pairs(self.last, top, 1),
            "under_correlated": _pairs(self.last, top, -1),
        }

    def _stages(self) -> Table:
        if len(self.names) == 1:
            return []
        changes = [None, *(_mean_of_pairs(change) for change in self.series.changes)]
        rows: Table = [
            {
                "stage": name,
                "mean_affinity": comparison.predicted.mean,
                "mean_error": comparison.mean,
                "mean_absolute_error": comparison.mean_absolute,
                "mean_change": change,
            }
            for name, comparison, change in zip(self.names, self.comparisons, changes, strict=True)
        ]
        whole = dict.fromkeys(rows[0])
        return [
            *rows,
            whole | {"stage": "last - first", "mean_change": _mean_of_pairs(self.series.total)},
        ]

    def _with_noise(self, group: GroupError) -> dict[str, Any]:
        row = _row(group)
        if group.name in self.noise:
            low, high = np.quantile(self.noise[group.name], [0.025, 0.975])
            row |= {"low": float(low), "high": float(high)}
        return row


def interpret(
    predicted: Sequence[Path],
    truth: Path,
    demand: Demand,
    on_progress: Progress = ignore_progress,
) -> Interpretation:
    """Compare the files of a detector's stages with that of the truth.

    Parameters
    ----------
    predicted, truth
        Data sets of any file type, or affinity files.
    demand
        How.
    on_progress
        Called with resamples done and in all.

    Raises
    ------
    FewmarkError
        If a file cannot be read, or they do not fit together.
    """
    true = _read(truth, demand, split=demand.split)
    found = [_read(path, demand) for path in predicted]
    comparisons = tuple(_compare(source, true, demand) for source in found)
    noise: dict[str, NDArray[np.float64]] = {}
    if demand.bootstrap is not None:
        last = found[-1]
        if isinstance(last, AffinityMatrix) or isinstance(true, AffinityMatrix):
            raise ShapeMismatchError("resampling needs shapes; an affinity file has none")
        noise = resampled_errors(
            last,
            true,
            demand.bootstrap,
            np.random.default_rng(demand.seed),
            alignment=demand.alignment or _USUAL_ALIGNMENT,
            on_progress=on_progress,
        )
    result = Interpretation(tuple(str(path) for path in predicted), comparisons, noise)
    _ = result.series  # refuses stages that do not fit together
    return result


def _read(path: Path, demand: Demand, split: str | None = None) -> Source:
    if not holds_affinity(path):
        dataset = read(path, landmark_format=demand.format_name)
        return dataset if split is None else dataset.split(split)
    if demand.alignment is not None or split is not None:
        problem = f"{path}: an affinity file; its shapes cannot be chosen or aligned anew"
        raise ShapeMismatchError(problem)
    return AffinityMatrix.load(path)


def _compare(predicted: Source, truth: Source, demand: Demand) -> Comparison:
    if isinstance(predicted, LandmarkDataset) and isinstance(truth, LandmarkDataset):
        return compare_shapes(predicted, truth, demand.alignment or _USUAL_ALIGNMENT)
    known = next(s.alignment for s in (predicted, truth) if isinstance(s, AffinityMatrix))
    ours, theirs = (
        s if isinstance(s, AffinityMatrix) else affinity_of(s.shapes, known or _USUAL_ALIGNMENT)
        for s in (predicted, truth)
    )
    return compare(ours, theirs)


def _row(group: GroupError) -> dict[str, Any]:
    return {
        "group": group.name,
        "pairs": group.pairs,
        "predicted": group.predicted,
        "truth": group.truth,
        "error": group.error,
        "absolute_error": group.absolute,
    }


def _pairs(comparison: Comparison, top: int, sign: int) -> Table:
    return [
        {
            "landmark": pair.names[0],
            "other": pair.names[1],
            "predicted": pair.predicted,
            "truth": pair.truth,
            "difference": pair.difference,
        }
        for pair in comparison.ranked(top, sign)
    ]


def _mean_of_pairs(change: NDArray[np.float64]) -> float | None:
    i, j = np.triu_indices(len(change), 1)
    return float(change[i, j].mean()) if i.size else None
