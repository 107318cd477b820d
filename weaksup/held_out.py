"""Whether a stage helps, by images that it does not learn from; the best network is kept."""

from typing import Any

from torch import Tensor

from weaksup.network import TwoBranchResNet
from weaksup.ranks import Ranks
from weaksup.validation import Validation


class HeldOut:
    """What a stage is judged by, from before its first epoch.

    Parameters
    ----------
    validation
        The images held out.
    network
        As the stage finds it, in `eval`, as at the end of every epoch.
    patience
        Epochs without a smaller error after which the stage is over.
    ranks
        All have to decide alike.
    """

    def __init__(
        self, validation: Validation, network: TwoBranchResNet, patience: int, ranks: Ranks
    ) -> None:
        self._validation, self._network = validation, network
        self._patience, self._ranks = patience, ranks
        self._lowest = self._error()
        self._best = self._weights()
        self._waited = 0
        self.helped = False

    def end_epoch(self) -> float:
        """NME after an epoch; where it is the smallest so far, the network is kept."""
        error = self._error()
        if error < self._lowest:
            self._lowest, self._best = error, self._weights()
            self._waited, self.helped = 0, True
        else:
            self._waited += 1
        return error

    @property
    def over(self) -> bool:
        """Whether the error has not fallen for too long."""
        return self._waited >= self._patience

    def restore_best(self) -> None:
        """Make the network what it was when its error was smallest."""
        self._network.load_state_dict(self._best)

    def state(self) -> dict[str, Any]:
        """What `restore` needs, as tensors and plain values."""
        return {
            "lowest": self._lowest,
            "best": self._best,
            "waited": self._waited,
            "helped": self.helped,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where `state` was taken."""
        self._lowest, self._best = state["lowest"], state["best"]
        self._waited, self.helped = state["waited"], state["helped"]

    def _error(self) -> float:
        with self._ranks.together():
            error = self._validation.nme(self._validation.predict(self._network))[0]
        return self._ranks.mean(error)

    def _weights(self) -> dict[str, Tensor]:
        return {name: value.clone() for name, value in self._network.state_dict().items()}
