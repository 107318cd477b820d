"""One stage of training: which images, which landmarks, which parts, and how they learn."""

import dataclasses
from dataclasses import dataclass
from typing import Literal, Self, get_args

from datasets.errors import TrainingError
from weaksup.parts import MAIN, PARTS, SECONDARY

Images = Literal["all", "dense"]
Loss = Literal["squared", "wing"]
Optimiser = Literal["sgd", "adamw", "ridge"]
Decay = Literal["plateau", "one-cycle"]


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of training.

    Parameters
    ----------
    name
        Unique in its run.
    images
        ``"all"``: every image with a label that counts; ``"dense"``: those with all M landmarks.
    loss_on
        Branches whose landmarks count in the loss.
    train
        Parts that learn; the rest is frozen.
    epochs, rate, batch
        Passes over the images, (highest) learning rate, images a step (at most a quarter of the
        images, so that an epoch has several steps).
    optimiser
        ``"sgd"``, ``"adamw"``, or ``"ridge"``: the secondary branch in closed form
        (`weaksup.prior`), in one epoch without a rate.
    decay
        ``"plateau"``: the rate is cut to a tenth when the loss has not fallen for `patience`
        epochs; ``"one-cycle"``: it rises and falls once (Smith and Topin 2018).
    loss
        ``"squared"`` distances, or ``"wing"`` (Feng et al. 2018); see `weaksup.losses`.
    mirror
        Whether every second crop, by chance, is mirrored and its landmarks reordered; only where
        both branches learn, for the mirrored picture of a sparse format has other landmarks.
    dense_share
        Where fewer images have all M landmarks: share of every batch that is drawn from these,
        which then come more than once in an epoch. Where as many or more have, and where it is 0,
        each image comes once, in any order.
    hold_out
        Share of the images with all M landmarks, by subjects, that the stage does not learn from.
        Their error is measured after every epoch; the stage ends where it has not fallen for
        `patience` epochs, and leaves the network as it was when it was smallest, be that before
        its first epoch. 0: none.
    """

    name: str
    images: Images
    loss_on: tuple[str, ...]
    train: tuple[str, ...]
    epochs: int
    rate: float
    batch: int = 32
    optimiser: Optimiser = "sgd"
    decay: Decay = "plateau"
    patience: int = 200
    loss: Loss = "squared"
    mirror: bool = False
    dense_share: float = 0.0
    hold_out: float = 0.0

    def __post_init__(self) -> None:
        """Check every value."""
        require_choice(self, "images", get_args(Images))
        require_choice(self, "optimiser", get_args(Optimiser))
        require_choice(self, "decay", get_args(Decay))
        require_choice(self, "loss", get_args(Loss))
        require_positive(self, "epochs", "rate", "batch", "patience")
        for name, parts in (("loss_on", self.loss_on), ("train", self.train)):
            known = PARTS[1:] if name == "loss_on" else PARTS
            if not parts or not set(parts) <= set(known):
                problem = f"stage {self.name!r}: {name} must name some of {known}, got {parts}"
                raise TrainingError(problem)
        for name in ("dense_share", "hold_out"):
            if not 0 <= getattr(self, name) < 1:
                problem = f"stage {self.name!r}: {name} must lie in [0, 1), got "
                raise TrainingError(f"{problem}{getattr(self, name)}")
        if self.mirror and set(self.loss_on) != {MAIN, SECONDARY}:
            problem = f"stage {self.name!r}: to mirror, the loss must be on both branches, for a "
            raise TrainingError(f"{problem}mirrored sparse format has other landmarks")
        told = self.images, self.loss_on, self.train, self.epochs
        if self.optimiser == "ridge" and told != ("dense", (SECONDARY,), (SECONDARY,), 1):
            problem = f"stage {self.name!r}: ridge sets the secondary branch from dense images"
            raise TrainingError(f"{problem} in one epoch, got {told}")

    def scaled(self, scale: float) -> Self:
        """The stage with all counts of epochs times `scale`, each at least one."""
        if self.optimiser == "ridge":
            return self
        epochs, patience = (max(1, round(scale * n)) for n in (self.epochs, self.patience))
        return dataclasses.replace(self, epochs=epochs, patience=patience)


def require_choice(owner: object, name: str, known: tuple[str, ...]) -> None:
    """Refuse a field whose value is none of those that are known."""
    value = getattr(owner, name)
    if value not in known:
        raise TrainingError(f"{name} must be one of {', '.join(known)}; got {value!r}")


def require_positive(owner: object, *names: str) -> None:
    """Refuse fields that are not above 0, NaN among them."""
    for name in names:
        if not getattr(owner, name) > 0:
            raise TrainingError(f"{name} must be positive, got {getattr(owner, name)}")
