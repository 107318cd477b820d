"""Shapes read part by part, here and on a Dask cluster."""

import os

import numpy as np
import pyarrow.parquet as pq
import pytest

from datasets.alignment import ALIGNMENTS
from datasets.dataset import LandmarkDataset, write_parts
from datasets.errors import FewmarkError, FileFormatError, ShapeMismatchError, UnknownNameError
from datasets.moments import moments_of
from datasets.samples import sample_table
from datasets.shapes import ShapeSet
from datasets.sources import ShapeSource, connected, holds_source, moments_of_source
from datasets.storage import SHAPES_FILE

ROWS = 40  # of a row group in these tests


def small(N=150, M=4, first=0, seed=0):
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(M, 2)) + 0.3 * rng.normal(size=(N, M, 2))
    points[rng.random((N, M)) < 0.1] = np.nan
    points[:, :2] = np.nan_to_num(points[:, :2], nan=0.5)
    names = [f"s{first + i}" for i in range(N)]
    split = [["train", "valid", None][i % 3] for i in range(N)]
    return LandmarkDataset(ShapeSet.from_points(points), sample_table(names, split=split))


@pytest.fixture
def dataset():
    return small()


@pytest.fixture
def folder(dataset, tmp_path, monkeypatch):
    monkeypatch.setattr("datasets.storage._PART_BYTES", ROWS * 8 * 4 * 2)
    return dataset.save(tmp_path / "d")


def points_of(source):
    return np.concatenate([chunk.points for chunk in source])


def test_row_groups_are_bounded_and_chunks_are_the_shapes(dataset, folder):
    about = pq.read_metadata(folder / SHAPES_FILE)
    assert [about.row_group(i).num_rows for i in range(about.num_row_groups)] == [40, 40, 40, 30]
    source = ShapeSource.open(folder)
    assert [len(chunk) for chunk in source] == [40, 40, 40, 30]
    assert len(source) == 150
    np.testing.assert_array_equal(points_of(source), dataset.shapes.points)
    assert {chunk.format.landmarks for chunk in source} == {dataset.format.landmarks}


def test_one_huge_row_group_is_read_in_chunks_too(dataset, folder):
    table = pq.read_table(folder / SHAPES_FILE)
    pq.write_table(table, folder / SHAPES_FILE, row_group_size=10**6)
    source = ShapeSource.open(folder)
    assert source.part_rows == (150,)
    assert [len(chunk) for chunk in source] == [40, 40, 40, 30]
    np.testing.assert_array_equal(points_of(source), dataset.shapes.points)


def test_parts_written_one_by_one_are_the_data_set_at_once(tmp_path):
    parts = [small(30), small(20, first=30, seed=1)]
    parts[0].samples["split"] = None  # a column of the first part that knows nothing
    found = LandmarkDataset.load(write_parts(iter(parts), tmp_path / "p"))
    np.testing.assert_array_equal(
        found.shapes.points, np.concatenate([p.shapes.points for p in parts])
    )
    assert found.samples["shape_id"].tolist() == [f"s{i}" for i in range(50)]
    assert found.splits == ("train", "valid")


def test_parts_that_do_not_fit_are_refused_and_leave_nothing(tmp_path):
    with pytest.raises(ShapeMismatchError, match="no part"):
        write_parts([], tmp_path / "p")
    with pytest.raises(ShapeMismatchError, match="differ"):
        write_parts([small(), small(M=5)], tmp_path / "p")
    assert list((tmp_path / "p").iterdir()) == []


def test_splits_and_shares_are_those_of_the_data_set(dataset, folder):
    source = ShapeSource.open(folder).split("valid")
    expected = dataset.split("valid")
    assert len(source) == len(expected) == 50
    np.testing.assert_array_equal(points_of(source), expected.shapes.points)
    for whole, part in ((dataset, ShapeSource.open(folder)), (expected, source)):
        a, b = (d.draw(0.3, np.random.default_rng(5)) for d in (whole, part))
        np.testing.assert_array_equal(points_of(b), a.shapes.points)
    with pytest.raises(UnknownNameError, match="'test'; splits are: train, valid"):
        ShapeSource.open(folder).split("test")
    with pytest.raises(ShapeMismatchError, match="share"):
        source.draw(0.0, np.random.default_rng(0))


def test_a_folder_without_splits_says_so(folder):
    table = pq.read_table(folder / SHAPES_FILE).drop_columns(["split"])
    pq.write_table(table, folder / SHAPES_FILE)
    with pytest.raises(UnknownNameError, match="splits are: none"):
        ShapeSource.open(folder).split("train")


