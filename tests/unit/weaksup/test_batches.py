import torch

from weaksup.batches import epoch_batches

ROWS = torch.arange(100, 140)
DENSE = ROWS < 104


def batches(share, dense=DENSE, seed=0):
    return epoch_batches(ROWS, dense, share, 5, torch.Generator().manual_seed(seed))


def test_without_a_share_every_image_comes_once():
    drawn = batches(0.0)
    assert [len(batch) for batch in drawn] == [8] * 5
    assert torch.equal(torch.cat(drawn).sort().values, ROWS)


def test_a_share_of_every_batch_is_dense_and_each_of_them_comes_as_often():
    drawn = batches(0.25)
    assert [int((batch < 104).sum()) for batch in drawn] == [2] * 5
    assert [len(batch) for batch in drawn] == [8] * 5
    counts = torch.cat(drawn).bincount(minlength=140)[100:]
    assert set(counts[:4].tolist()) == {2, 3}
    assert counts[4:].max() == 1
    assert counts.sum() == 40


def test_where_more_images_are_dense_than_asked_every_image_comes_once():
    for share in (0.1, 0.05):
        assert torch.equal(torch.cat(batches(share)).sort().values, ROWS)
    everything = torch.ones(40, dtype=torch.bool)
    assert torch.equal(torch.cat(batches(0.5, everything)).sort().values, ROWS)


def test_the_order_is_that_of_the_generator():
    first, again, other = (torch.cat(batches(0.25, seed=s)) for s in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_batches_of_a_share_are_of_nearly_equal_size():
    for n, steps in ((9, 4), (11, 5), (30, 7), (41, 6)):
        rows = torch.arange(n)
        drawn = epoch_batches(rows, rows < 2, 0.3, steps, torch.Generator())
        sizes = [len(batch) for batch in drawn]
        assert (len(drawn), sum(sizes)) == (steps, n)
        assert min(sizes) >= n // steps
        assert max(sizes) <= n // steps + 2
