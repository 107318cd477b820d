import pickle

import pytest

from datasets.errors import FileFormatError, ShapeMismatchError, UnknownNameError
from datasets.formats import (
    Component,
    Contour,
    LandmarkFormat,
    SparseFormat,
    format_from_table,
    format_names,
    index_map,
    landmark_format,
    predefined_formats,
    read_toml,
    table_from_format,
)

FACE = landmark_format("300w-68")


@pytest.mark.parametrize("name", format_names())
def test_the_number_in_a_format_name_counts_its_landmarks(name):
    assert len(landmark_format(name)) == int(name.rsplit("-", 1)[1])


@pytest.mark.parametrize("name", format_names())
def test_mirroring_left_gives_right(name):
    known = landmark_format(name)
    for i, j in enumerate(known.mirror):
        swapped = known.landmarks[i].replace("left", "#").replace("right", "left")
        if "left" in known.landmarks[i] or "right" in known.landmarks[i]:
            assert known.landmarks[j].split("-")[0] == swapped.replace("#", "right").split("-")[0]


def test_the_outer_eye_corners_of_300w_are_36_and_45():
    assert FACE.spans["inter_ocular"] == (36, 45)
    assert FACE.default_span == "inter_ocular"


def test_formats_are_listed_largest_first():
    sizes = [len(landmark_format(name)) for name in format_names()]
    assert sizes == sorted(sizes, reverse=True)


def test_a_nameless_format_has_numbers_for_names():
    assert landmark_format("points-3").landmarks == ("0", "1", "2")
    assert landmark_format("points-3").default_span is None


@pytest.mark.parametrize("name", ["", "points-", "points-0", "points-x", "300W-68"])
def test_an_unknown_format_is_refused_and_known_ones_are_listed(name):
    with pytest.raises(UnknownNameError, match="300w-68"):
        landmark_format(name)


def test_a_landmark_is_found_by_name_or_by_number():
    assert FACE.index_of(FACE.landmarks[30]) == 30
    assert FACE.index_of("30") == 30
    with pytest.raises(UnknownNameError, match="has no landmark '68'"):
        FACE.index_of("68")


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"landmarks": ()}, "at least one"),
        ({"landmarks": ("a", "a", "b")}, "unique"),
        ({"mirror": (0, 1)}, "permutation of 3"),
        ({"mirror": (1, 2, 0)}, "its own inverse"),
        ({"spans": {"eyes": (0, 3)}}, "spans name landmark 3, but there are 3"),
        ({"components": (Component("eye", (0, -1)),)}, "components name landmark -1"),
        ({"contours": (Contour("jaw", (7,), closed=False),)}, "contours name landmark 7"),
        ({"maps": {"other": (0, 1)}}, "map to other has 2 indices, not 3"),
        ({"definitions": {"d": "There."}}, "'definitions' name 'd', which is no landmark of it"),
    ],
)
def test_a_format_that_contradicts_itself_is_refused(fields, problem):
    whole = {"name": "t", "landmarks": ("a", "b", "c"), "mirror": (0, 2, 1), **fields}
    with pytest.raises(ShapeMismatchError, match=problem):
        LandmarkFormat(**whole)


@pytest.mark.parametrize("name", [*format_names(), "points-4"])
def test_a_format_survives_its_table_and_pickling(name):
    known = landmark_format(name)
    assert format_from_table(table_from_format(known)) == known
    assert pickle.loads(pickle.dumps(known)) == known
    assert hash(pickle.loads(pickle.dumps(known))) == hash(known)


@pytest.mark.parametrize("name", ["300w-68", "wflw-98"])
def test_every_landmark_of_the_large_face_formats_is_defined_in_one_line(name):
    known = landmark_format(name)
    assert set(known.definitions) == set(known.landmarks)
    assert len(set(known.definitions.values())) == len(known)
    for landmark, text in known.definitions.items():
        assert 10 < len(text) < 100
        sides = {side for side in ("right", "left") if side in text.lower().split()}
        if landmark.startswith(("right_", "left_")):
            assert sides == {landmark.split("_")[0]}, landmark


def test_definitions_survive_the_table_and_make_no_other_format():
    known = landmark_format("300w-68")
    table = table_from_format(known)
    assert format_from_table(table).definitions == known.definitions
    bare = format_from_table({**table, "definitions": {}})  # as an earlier version wrote it
    assert bare == known


def test_the_tables_of_a_format_cannot_be_changed():
    with pytest.raises(TypeError):
        FACE.spans["eyes"] = (0, 1)


def test_formats_are_mapped_directly_or_through_a_third():
    mafl, inner = landmark_format("mafl-5"), landmark_format("300w-inner-41")
    assert index_map(inner, FACE) == tuple(range(27, 68))
    through = index_map(mafl, inner)
    assert [inner.maps["300w-68"][i] for i in through] == list(mafl.maps["300w-68"])
    assert index_map(FACE, FACE) == tuple(range(68))


