from datasets.progress import Progress, ignore_progress


def count(on_progress: Progress = ignore_progress) -> int:
    for done in range(3):
        on_progress(done)
        on_progress(done, 3)
    return 3


def test_progress_is_ignored_unless_somebody_watches():
    assert count() == 3


def test_anything_that_takes_done_and_total_can_watch():
    seen = []
    count(lambda *progress: seen.append(progress))
    assert seen == [(0,), (0, 3), (1,), (1, 3), (2,), (2, 3)]
