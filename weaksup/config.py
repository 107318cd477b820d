"""What a training run is told: its stages and numbers, read from TOML and saved with the run."""

import dataclasses
import hashlib
import math
import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, Self, get_args

import tomli_w

from datasets.errors import FileFormatError, TrainingError
from datasets.files import replacing
from datasets.formats import read_toml
from weaksup.stage import Stage, require_choice, require_positive
from weaksup.toml_values import values_of

Precision = Literal["32-true", "16-mixed", "bf16-mixed"]

# Beyond these torch fails, for want of memory or of digits.
_MOST = {"image_size_px": 1024, "width": 8.0, "threads": 1024, "seed": 2**63 - 1}

# How a run is carried out, not what it computes: these may change when it is taken up again. So may
# the number of processes, which is no part of the config: torchrun knows it (`weaksup.ranks`).
_OUTSIDE_IDENTITY = ("device", "threads", "checkpoint_every_s", "affinity_every")


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """Everything that a run depends on besides its data.

    Parameters
    ----------
    preset
        Name of the preset it began as.
    stages
        In order.
    seed
        Of first weights, order of images, and augmentation.
    image_size_px, margin
        Side of the crop in pixels, and in parts of the object's box.
    width
        Share of ResNet-18's channels.
    momentum, weight_decay
        Of the optimisers; AdamW takes its usual moments and only the decay.
    warm_up_steps
        Steps over which a plateau stage's rate rises; at most half of the stage.
    clip_norm
        Gradients longer than this are shortened to it; 0 leaves them as they are.
    rotation_deg, scaling, shift, brightness, contrast
        Largest change by augmentation, either way: degrees; factor; parts of half the crop;
        parts of white; factor.
    device, threads
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"mps"``; CPU threads, 0 for half of the cores.
    precision
        Of Lightning Fabric: ``"32-true"`` or, on a GPU, ``"16-mixed"`` or ``"bf16-mixed"``.
    validate_every
        Epochs between two measurements on the validation images.
    affinity_every
        Epochs between two affinity matrices of the validation predictions that are kept, and one
        at the end of every stage; 0 keeps none.
    checkpoint_every_s
        Seconds between two checkpoints; one is written at the end of a stage in any case.
    """

    preset: str
    stages: tuple[Stage, ...]
    seed: int = 0
    image_size_px: int = 64
    margin: float = 1.25
    width: float = 1.0
    momentum: float = 0.9
    weight_decay: float = 0.0
    warm_up_steps: int = 50
    clip_norm: float = 0.0
    rotation_deg: float = 20.0
    scaling: float = 0.15
    shift: float = 0.12
    brightness: float = 0.25
    contrast: float = 0.25
    device: str = "auto"
    threads: int = 0
    precision: Precision = "32-true"
    validate_every: int = 5
    affinity_every: int = 0
    checkpoint_every_s: float = 5.0

    def __post_init__(self) -> None:
        """Check every value."""
        names = [stage.name for stage in self.stages]
        if not names or len(set(names)) != len(names):
            raise TrainingError(f"a run needs stages of different names, got {names}")
        require_positive(self, "margin", "width", "validate_every")
        require_choice(self, "device", ("auto", "cpu", "cuda", "mps"))
        require_choice(self, "precision", get_args(Precision))
        if self.image_size_px < 32:
            problem = "image_size_px must be at least 32: ResNet-18 halves it five times, got "
            raise TrainingError(f"{problem}{self.image_size_px}")
        for name, most in _MOST.items():
            if not getattr(self, name) <= most:  # also where NaN
                raise TrainingError(f"{name} must be at most {most}, got {getattr(self, name)}")
        changes = ("rotation_deg", "shift", "brightness", "momentum", "weight_decay")
        counts = ("warm_up_steps", "clip_norm", "threads", "affinity_every", "checkpoint_every_s")
        for name in (*changes, *counts):
            if not getattr(self, name) >= 0:  # also where NaN
                raise TrainingError(f"{name} must not be negative, got {getattr(self, name)}")
        if not 0 <= self.scaling < 1 or not 0 <= self.contrast < 1:
            raise TrainingError("scaling and contrast must lie in [0, 1)")

    def changed(self, **values: Any) -> Self:  # noqa: ANN401 - any of the fields
        """The config with other values; those that are None stay."""
        given = {name: value for name, value in values.items() if value is not None}
        return dataclasses.replace(self, **given)

    def scaled(self, scale: float) -> Self:
        """The config with all counts of epochs times `scale`."""
        if not 0 < scale < math.inf:
            raise TrainingError(f"the scale of a run must be positive and finite, got {scale}")
        stages = tuple(stage.scaled(scale) for stage in self.stages)
        every = self.affinity_every and max(1, round(scale * self.affinity_every))
        return self.changed(stages=stages, affinity_every=every)

    @property
    def epochs(self) -> int:
        """Epochs of all stages."""
        return sum(stage.epochs for stage in self.stages)

    @property
    def cpu_threads(self) -> int:
        """`threads`, or half of the cores: the page that shows the run needs some as well.

        Processes of one machine, as torchrun starts them, share that half.
        """
        sharing = 2 * int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
        return self.threads or max(1, (os.cpu_count() or 1) // sharing)

    @property
    def identity(self) -> str:
        """Hash of all that changes what the run computes."""
        table = self.to_table()
        for name in _OUTSIDE_IDENTITY:
            del table[name]
        return hashlib.sha256(tomli_w.dumps(table).encode()).hexdigest()

    def to_table(self) -> dict[str, Any]:
        """Plain values, fit for TOML."""
        table = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "stages"}
        # What is off is left out, so that runs from before there was such a thing stay the same.
        stages = [
            {name: value for name, value in dataclasses.asdict(stage).items() if value}
            for stage in self.stages
        ]
        return {**table, "stages": stages}

    def save(self, path: str | Path) -> None:
        """Write as TOML."""
        with replacing(Path(path)) as temporary:
            temporary.write_text(tomli_w.dumps(self.to_table()), encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> "TrainingConfig":
        """Read what `save` wrote, or a person.

        Raises
        ------
        FileFormatError
            If the file cannot be read, or a key is unknown, missing or of the wrong type.
        """
        table = read_toml(path)
        try:
            stages = table.pop("stages")
            if not isinstance(stages, list) or not all(isinstance(s, dict) for s in stages):
                raise FileFormatError(path, "stages", "expected tables, [[stages]]")
            rows = [Stage(**values_of(Stage, row, path)) for row in stages]
            return cls(stages=tuple(rows), **values_of(cls, table, path))
        except KeyError as error:
            raise FileFormatError(path, str(error.args[0]), "this field is missing") from error
        except TypeError as error:
            raise FileFormatError(path, None, str(error).partition("() ")[2]) from error
        except TrainingError as error:
            raise FileFormatError(path, None, str(error)) from error
