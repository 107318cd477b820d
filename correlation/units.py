"""What is chosen as one: units of landmarks, and the way from nothing to a choice that obeys."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from correlation.demands import Demands, Indices, with_closure
from datasets.errors import SelectionError

_TRIES = 300
_ROUNDING = 1e-12  # sums of costs differ by so much with their order

Picked = frozenset[int]


@dataclass(frozen=True, slots=True, eq=False)
class Units:
    """The landmarks that may be chosen, in units of which all landmarks are chosen or none.

    Parameters
    ----------
    members
        Landmarks of each unit, increasing; the units by their smallest landmark.
    demands
        What the choice must obey, closed (`with_closure`).
    most
        No choice that obeys has more landmarks: m, or less where the sizes of the units do not
        sum to m.
    target
        How many landmarks are chosen, at most: as `most`, or less where no choice of so many was
        found that obeys.
    """

    members: tuple[Indices, ...]
    demands: Demands
    most: int
    target: int

    def landmarks(self, picked: Iterable[int]) -> Indices:
        """Increasing landmarks of some units."""
        return tuple(sorted(i for unit in picked for i in self.members[unit]))

    def size(self, picked: Iterable[int]) -> int:
        """How many landmarks some units have."""
        return sum(len(self.members[unit]) for unit in picked)

    def price(self, unit: int) -> float:
        """What the landmarks of a unit cost."""
        return self.demands.price(self.members[unit])

    @property
    def start(self) -> Picked:
        """The units that must be chosen."""
        include = set(self.demands.include)
        return frozenset(k for k, unit in enumerate(self.members) if include & set(unit))

    def may_follow(self, picked: Picked, unit: int) -> bool:
        """Whether a unit fits, and leaves room for a choice of full size that obeys.

        What is still demanded is collected unit by unit, in so many tries: with many demands
        that overlap, that can miss the only way there is, never take a way that is none.
        """
        return unit not in picked and self.completion(picked | {unit}) is not None

    def completion(self, picked: Picked) -> Picked | None:
        """These units, and those that meet what is still demanded; None where not found."""
        return self._completed(picked, iter(range(_TRIES)))

    def _completed(self, picked: Picked, tries: Iterator[int]) -> Picked | None:
        if next(tries, None) is None or not self._fits(picked):
            return None
        missing = self._missing(picked)
        if not missing:
            return picked if self._reaches_target(picked) else None
        helps = {k: self._helps(k, missing) for k in range(len(self.members)) if k not in picked}
        useful = sorted((k for k, help_ in helps.items() if help_), key=self.price)
        for unit in sorted(useful, key=lambda k: -helps[k]):
            found = self._completed(picked | {unit}, tries)
            if found is not None:
                return found
        return None

    def _fits(self, picked: Picked) -> bool:
        price = self.demands.price(self.landmarks(picked))
        limit = self.demands.most_cost * (1 + _ROUNDING)
        return self.size(picked) <= self.target and price <= limit

    def _missing(self, picked: Picked) -> list[tuple[Indices, int]]:
        """Landmarks of which some must still be chosen, and how many."""
        chosen = set(self.landmarks(picked))
        needs = [
            (tuple(set(group) - chosen), least - len(chosen & set(group)))
            for group, least in self.demands.at_least
        ]
        return [(group, count) for group, count in needs if count > 0]

    def _helps(self, unit: int, missing: list[tuple[Indices, int]]) -> float:
        """How much of what is missing a unit brings, for each of its landmarks."""
        own = self.members[unit]
        return sum(min(count, len(set(group) & set(own))) for group, count in missing) / len(own)

    def _reaches_target(self, picked: Picked) -> bool:
        left = [len(unit) for k, unit in enumerate(self.members) if k not in picked]
        room = self.target - self.size(picked)
        return largest_sum(left, room) == room


def units_of(M: int, m: int, demands: Demands) -> Units:
    """The units of M landmarks under demands, with room for m landmarks.

    Raises
    ------
    SelectionError
        If a landmark is out of range, m is not possible, or no choice that obeys was found.
    """
    wrong = sorted(i for i in demands.landmarks if not 0 <= i < M)
    if wrong:
        problem = f"there is no landmark {wrong[0]} among {M}; they are counted 0 to {M - 1}"
        raise SelectionError(problem)
    if demands.cost is not None and len(demands.cost) != M:
        raise SelectionError(f"expected {M} costs, got {len(demands.cost)}")
    if not 1 <= m <= M:
        raise SelectionError(f"cannot choose {m} of {M} landmarks")
    closed = with_closure(demands)
    if len(closed.include) > m:
        problem = f"{len(closed.include)} landmarks must be included, but only {m} can be chosen"
        raise SelectionError(f"{problem}: raise m or include fewer")
    excluded = set(closed.exclude)
    members = tuple(unit for unit in _merged(M, closed.together) if not excluded & set(unit))
    free = [len(unit) for unit in members if not set(unit) & set(closed.include)]
    full = len(closed.include) + largest_sum(free, m - len(closed.include))
    if full == 0:
        raise SelectionError(f"no landmark is left to choose, or none fits into {m}")
    for target in range(full, 0, -1):
        units = Units(members, closed, full, target)
        if units.completion(units.start) is not None:
            return units
    raise SelectionError(f"found no choice of at most {m} landmarks that meets all demands")


def largest_sum(sizes: Iterable[int], room: int) -> int:
    """The largest sum of some of these sizes that is not above the room."""
    sums = 1  # bit k: some of them sum to k
    for size in sizes:
        sums |= sums << size
    return (sums & ((1 << (room + 1)) - 1)).bit_length() - 1


def _merged(M: int, groups: Collection[Indices]) -> list[Indices]:
    """All landmarks in units: groups, joined where they share a landmark, and single ones."""
    units = {i: {i} for i in range(M)}
    for group in groups:
        joined = set().union(*(units[i] for i in group))
        units.update(dict.fromkeys(joined, joined))
    return sorted({tuple(sorted(unit)) for unit in units.values()})
