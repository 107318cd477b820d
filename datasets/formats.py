"""Landmark formats: the names, order and structure of the landmarks of one kind of object."""

import difflib
import functools
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from operator import index
from pathlib import Path
from types import MappingProxyType
from typing import Any

import tomli_w

from datasets.errors import FileFormatError, ShapeMismatchError, UnknownNameError
from datasets.files import replacing

NAMELESS = "points-"
MOST_LANDMARKS = 1_000_000
_DIGITS = 9
_MOST_LIKE, _MOST_TOLD = 3, 8  # names in an error


@dataclass(frozen=True, slots=True)
class Component:
    """A part of the object, such as an eye: a name and the indices of its landmarks."""

    name: str
    indices: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Contour:
    """A line to draw through landmarks, in order; `closed` joins the last to the first."""

    name: str
    indices: tuple[int, ...]
    closed: bool


@dataclass(frozen=True, slots=True)
class LandmarkFormat:
    """Names and order of M landmarks, and what is known of their structure.

    Parameters
    ----------
    name
        Unique name, such as ``"300w-68"``.
    landmarks
        M unique names.
    mirror
        M indices: which landmark each one becomes in the mirrored picture. Its own inverse.
    spans
        Named pairs of landmarks whose distance normalises errors, such as ``inter_ocular``.
    components, contours
        Parts of the object, and lines to draw.
    maps
        For another format's name, the M indices there that stand for these landmarks.
    about
        One sentence with the source.
    definitions
        For some landmarks by name, one line that tells people where to put it. Formats that differ
        in nothing else are equal.

    Raises
    ------
    ShapeMismatchError
        If names repeat, `mirror` is not its own inverse, an index is out of range, or a landmark
        is defined that there is not.
    """

    name: str
    landmarks: tuple[str, ...]
    mirror: tuple[int, ...]
    spans: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    components: tuple[Component, ...] = ()
    contours: tuple[Contour, ...] = ()
    maps: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    about: str = ""
    definitions: Mapping[str, str] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        """Check that names are unique and every index points at a landmark."""
        M = len(self.landmarks)
        if M == 0 or len(set(self.landmarks)) != M:
            raise ShapeMismatchError(f"{self.name}: landmark names must be unique and at least one")
        if sorted(self.mirror) != list(range(M)) or any(
            self.mirror[self.mirror[i]] != i for i in range(M)
        ):
            problem = f"{self.name}: 'mirror' must be a permutation of {M} that is its own inverse"
            raise ShapeMismatchError(problem)
        self._require_in_range("spans", (i for pair in self.spans.values() for i in pair))
        self._require_in_range("components", (i for c in self.components for i in c.indices))
        self._require_in_range("contours", (i for c in self.contours for i in c.indices))
        for other, indices in self.maps.items():
            if len(indices) != M:
                problem = f"{self.name}: the map to {other} has {len(indices)} indices, not {M}"
                raise ShapeMismatchError(problem)
        unknown = next((name for name in self.definitions if name not in self.landmarks), None)
        if unknown is not None:
            problem = f"{self.name}: 'definitions' name {unknown!r:.60}, which is no landmark of it"
            raise ShapeMismatchError(problem)
        object.__setattr__(self, "spans", MappingProxyType(dict(self.spans)))
        object.__setattr__(self, "definitions", MappingProxyType(dict(self.definitions)))
        object.__setattr__(self, "maps", MappingProxyType(dict(self.maps)))

    def __len__(self) -> int:
        """M, the number of landmarks."""
        return len(self.landmarks)

    def __hash__(self) -> int:
        """Hash of name and landmarks (the mappings are not hashable)."""
        return hash((self.name, self.landmarks))

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle through the table, as mapping proxies cannot be pickled."""
        return format_from_table, (table_from_format(self),)

    def _require_in_range(self, what: str, indices: Iterable[int]) -> None:
        wrong = [i for i in indices if not 0 <= i < len(self.landmarks)]
        if wrong:
            problem = f"{self.name}: {what} name landmark {wrong[0]}, but there are {len(self)}"
            raise ShapeMismatchError(problem)

    def index_of(self, landmark: str) -> int:
        """Index of a landmark by its name, or by its number written as text.

        Raises
        ------
        UnknownNameError
            If there is no such landmark.
        """
        if landmark in self.landmarks:
            return self.landmarks.index(landmark)
        number = _count(landmark)
        if number is not None and number < len(self):
            return number
        raise UnknownNameError(
            f"{self.name} has no landmark {landmark[:40]!r}{self._hint(landmark)}"
        )

    def _hint(self, landmark: str) -> str:
        """The names most like a wrong one; without any like it, all of them or where they end."""
        if close := difflib.get_close_matches(landmark, self.landmarks, n=_MOST_LIKE):
            return f"; did you mean {' or '.join(close)}?"
        if len(self) <= _MOST_TOLD:
            return f"; it has {', '.join(self.landmarks)}"
        first, second, *_, last = self.landmarks
        return f"; its {len(self)} landmarks are {first}, {second} and so on to {last}"

    @property
    def default_span(self) -> str | None:
        """The first span, by which errors are normalised unless told otherwise."""
        return next(iter(self.spans), None)


@dataclass(frozen=True, slots=True)
class SparseFormat:
    """The m landmarks of a dense format that people mark, and whom each of them represents.

    Parameters
    ----------
    dense
        The dense format (M landmarks).
    chosen
        m indices, increasing.
    represented_by
        M indices: the chosen landmark from which each landmark is inferred (Yan 2020, eq. 5.6).

    Raises
    ------
    ShapeMismatchError
        If `chosen` is empty, not increasing or out of range, or `represented_by` names
        a landmark that is not chosen.
    """

    dense: LandmarkFormat
    chosen: tuple[int, ...]
    represented_by: tuple[int, ...]

    def __post_init__(self) -> None:
        """Check the indices."""
        M = len(self.dense)
        increasing = list(self.chosen) == sorted(set(self.chosen))
        if not self.chosen or not increasing or not 0 <= self.chosen[0] <= self.chosen[-1] < M:
            problem = f"chosen landmarks must increase within 0..{M - 1}, got {self.chosen}"
            raise ShapeMismatchError(problem)
        if len(self.represented_by) != M or not set(self.represented_by) <= set(self.chosen):
            problem = "'represented_by' must name one chosen landmark for each landmark"
            raise ShapeMismatchError(problem)

    def __len__(self) -> int:
        """m, the number of chosen landmarks."""
        return len(self.chosen)

    @property
    def rest(self) -> tuple[int, ...]:
        """The M - m landmarks that are not chosen."""
        chosen = set(self.chosen)
        return tuple(i for i in range(len(self.dense)) if i not in chosen)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the chosen landmarks."""
        return tuple(self.dense.landmarks[i] for i in self.chosen)

    def save(self, path: str | Path, details: Mapping[str, Any] | None = None) -> None:
        """Write as TOML; `details` is kept beside it for people to read."""
        table = {
            "sparse": {
                "chosen": list(self.chosen),
                "names": list(self.names),
                "represented_by": list(self.represented_by),
            },
            "details": dict(details or {}),
            "dense": table_from_format(self.dense),
        }
        with replacing(Path(path)) as temporary:
            temporary.write_text(tomli_w.dumps(table), encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> "SparseFormat":
        """Read what `save` wrote.

        Raises
        ------
        FileFormatError
            If the file is missing, not TOML, or a field is missing or wrong.
        """
        table = read_toml(path)
        try:
            dense = format_from_table(table["dense"])
            chosen = _indices(table["sparse"]["chosen"])
            represented_by = _indices(table["sparse"]["represented_by"])
            sparse = cls(dense, chosen, represented_by)
            _require_names(sparse, table["sparse"].get("names", sparse.names))
            return sparse
        except KeyError as error:
            raise FileFormatError(path, str(error.args[0]), "this field is missing") from error
        except (TypeError, ValueError) as error:
            raise FileFormatError(path, None, str(error)) from error


def _require_names(sparse: SparseFormat, names: Sequence[Any]) -> None:
    """Refuse names that are not those of the chosen landmarks: a person changed one of both."""
    if list(names) != list(sparse.names):
        shown, known = (", ".join(map(repr, each)) for each in (names, sparse.names))
        problem = f"'names' are {shown}, but 'chosen' are {known}; change both or drop 'names'"
        raise ShapeMismatchError(problem)


def read_toml(path: str | Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises
    ------
    FileFormatError
        If it cannot be read or is not TOML.
    """
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise FileFormatError(path, None, f"cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:  # some of them not tomllib's own
        reason = str(error).partition("; use sys.")[0]
        raise FileFormatError(path, None, f"not a TOML file: {reason}") from error


def table_from_format(landmark_format: LandmarkFormat) -> dict[str, Any]:
    """The format as plain values, fit for TOML."""
    return {
        "name": landmark_format.name,
        "about": landmark_format.about,
        "landmarks": list(landmark_format.landmarks),
        "mirror": list(landmark_format.mirror),
        "spans": {name: list(pair) for name, pair in landmark_format.spans.items()},
        "maps": {name: list(indices) for name, indices in landmark_format.maps.items()},
        "definitions": dict(landmark_format.definitions),
        "components": [
            {"name": c.name, "indices": list(c.indices)} for c in landmark_format.components
        ],
        "contours": [
            {"name": c.name, "indices": list(c.indices), "closed": c.closed}
            for c in landmark_format.contours
        ],
    }


def format_from_table(table: Mapping[str, Any]) -> LandmarkFormat:
    """The inverse of `table_from_format`; only name and landmarks are required.

    Raises
    ------
    KeyError
        If a required field is missing.
    ShapeMismatchError
        If a value is not what it should be, or the values do not fit together.
    """
    try:
        return _format_from_table(table)
    except ShapeMismatchError:
        raise
    except (AttributeError, TypeError, ValueError) as error:
        problem = f"a field of the landmark format is not what it should be: {error}"
        raise ShapeMismatchError(problem) from error


def _format_from_table(table: Mapping[str, Any]) -> LandmarkFormat:
    landmarks = tuple(str(name) for name in table["landmarks"])
    spans = {name: (_index(a), _index(b)) for name, (a, b) in table.get("spans", {}).items()}
    return LandmarkFormat(
        name=str(table["name"]),
        landmarks=landmarks,
        mirror=_indices(table.get("mirror", range(len(landmarks)))),
        spans=spans,
        components=tuple(
            Component(str(c["name"]), _indices(c["indices"])) for c in table.get("components", ())
        ),
        contours=tuple(
            Contour(str(c["name"]), _indices(c["indices"]), _truth(c["closed"]))
            for c in table.get("contours", ())
        ),
        maps={name: _indices(indices) for name, indices in table.get("maps", {}).items()},
        about=str(table.get("about", "")),
        definitions={name: str(text) for name, text in table.get("definitions", {}).items()},
    )


def _indices(values: Iterable[Any]) -> tuple[int, ...]:
    return tuple(_index(value) for value in values)


def _index(value: Any) -> int:  # noqa: ANN401 - whatever stands in a file
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"expected a whole number, got {value!r}")
    return index(value)


def _truth(value: Any) -> bool:  # noqa: ANN401 - whatever stands in a file
    if not isinstance(value, bool):
        raise TypeError(f"closed: expected true or false, got {value!r}")
    return value


def format_names() -> tuple[str, ...]:
    """Names of the formats in the catalogue, the largest first."""
    return tuple(f.name for f in _catalogue())


@functools.cache
def _catalogue() -> tuple[LandmarkFormat, ...]:
    files = resources.files("datasets").joinpath("catalogue").iterdir()
    tables = [tomllib.loads(f.read_text("utf-8")) for f in files if f.name.endswith(".toml")]
    formats = [format_from_table(table) for table in tables]
    return tuple(sorted(formats, key=lambda f: (-len(f), f.name)))


def landmark_format(name: str) -> LandmarkFormat:
    """Landmark format by name: one of the catalogue, or ``points-<M>``, M landmarks without names.

    M is a million at most: a file that claims more is broken, or meant to fill the memory.

    Raises
    ------
    UnknownNameError
        If there is none of this name.

    Examples
    --------
    >>> len(landmark_format("300w-68"))
    68
    >>> landmark_format("points-3").landmarks
    ('0', '1', '2')
    """
    for known in _catalogue():
        if known.name == name:
            return known
    M = _count(name.removeprefix(NAMELESS)) if name.startswith(NAMELESS) else None
    if M is not None and 0 < M <= MOST_LANDMARKS:
        names = tuple(str(i) for i in range(M))
        return LandmarkFormat(name, names, mirror=tuple(range(M)))
    known_names = ", ".join((*format_names(), f"{NAMELESS}<M> for M landmarks without names"))
    raise UnknownNameError(f"unknown landmark format {name[:40]!r}; known are {known_names}")


def _count(text: str) -> int | None:
    """A count written in decimal, None for other texts; far more digits than any M has are none."""
    return int(text) if text.isdecimal() and len(text) <= _DIGITS else None


def index_map(source: LandmarkFormat, target: LandmarkFormat) -> tuple[int, ...] | None:
    """For each landmark of `source`, the index in `target` that stands for it.

    Formats that are both part of a third one are mapped through it. None where no map is known
    or a landmark has no counterpart.

    Examples
    --------
    >>> index_map(landmark_format("mafl-5"), landmark_format("300w-inner-41"))
    (11, 16, 3, 21, 27)
    """
    if source.name == target.name:
        return tuple(range(len(source)))
    if target.name in source.maps:
        return source.maps[target.name]
    for third, indices in source.maps.items():
        if third in target.maps:
            place = {index: i for i, index in enumerate(target.maps[third])}
            if all(index in place for index in indices):
                return tuple(place[index] for index in indices)
    return None


def predefined_formats(dense: LandmarkFormat) -> dict[str, tuple[int, ...]]:
    """Formats of the catalogue that are sparse formats of `dense`: name to increasing indices."""
    found: dict[str, tuple[int, ...]] = {}
    for known in _catalogue():
        indices = index_map(known, dense)
        if indices is not None and len(set(indices)) == len(known) < len(dense):
            found[known.name] = tuple(sorted(indices))
    return found
