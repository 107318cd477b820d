"""What a choice of landmarks must obey besides its number."""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from datasets.errors import SelectionError, UnknownNameError
from datasets.formats import LandmarkFormat

Indices = tuple[int, ...]

_ROUNDING = 1e-12  # sums of costs differ by so much with their order


@dataclass(frozen=True, slots=True)
class Demands:
    """What the chosen of M landmarks must obey; landmarks are given by index.

    Parameters
    ----------
    include, exclude
        Landmarks that must and must not be chosen. With what is annotated already included, a
        choice extends an existing format.
    together
        Groups of which all landmarks are chosen or none, such as left-right pairs.
    at_least
        Groups with the number of their landmarks that must be chosen.
    cost
        What each of the M landmarks costs; None where each costs 1.
    most_cost
        What the chosen may cost in all.

    Raises
    ------
    SelectionError
        If a landmark is both included and excluded, a number is larger than its group, or a cost
        is negative or not finite.
    """

    include: Indices = ()
    exclude: Indices = ()
    together: tuple[Indices, ...] = ()
    at_least: tuple[tuple[Indices, int], ...] = ()
    cost: tuple[float, ...] | None = None
    most_cost: float = math.inf

    def __post_init__(self) -> None:
        """Check what needs no format."""
        both = sorted(set(self.include) & set(self.exclude))
        if both:
            raise SelectionError(f"point {both[0]} is both included and excluded")
        for group, least in self.at_least:
            if not 0 <= least <= len(set(group)):
                raise SelectionError(f"cannot choose {least} of a group of {len(set(group))}")
        if any(not 0 <= value < math.inf for value in self.cost or ()):
            raise SelectionError("costs must be finite and not negative")
        if not self.most_cost >= 0:  # also where NaN
            raise SelectionError(f"the most cost must not be negative, got {self.most_cost}")

    @property
    def simple(self) -> bool:
        """Whether nothing but single landmarks is demanded, in or out."""
        return not self.together and not self.at_least and math.isinf(self.most_cost)

    @property
    def landmarks(self) -> set[int]:
        """Every landmark that is named."""
        groups = (self.include, self.exclude, *self.together, *(g for g, _ in self.at_least))
        return {i for group in groups for i in group}

    def price(self, chosen: Iterable[int]) -> float:
        """What landmarks cost in all."""
        return float(sum(1.0 if self.cost is None else self.cost[i] for i in chosen))

    def without(self, landmark: int) -> "Demands":
        """The same demands, and this landmark excluded."""
        return replace(self, exclude=tuple(sorted({*self.exclude, landmark})))

    def allow(self, chosen: Collection[int]) -> bool:
        """Whether a choice obeys."""
        picked = set(chosen)
        return (
            set(self.include) <= picked
            and not picked & set(self.exclude)
            and all(len(picked & set(group)) in (0, len(set(group))) for group in self.together)
            and all(len(picked & set(group)) >= least for group, least in self.at_least)
            and self.price(picked) <= self.most_cost * (1 + _ROUNDING)
        )


def demands_of(  # noqa: PLR0913 - one argument a demand
    known: LandmarkFormat,
    *,
    include: Iterable[int | str] = (),
    exclude: Iterable[int | str] = (),
    pairs: bool = False,
    at_least: Mapping[str, int] | None = None,
    cost: Mapping[int | str, float] | Sequence[float] | None = None,
    most_cost: float = math.inf,
) -> Demands:
    """Demands in the words of a landmark format.

    Parameters
    ----------
    known
        The dense format.
    include, exclude
        Landmarks by index or name.
    pairs
        Whether a landmark and its mirror image are chosen together.
    at_least
        For names of components, how many of their landmarks must be chosen.
    cost
        M numbers, or those of some landmarks by index or name: all others cost 1.
    most_cost
        What the chosen may cost in all.

    Raises
    ------
    SelectionError
        If a landmark or component is not known, or see `Demands`.
    """
    together: tuple[Indices, ...] = ()
    if pairs:
        together = tuple((i, j) for i, j in enumerate(known.mirror) if i < j)
    must, mustnot = indices_of(known, include), indices_of(known, exclude)
    both = sorted(set(must) & set(mustnot))
    if both:
        raise SelectionError(f"{known.landmarks[both[0]]} is both included and excluded")
    least = tuple(_component(known, name, least) for name, least in (at_least or {}).items())
    return Demands(must, mustnot, together, least, _costs(known, cost), most_cost)


def indices_of(known: LandmarkFormat, landmarks: Iterable[int | str]) -> Indices:
    """Increasing indices of landmarks given by index or name.

    Raises
    ------
    SelectionError
        If one is not known.
    """
    indices: set[int] = set()
    for landmark in [landmarks] if isinstance(landmarks, str) else landmarks:
        try:
            index = known.index_of(landmark) if isinstance(landmark, str) else int(landmark)
        except UnknownNameError as error:
            raise SelectionError(str(error)) from error
        if not 0 <= index < len(known):
            problem = f"{known.name} has no landmark {index}; they are counted 0 to"
            raise SelectionError(f"{problem} {len(known) - 1}")
        indices.add(index)
    return tuple(sorted(indices))


def _component(known: LandmarkFormat, name: str, least: int) -> tuple[Indices, int]:
    for component in known.components:
        if component.name == name:
            if not 0 <= least <= len(component.indices):
                problem = f"{name} has {len(component.indices)} landmarks, not {least}"
                raise SelectionError(problem)
            return component.indices, int(least)
    names = ", ".join(component.name for component in known.components) or "none"
    raise SelectionError(f"{known.name} has no component {name!r}; it has: {names}")


def _costs(
    known: LandmarkFormat, cost: Mapping[int | str, float] | Sequence[float] | None
) -> tuple[float, ...] | None:
    if cost is None:
        return None
    if not isinstance(cost, Mapping):
        if len(cost) != len(known):
            raise SelectionError(f"expected {len(known)} costs, got {len(cost)}")
        return tuple(float(value) for value in cost)
    costs = [1.0] * len(known)
    for landmark, value in cost.items():
        costs[indices_of(known, [landmark])[0]] = float(value)
    return tuple(costs)


def with_closure(demands: Demands) -> Demands:
    """The same demands with what follows from them: who comes in or stays out with its group.

    Raises
    ------
    SelectionError
        If a landmark then had to be both.
    """
    include, exclude = set(demands.include), set(demands.exclude)
    size = -1
    while size != len(include) + len(exclude):
        size = len(include) + len(exclude)
        for group in demands.together:
            if include & set(group):
                include |= set(group)
            if exclude & set(group):
                exclude |= set(group)
    both = sorted(include & exclude)
    if both:
        raise SelectionError(f"point {both[0]} comes in with its pair and is excluded")
    return replace(demands, include=tuple(sorted(include)), exclude=tuple(sorted(exclude)))


def table_from_demands(demands: Demands, names: Sequence[str]) -> dict[str, Any]:
    """Demands in the words of landmarks with these names, fit for TOML and JSON."""
    table: dict[str, Any] = {
        "include": [names[i] for i in demands.include],
        "exclude": [names[i] for i in demands.exclude],
    }
    if demands.together:
        table["together"] = [[names[i] for i in group] for group in demands.together]
    if demands.at_least:
        table["at_least"] = [
            {"landmarks": [names[i] for i in group], "number": least}
            for group, least in demands.at_least
        ]
    if not math.isinf(demands.most_cost):
        table |= {"cost": list(demands.cost or ()) or None, "most_cost": demands.most_cost}
    return {name: value for name, value in table.items() if value is not None}