def test_there_is_no_map_where_a_landmark_has_no_counterpart():
    assert index_map(landmark_format("points-2"), FACE) is None
    assert index_map(landmark_format("aflw-19"), landmark_format("300w-inner-41")) is None


def test_predefined_formats_are_smaller_and_increasing():
    found = predefined_formats(FACE)
    assert {"mafl-5", "lfw-10", "aflw-19"} <= set(found)
    assert FACE.name not in found
    assert all(list(v) == sorted(set(v)) and len(v) < 68 for v in found.values())


def small_sparse() -> SparseFormat:
    return SparseFormat(landmark_format("points-4"), (1, 3), (1, 1, 3, 3))


def test_a_sparse_format_knows_its_rest_and_names():
    sparse = small_sparse()
    assert (len(sparse), sparse.rest, sparse.names) == (2, (0, 2), ("1", "3"))


@pytest.mark.parametrize("chosen", [(), (3, 1), (1, 1), (-1, 2), (2, 4)])
def test_a_sparse_format_refuses_wrong_indices(chosen):
    with pytest.raises(ShapeMismatchError, match=r"increase within 0\.\.3"):
        SparseFormat(landmark_format("points-4"), chosen, (1, 1, 3, 3))


@pytest.mark.parametrize("represented_by", [(1, 1, 3), (1, 1, 3, 2)])
def test_every_landmark_is_represented_by_a_chosen_one(represented_by):
    with pytest.raises(ShapeMismatchError, match="represented_by"):
        SparseFormat(landmark_format("points-4"), (1, 3), represented_by)


def test_a_sparse_format_survives_its_file(tmp_path):
    path = tmp_path / "deep" / "m2 é.toml"
    small_sparse().save(path, {"min_correlation": 0.5})
    assert SparseFormat.load(path) == small_sparse()
    assert read_toml(path)["details"]["min_correlation"] == 0.5


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        ("[sparse]", "[spares]", "sparse: this field is missing"),
        ("represented_by", "stands_for", "represented_by: this field is missing"),
        ("landmarks = [", "marks = [", "landmarks: this field is missing"),
        ('name = "points-4"\n', "", "name: this field is missing"),
        ("represented_by = [", "represented_by = 3 # [", "not a TOML file"),
        ("    3,\n]\nnames", "    9,\n]\nnames", "must increase within"),
        ('    "3",\n]', '    "2",\n]', "'names' are '1', '2', but 'chosen' are '1', '3'"),
        ("    1,\n    3,\n]", "    true,\n    3,\n]", "expected a whole number, got True"),
        ("    1,\n    3,\n]", "    1.0,\n    3,\n]", "expected a whole number, got 1.0"),
    ],
)
def test_a_broken_sparse_file_is_refused_by_name(tmp_path, before, after, problem):
    path = tmp_path / "m2.toml"
    small_sparse().save(path)
    text = path.read_text("utf-8")
    assert before in text
    path.write_text(text.replace(before, after, 1), "utf-8")
    with pytest.raises(FileFormatError, match=problem) as caught:
        SparseFormat.load(path)
    assert caught.value.path == path


def test_what_cannot_be_read_as_toml_is_refused(tmp_path):
    with pytest.raises(FileFormatError, match="cannot be read"):
        read_toml(tmp_path / "none.toml")
    (tmp_path / "a.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(FileFormatError, match="not a TOML file"):
        read_toml(tmp_path / "a.toml")


@pytest.mark.parametrize("count", ["1000001", "9" * 30, "9" * 5000])
def test_a_nameless_format_that_would_fill_the_memory_is_not_known(count):
    with pytest.raises(UnknownNameError, match="unknown landmark format"):
        landmark_format(f"points-{count}")
    with pytest.raises(UnknownNameError, match="has no landmark"):
        landmark_format("points-3").index_of(count)


def test_toml_of_endless_brackets_is_refused(tmp_path):
    path = tmp_path / "deep.toml"
    path.write_text("a = " + "[" * 100_000)
    with pytest.raises(FileFormatError, match=r"deep\.toml: not a TOML file"):
        read_toml(path)


def test_whether_a_contour_is_closed_is_a_truth_value():
    table = table_from_format(FACE)
    table["contours"][0]["closed"] = "no"
    with pytest.raises(ShapeMismatchError, match="closed: expected true or false, got 'no'"):
        format_from_table(table)


def test_toml_of_a_number_beyond_reading_is_refused_and_a_byte_order_mark_is_none(tmp_path):
    path = tmp_path / "a.toml"
    path.write_text("a = " + "1" * 5000)
    with pytest.raises(FileFormatError, match=r"a\.toml: not a TOML file") as caught:
        read_toml(path)
    assert "sys." not in str(caught.value)
    path.write_text("a = 1", "utf-8-sig")
    assert read_toml(path) == {"a": 1}
