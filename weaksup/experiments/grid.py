"""A grid of experiments: what is compared, read from TOML, and the cells that it comes to.

A cell is one network, or one baseline, measured on people who were not learnt from. Cells of one
seed share images, so that they can be compared in pairs.
"""

import dataclasses
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Self

import tomli_w

from datasets.errors import FileFormatError, TrainingError
from datasets.files import replacing
from datasets.formats import read_toml
from weaksup.toml_values import values_of

K_CENTER, EXPECTED_ERROR, WORST, RANDOM, PREDEFINED = (
    "k-center", "expected-error", "worst", "random", "predefined",
)  # fmt: skip
SEARCHED = (K_CENTER, EXPECTED_ERROR, WORST, RANDOM)
MEAN_SHAPE, DENSE_ONLY, FULL, CLICKED, COMPLETED = (
    "mean-shape", "dense-only", "full", "clicked", "completed",
)  # fmt: skip
BASELINES = (MEAN_SHAPE, DENSE_ONLY, FULL, CLICKED, COMPLETED)
_WITH_FORMAT = (CLICKED, COMPLETED)

# What may grow while the cells that are done stay what they are.
_GROWING = ("m", "ratios", "formats", "presets", "baselines")


@dataclass(frozen=True, slots=True)
class Cell:
    """One entry of the grid.

    Parameters
    ----------
    method
        A preset's name, or one of `BASELINES`.
    ratio
        n / N, the share of the images that are dense.
    seed
        Of images, weights and random formats.
    format, m
        The sparse format and its size; empty and 0 for baselines without one.
    """

    method: str
    ratio: float
    seed: int
    format: str = ""
    m: int = 0

    @property
    def key(self) -> str:
        """Name of its file."""
        of_format = (self.format, f"m{self.m}") if self.format else ()
        return "--".join((*of_format, self.method, f"r{self.ratio:g}", f"s{self.seed}"))