def test_broken_folders_are_named(folder, tmp_path):
    assert holds_source(folder)
    assert not holds_source(tmp_path)
    with pytest.raises(FileFormatError, match=r"dataset\.toml"):
        ShapeSource.open(tmp_path)
    table = pq.read_table(folder / SHAPES_FILE)
    pq.write_table(table.drop_columns(["points"]), folder / SHAPES_FILE)
    with pytest.raises(FileFormatError, match="column 'points' is missing"):
        list(ShapeSource.open(folder))
    (folder / SHAPES_FILE).write_bytes(b"PAR1")
    with pytest.raises(FileFormatError, match="not a readable Parquet file"):
        ShapeSource.open(folder)


@pytest.mark.parametrize("alignment", ALIGNMENTS)
def test_moments_of_a_source_are_those_of_its_chunks(dataset, folder, alignment):
    found = moments_of_source(ShapeSource.open(folder), alignment)
    points = dataset.shapes.points
    expected = moments_of([points[k : k + ROWS] for k in range(0, 150, ROWS)], alignment)
    np.testing.assert_array_equal(found.scatter, expected.scatter)
    if alignment != "procrustes":
        whole = moments_of([points], alignment)
        np.testing.assert_allclose(found.covariance, whole.covariance, rtol=0, atol=1e-13)


@pytest.fixture(scope="module")
def cluster():
    distributed = pytest.importorskip("distributed")
    import dask

    quiet = {"distributed.worker.memory.terminate": False, "distributed.admin.tick.limit": "1h"}
    with dask.config.set(quiet):
        started = distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=False,
            protocol="tcp://",
            host="127.0.0.1",
            dashboard_address=None,
        )
        with started:
            yield started


@pytest.mark.parametrize("alignment", ALIGNMENTS)
def test_a_dask_cluster_finds_the_same_moments(folder, cluster, alignment):
    source = ShapeSource.open(folder)
    with connected(cluster.scheduler_address) as connection:
        for one in (source, source.split("valid")):
            shared = moments_of_source(one, alignment, connection)
            alone = moments_of_source(one, alignment)
            np.testing.assert_array_equal(shared.count, alone.count)
            np.testing.assert_allclose(shared.scatter, alone.scatter, rtol=0, atol=1e-10)
            np.testing.assert_allclose(shared.pair_mean, alone.pair_mean, rtol=0, atol=1e-10)
            assert (shared.n_shapes, shared.n_incomplete) == (alone.n_shapes, alone.n_incomplete)


def test_a_first_chunk_without_pairs_is_no_reference(dataset, folder, cluster):
    points = dataset.shapes.points.copy()
    points[: ROWS + 5, 1:] = np.nan
    LandmarkDataset(ShapeSet.from_points(points), dataset.samples).save(folder)
    source = ShapeSource.open(folder)
    alone = moments_of_source(source, "procrustes")
    assert alone.n_passed_over == ROWS + 5
    with connected(cluster.scheduler_address) as connection:
        shared = moments_of_source(source, "procrustes", connection)
    np.testing.assert_allclose(shared.scatter, alone.scatter, rtol=0, atol=1e-10)
    assert shared.n_passed_over == alone.n_passed_over


def test_what_a_worker_finds_broken_is_named_here(folder, cluster):
    table = pq.read_table(folder / SHAPES_FILE)
    codes = table.column("visibility").to_pylist()
    codes[-1] = [7, 7, 7, 7]
    place = table.column_names.index("visibility")
    table = table.set_column(place, "visibility", [codes])
    pq.write_table(table, folder / SHAPES_FILE, row_group_size=ROWS)
    with (
        connected(cluster.scheduler_address) as connection,
        pytest.raises(FewmarkError, match="visibility: expected 0, 1 or 2"),
    ):
        moments_of_source(ShapeSource.open(folder), client=connection)


def test_sources_without_a_shape_have_no_moments(dataset, folder, cluster):
    dataset.take([]).save(folder)
    source = ShapeSource.open(folder)
    assert len(source) == 0
    with pytest.raises(ShapeMismatchError, match="no shape"):
        moments_of_source(source)
    with (
        connected(cluster.scheduler_address) as connection,
        pytest.raises(ShapeMismatchError, match="no shape"),
    ):
        moments_of_source(source, client=connection)


def test_an_address_where_nobody_answers_is_named(monkeypatch):
    monkeypatch.setattr("datasets.sources._CONNECT_LIMIT_S", 0.5)
    with pytest.raises(FewmarkError, match=r"no Dask cluster answers at tcp://127\.0\.0\.1:9"):
        connected("tcp://127.0.0.1:9")
    with pytest.raises(FewmarkError, match="no Dask cluster answers at nonsense://x"):
        connected("nonsense://x")


def test_without_dask_it_is_said_how_to_install_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    with pytest.raises(FewmarkError, match=r"pip install 'fewmark\[dask\]'"):
        connected("tcp://127.0.0.1:9")


def test_a_folder_whose_name_is_not_utf_8_is_read_part_by_part(dataset, tmp_path):
    source = ShapeSource.open(dataset.save(tmp_path / os.fsdecode(b"caf\xe9")))
    np.testing.assert_array_equal(points_of(source), dataset.shapes.points)
