import functools
import os
from pathlib import Path

import pytest

from datasets.errors import TrainingError
from weaksup.experiments.pool import run_tasks
from weaksup.stopping import StoppedError

DONE: list[str] = []
NEEDS = {"c": ("b",), "a": (), "b": ("a",), "other": ()}


def never():
    return False


def note(task):
    DONE.append(task)


def prepare(_sign):
    DONE.clear()


def write(folder, task):
    before = {path.name for path in folder.iterdir()}
    assert set(NEEDS[task]) <= before
    (folder / task).write_text(str(os.getpid()), encoding="utf-8")


def nothing(_sign):
    pass


def test_each_task_is_done_once_after_those_that_it_needs():
    told = []
    failed = run_tasks(
        NEEDS, note, prepare, processes=1, stop=never, on_progress=lambda *n: told.append(n)
    )
    assert failed == {}
    assert sorted(DONE) == ["a", "b", "c", "other"]
    assert DONE.index("a") < DONE.index("b") < DONE.index("c")
    assert told[-1] == (4, 4)


def test_other_processes_keep_the_order_as_well(tmp_path: Path):
    work = functools.partial(write, tmp_path)
    assert run_tasks(NEEDS, work, nothing, processes=2, stop=never) == {}
    written = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()}
    assert set(written) == set(NEEDS)
    assert str(os.getpid()) not in written.values()


def test_what_needs_a_failed_task_is_not_done_and_the_rest_is():
    def work(task):
        if task == "a":
            raise TrainingError("no luck")
        note(task)

    failed = run_tasks(NEEDS, work, prepare, processes=1, stop=never)
    assert failed == {"a": "no luck; 2 more tasks need it"}
    assert DONE == ["other"]


def test_a_fault_of_the_program_is_told_by_its_kind():
    def work(_task):
        raise KeyError("x")

    assert run_tasks({"a": ()}, work, prepare, processes=1, stop=never) == {"a": "KeyError: 'x'"}


def test_tasks_stop_when_asked():
    failed = run_tasks(NEEDS, note, prepare, processes=1, stop=lambda: len(DONE) >= 2)
    assert failed == {}
    assert len(DONE) == 2


def test_a_task_that_gave_up_is_not_done_and_did_not_fail():
    def work(task):
        if task == "a":
            raise StoppedError
        note(task)

    assert run_tasks(NEEDS, work, prepare, processes=1, stop=never) == {}
    assert DONE == ["other"]


def die(folder, task):
    if task == "a" or (task == "b" and not (folder / "once").exists()):
        (folder / "once").touch()
        os._exit(1)
    (folder / task).touch()


def test_a_process_that_dies_costs_only_the_task_to_blame(tmp_path: Path):
    needs = dict.fromkeys("abcdefg", ()) | {"after a": ("a",), "after b": ("b",)}
    failed = run_tasks(needs, functools.partial(die, tmp_path), nothing, processes=2, stop=never)
    told = "its process ended without a word, for want of memory perhaps; 1 more tasks need it"
    assert failed == {"a": told}
    assert {path.name for path in tmp_path.iterdir()} == {*"bcdefg", "after b", "once"}


def unprepared(_sign):
    raise TrainingError("no room for the data")


def test_what_keeps_processes_from_beginning_is_told_of_every_task():
    needs = {"a": (), "b": ()}
    failed = run_tasks(needs, functools.partial(write, None), unprepared, processes=2, stop=never)
    assert failed == {"a": "no room for the data", "b": "no room for the data"}


def test_an_interrupt_ends_it():
    def work(_task):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_tasks(NEEDS, work, prepare, processes=1, stop=never)


def test_a_task_of_this_process_sees_that_it_shall_stop():
    signs, asked = [], []

    def work(_task):
        asked.append(1)
        if signs[0].is_set():
            raise StoppedError
        note("too late")

    DONE.clear()
    assert run_tasks(NEEDS, work, signs.append, processes=1, stop=lambda: bool(asked)) == {}
    assert (DONE, asked) == ([], [1])
