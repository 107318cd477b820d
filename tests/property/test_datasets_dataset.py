import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from datasets.dataset import LandmarkDataset
from datasets.samples import sample_table
from datasets.shapes import ShapeSet

seeds = st.integers(0, 2**32 - 1)
texts = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=12)
names = st.lists(texts, max_size=8, unique=True)


def dataset_of(ids: list[str], seed: int, **columns) -> LandmarkDataset:
    rng = np.random.default_rng(seed)
    points = rng.normal(scale=1e3, size=(len(ids), 4, 2))
    points[rng.random((len(ids), 4)) < 0.3] = np.nan
    shapes = ShapeSet.from_points(points)
    seen = np.where(shapes.present, rng.integers(1, 3, (len(ids), 4)), 0).astype(np.uint8)
    return LandmarkDataset(
        ShapeSet(shapes.format, shapes.points, seen), sample_table(ids, **columns)
    )


@settings(max_examples=40)
@given(ids=names, seed=seeds, data=st.data())
def test_any_data_set_survives_its_folder(ids, seed, data):
    rows = {"min_size": len(ids), "max_size": len(ids)}
    splits = data.draw(st.lists(st.none() | texts, **rows))
    heights = data.draw(st.lists(st.none() | st.integers(1, 10**9), **rows))
    edges = data.draw(st.lists(st.just(float("nan")) | st.floats(-1e6, 1e6), **rows))
    before = dataset_of(ids, seed, split=splits, height_px=heights, box_x_min=edges)
    with tempfile.TemporaryDirectory() as folder:
        after = LandmarkDataset.load(before.save(Path(folder) / "set"))
    np.testing.assert_array_equal(after.shapes.points, before.shapes.points)
    np.testing.assert_array_equal(after.shapes.visibility, before.shapes.visibility)
    pd.testing.assert_frame_equal(after.samples, before.samples)


@given(ids=names, others=names, seed=seeds)
def test_joining_loses_no_shape_and_no_landmark(ids, others, seed):
    ours, theirs = dataset_of(ids, seed), dataset_of(others, seed + 1)
    joined = ours.joined(theirs)
    assert joined.samples["shape_id"].tolist() == ids + [n for n in others if n not in ids]
    for row, name in enumerate(joined.samples["shape_id"]):
        expected = np.full((4, 2), np.nan)
        for part, known in ((theirs, others), (ours, ids)):
            if name in known:
                points = part.shapes.points[known.index(name)]
                expected = np.where(np.isnan(points), expected, points)
        np.testing.assert_array_equal(joined.shapes.points[row], expected)


@given(ids=names, seed=seeds)
def test_joining_with_itself_changes_nothing(ids, seed):
    dataset = dataset_of(ids, seed)
    again = dataset.joined(dataset)
    np.testing.assert_array_equal(again.shapes.points, dataset.shapes.points)
    pd.testing.assert_frame_equal(again.samples, dataset.samples)


@given(
    N=st.integers(1, 300), shares=st.tuples(st.floats(0.001, 1), st.floats(0.001, 1)), seed=seeds
)
def test_draws_are_nested_and_of_the_size_asked_for(N, shares, seed):
    dataset = dataset_of([str(i) for i in range(N)], 0)
    small, large = (
        dataset.draw(share, np.random.default_rng(seed)).samples["shape_id"].tolist()
        for share in sorted(shares)
    )
    assert set(small) <= set(large)
    assert len(large) == max(1, round(max(shares) * N))
    assert large == sorted(large, key=int)


@given(
    subjects=st.lists(st.none() | st.sampled_from("abcde"), min_size=2, max_size=40),
    share=st.floats(0.001, 0.999),
    seed=seeds,
)
def test_a_subject_is_never_on_both_sides(subjects, share, seed):
    groups = {subject or f"row {i}" for i, subject in enumerate(subjects)}
    assume(len(groups) > 1)
    ids = [str(i) for i in range(len(subjects))]
    dataset = dataset_of(ids, 0, subject=subjects)
    held_out = dataset.held_out(share, np.random.default_rng(seed)).samples
    sides = {name: set() for name in ("train", "valid")}
    for i, (subject, split) in enumerate(zip(subjects, held_out["split"], strict=True)):
        sides[split].add(subject or f"row {i}")
    assert not sides["train"] & sides["valid"]
    assert sides["train"] | sides["valid"] == groups
    assert len(sides["valid"]) == min(max(1, round(share * len(groups))), len(groups) - 1)


@given(
    subjects=st.lists(st.none() | st.integers(0, 3).map(str), min_size=2, max_size=30),
    order=st.randoms(use_true_random=False),
    seed=seeds,
)
def test_the_same_seed_holds_out_the_same_whatever_the_order(subjects, order, seed):
    assume(subjects[0] is None or len(set(subjects)) > 1)
    ids = [str(i) for i in range(len(subjects))]
    dataset = dataset_of(ids, 0, subject=subjects)
    rows = list(range(len(ids)))
    order.shuffle(rows)
    splits = []
    for part in (dataset, dataset, dataset.take(rows)):
        samples = part.held_out(0.3, np.random.default_rng(seed)).samples
        splits.append(dict(zip(samples["shape_id"], samples["split"], strict=True)))
    assert splits[0] == splits[1] == splits[2]
