"""Where a run may begin: the network of another run, as warm start or shared first stage."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from datasets.errors import TrainingError
from datasets.formats import SparseFormat


@dataclass(frozen=True, slots=True, eq=False)
class Start:
    """A network to begin with, in place of first weights by chance.

    Parameters
    ----------
    sparse, width
        Its landmarks, and its share of ResNet-18's channels.
    weights
        By name, on the CPU.
    """

    sparse: SparseFormat
    width: float
    weights: Mapping[str, Tensor]

    @property
    def digest(self) -> str:
        """Hash of the weights."""
        digest = hashlib.sha256()
        for name, values in sorted(self.weights.items()):
            digest.update(name.encode())
            digest.update(values.numpy().tobytes())
        return digest.hexdigest()

    def require_fits(self, sparse: SparseFormat, width: float) -> None:
        """Refuse to begin a network that differs.

        Raises
        ------
        TrainingError
            If landmarks, sparse format or width are not the same.
        """
        ours, theirs = sparse.dense, self.sparse.dense
        if ours.landmarks != theirs.landmarks:
            problem = f"its landmarks are {theirs.name}, those of the data {ours.name}"
        elif sparse.chosen != self.sparse.chosen:
            names = (", ".join(each.names[:5]) for each in (self.sparse, sparse))
            problem = "its sparse format ({}, ...) is not that of the data ({}, ...)".format(*names)
        elif width != self.width:
            problem = f"its width is {self.width:g}, that of the config {width:g}"
        else:
            return
        raise TrainingError(f"cannot begin with the network of the other run: {problem}")
