"""The demo only chooses commands: these tests watch which it runs, and when."""

import json
from pathlib import Path

import pytest

from annotate.demo import RESULT_FILE, DemoError, DemoSettings, demo_steps, run_demo
from datasets.errors import FewmarkError, FileFormatError


class Recorder:
    """Runs nothing, leaves a folder where the command would, prints what evaluate would."""

    def __init__(self, fail_at=None):
        self.commands = []
        self.fail_at = fail_at

    def __call__(self, arguments):
        self.commands.append(list(arguments))
        if arguments[0] == self.fail_at:
            Path(arguments[1]).mkdir(parents=True)
            raise FewmarkError("the power went off")
        if arguments[0] == "evaluate":
            rates = {"nme": 0.0312, "failure_rate_8": 0.25}
            rows = [{"what": "mean shape", "nme": 0.2, "failure_rate_8": 1.0}]
            print(json.dumps({"images": 7, **rates, "rows": rows}))

    @property
    def names(self):
        return [command[0] for command in self.commands]


def test_the_whole_job_runs_in_its_order_and_ends_in_a_table(tmp_path):
    run = Recorder()
    said = []
    result = run_demo(tmp_path / "w", DemoSettings(), run, said.append)
    assert run.names[:9] == [
        "faces", "convert", "select", "project", "project", "export", "train", "infer", "complete",
    ]  # fmt: skip
    assert run.names[9:] == ["evaluate"] * 2
    assert [row["NME"] for row in result["rows"]] == ["20.00%", "3.12%", "3.12%"]
    assert sum("$ fewmark " in line for line in said) == 9


def test_every_command_after_the_first_reads_what_an_earlier_one_wrote(tmp_path):
    steps = demo_steps(tmp_path, DemoSettings())
    written = [str(step.leaves) for step in steps if step.leaves is not None]
    for path in written[:-2]:
        readers = [step for step in steps if path in step.command and str(step.leaves) != path]
        assert readers, f"nothing reads {path}"


def test_a_finished_demo_is_not_run_again(tmp_path):
    first = run_demo(tmp_path / "w", DemoSettings(), Recorder(), lambda _: None)
    again = Recorder()
    assert run_demo(tmp_path / "w", DemoSettings(), again, lambda _: None) == first
    assert again.commands == []


def test_an_interrupted_demo_goes_on_at_the_step_that_broke(tmp_path):
    with pytest.raises(FewmarkError, match="power"):
        run_demo(tmp_path / "w", DemoSettings(), Recorder(fail_at="train"), lambda _: None)
    assert (tmp_path / "w" / "runs" / "demo").exists()
    rest = Recorder()
    run_demo(tmp_path / "w", DemoSettings(), rest, lambda _: None)
    assert rest.names == ["train", "infer", "complete", "evaluate", "evaluate"]
    assert not (tmp_path / "w" / "runs" / "demo").exists(), "what the broken step left was removed"


def test_paths_with_spaces_stay_one_argument(tmp_path):
    run = Recorder()
    run_demo(tmp_path / "my work", DemoSettings(), run, lambda _: None)
    assert run.commands[0][1] == str(tmp_path / "my work" / "data" / "faces")


def test_a_folder_with_other_things_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("three years of work")
    with pytest.raises(DemoError, match="not empty"):
        run_demo(tmp_path, DemoSettings(), Recorder(), lambda _: None)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_demo_of_other_sizes_is_refused(tmp_path):
    run_demo(tmp_path / "w", DemoSettings(faces=100), Recorder(), lambda _: None)
    with pytest.raises(DemoError, match="other sizes"):
        run_demo(tmp_path / "w", DemoSettings(faces=200), Recorder(), lambda _: None)


@pytest.mark.parametrize("text", ["{", "[]", "{}"])
def test_a_broken_note_is_named(tmp_path, text):
    (tmp_path / RESULT_FILE).write_text(text)
    with pytest.raises(FileFormatError, match=RESULT_FILE):
        run_demo(tmp_path, DemoSettings(), Recorder(), lambda _: None)