@dataclass(frozen=True, slots=True)
class Grid:
    """What is compared.

    Parameters
    ----------
    data, valid
        Data sets to learn from and to measure on; `valid` empty: the same one.
    split, valid_split
        Their splits; people must not be in both.
    landmark_format
        That of the data, where the file does not tell; else empty.
    part
        A format of the catalogue to restrict both to, such as the inner 41 of 68; else empty.
    images
        N, drawn anew for every seed; 0 for all.
    m, ratios
        Sizes of sparse formats, and shares n / N of dense images. Dense images of a smaller ratio
        are dense with a larger one as well.
    formats
        ``k-center``, ``expected-error``, ``worst`` (smallest c), ``random``, ``predefined`` (all
        of the catalogue), one of the catalogue by name, or a file. They are searched on the dense
        images of the smallest ratio, so that all ratios share them and their first stage.
    presets
        Names, or config files, which are then called by their file's name.
    baselines
        Some of `BASELINES`.
    seeds
        How many, counted from 0.
    epochs
        For some presets the epochs of each stage; plateaus wait for a fifth of them.
    scale
        Times all other counts of epochs.
    image_size_px, width
        As in `weaksup.config.TrainingConfig`, for all presets.
    """

    data: str
    valid: str = ""
    split: str = "train"
    valid_split: str = "valid"
    landmark_format: str = ""
    part: str = ""
    images: int = 0
    m: tuple[int, ...] = (10,)
    ratios: tuple[float, ...] = (0.05, 0.1, 0.25)
    formats: tuple[str, ...] = (K_CENTER, EXPECTED_ERROR, PREDEFINED, RANDOM)
    presets: tuple[str, ...] = ("recommended",)
    baselines: tuple[str, ...] = BASELINES
    seeds: int = 3
    epochs: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    scale: float = 1.0
    image_size_px: int = 64
    width: float = 0.25

    def __post_init__(self) -> None:
        """Check every value."""
        if not all(0 < ratio <= 1 for ratio in self.ratios):
            raise TrainingError(f"ratios are shares of the images in (0, 1], got {self.ratios}")
        if not all(m >= 1 for m in self.m) or self.seeds < 1 or self.images < 0:
            raise TrainingError("m and seeds count from 1, images from 0 (for all)")
        for name in _GROWING:
            values = getattr(self, name)
            keys = [f"{v:g}" if isinstance(v, float) else v for v in values]  # as `Cell.key`
            if len(set(keys)) != len(keys):
                raise TrainingError(f"{name} name something twice: {values}")
        if not self.ratios or not (self.presets or self.baselines):
            raise TrainingError("a grid needs a ratio, and a preset or a baseline")
        unknown = set(self.baselines) - set(BASELINES)
        if unknown:
            problem = f"unknown baseline {min(unknown)!r}; known are {', '.join(BASELINES)}"
            raise TrainingError(problem)

    @property
    def search_ratio(self) -> float:
        """The ratio on whose dense images formats are searched."""
        return min(self.ratios)

    def cells(self, formats: Mapping[str, int | None]) -> tuple[Cell, ...]:
        """All cells, each once.

        Parameters
        ----------
        formats
            Names of the formats, and the size of those that have one of their own.
        """
        return tuple(dict.fromkeys(self._each_cell(formats)))

    def _each_cell(self, formats: Mapping[str, int | None]) -> Iterator[Cell]:
        for seed in range(self.seeds):
            for baseline in self.baselines:
                if baseline not in _WITH_FORMAT:
                    for ratio in (1.0,) if baseline == FULL else self.ratios:
                        yield Cell(baseline, ratio, seed)
            methods = (*self.presets, *(b for b in self.baselines if b in _WITH_FORMAT))
            for (name, own), m in itertools.product(formats.items(), self.m):
                if own in (None, m):
                    for method, ratio in itertools.product(methods, self.ratios):
                        yield Cell(method, ratio, seed, name, m)

    def changed(self, **values: Any) -> Self:  # noqa: ANN401 - any of the fields
        """The grid with other values; those that are None or empty stay."""
        given = {name: value for name, value in values.items() if value not in (None, ())}
        return dataclasses.replace(self, **given)

    def without_baselines(self) -> Self:
        """The presets alone."""
        return dataclasses.replace(self, baselines=())

    def require_grown(self, old: "Grid") -> None:
        """Refuse what would change cells of the old grid; more of them are welcome.

        Raises
        ------
        TrainingError
            If anything else differs.
        """
        # Where data are is no part of what they are; epochs are compared in the configs.
        free = (*_GROWING, "seeds", "data", "valid", "epochs", "scale")
        for name in (f.name for f in fields(self) if f.name not in free):
            if getattr(self, name) != getattr(old, name):
                found = f"{getattr(old, name)!r}, now {getattr(self, name)!r}"
                raise TrainingError(f"{name} was {found}")
        for name in _GROWING:
            lost = [v for v in getattr(old, name) if v not in getattr(self, name)]
            if lost:
                raise TrainingError(f"{name} had {lost[0]!r}, which is gone")
        if self.seeds < old.seeds:
            raise TrainingError(f"there were {old.seeds} seeds, now {self.seeds}")
        if self.search_ratio != old.search_ratio:
            problem = f"formats were searched at the ratio {old.search_ratio:g}"
            raise TrainingError(f"{problem}, now the smallest is {self.search_ratio:g}")

    def save(self, path: Path) -> None:
        """Write as TOML."""
        with replacing(path) as temporary:
            temporary.write_text(tomli_w.dumps(dataclasses.asdict(self)), encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> "Grid":
        """Read what `save` wrote, or a person; paths in it are relative to the file.

        Raises
        ------
        FileFormatError
            If the file cannot be read, or a key is unknown, missing or of the wrong type.
        """
        table = values_of(cls, read_toml(path), path)
        try:
            if "data" not in table:
                raise FileFormatError(path, "data", "this field is missing")
            return cls(**_placed(table, Path(path).parent))
        except TrainingError as error:
            raise FileFormatError(path, None, str(error)) from error


def _placed(table: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The table with paths from its file's folder."""
    paths = {name: str(folder / table[name]) for name in ("data", "valid") if table.get(name)}
    lists: dict[str, Any] = {
        name: tuple(str(folder / v) if is_file(v) else v for v in table[name])
        for name in ("formats", "presets")
        if name in table
    }
    return {**table, **paths, **lists}


def is_file(name: str) -> bool:
    """Whether a preset or format is named by its file."""
    return name.endswith(".toml")
