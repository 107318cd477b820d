import json
import os
import subprocess
import sys

import psutil
import pytest

from datasets.errors import FileFormatError
from datasets.jobs import LOG_FILE, NOTE_FILE, Job, JobError, find_job, start_job

PATIENCE_S = 60
WAITING = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE)
print("working on", *sys.argv[1:], flush=True)
child.wait()
"""
STUBBORN = """
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
signal.pause()
"""


@pytest.fixture
def imitate(tmp_path, monkeypatch):
    """Let jobs run a script of ours instead of the whole command."""

    def install(script: str) -> None:
        package = tmp_path / "path" / "annotate"
        package.mkdir(parents=True)
        (package / "__init__.py").touch()
        (package / "cli.py").write_text(script)
        monkeypatch.setenv("PYTHONPATH", str(package.parent))
        monkeypatch.chdir(tmp_path)

    return install


@pytest.fixture
def started(tmp_path):
    """Start a job, wait for its first line, and end it after the test whatever happens."""
    jobs = []

    def start(*arguments: str, first_line: str) -> Job:
        jobs.append(start_job(arguments, tmp_path / "run"))
        wait_for_line(jobs[-1], first_line)
        return jobs[-1]

    yield start
    for job in jobs:
        job.stop()


def wait_for_line(job: Job, text: str) -> None:
    """Wait until a job has printed something; the wait ends with the job."""
    process = psutil.Process(job.process)
    for _ in range(PATIENCE_S * 20):
        if text in job.last_lines():
            return
        try:
            process.wait(timeout=0.05)
        except psutil.TimeoutExpired:
            continue
        break
    assert text in job.last_lines()


def ended(job: Job) -> None:
    psutil.Process(job.process).wait(timeout=PATIENCE_S)


def test_a_job_runs_the_command_and_keeps_what_it_printed(tmp_path):
    job = start_job(["--help"], tmp_path / "run")
    ended(job)
    assert not job.running
    assert "Usage: fewmark" in (tmp_path / "run" / LOG_FILE).read_text("utf-8")
    assert find_job(tmp_path / "run") == job


def test_a_job_that_fails_leaves_its_reason(tmp_path):
    job = start_job(["no-such-verb"], tmp_path / "run")
    ended(job)
    assert job.last_lines(1).startswith("Error: No such command 'no-such-verb'")


def test_a_job_that_works_is_found_from_elsewhere(imitate, started):
    imitate(WAITING)
    job = started("train", "runs/first", first_line="working on train runs/first")
    found = find_job(job.folder)
    assert found == job
    assert found.running
    assert found.arguments == ("train", "runs/first")


def test_stopping_ends_the_job_and_its_children(imitate, started):
    imitate(WAITING)
    job = started(first_line="working on")
    children = psutil.Process(job.process).children()
    assert len(children) == 1
    job.stop()
    assert not job.running
    assert not children[0].is_running() or children[0].status() == psutil.STATUS_ZOMBIE


def test_a_job_that_does_not_listen_is_ended_all_the_same(imitate, started, monkeypatch):
    monkeypatch.setattr("datasets.jobs._STOP_AFTER_S", 0.1)
    imitate(STUBBORN)
    job = started(first_line="deaf")
    job.stop()
    ended(job) if job.running else None
    assert not job.running


def test_a_second_job_in_the_same_folder_is_refused(imitate, started):
    imitate(WAITING)
    job = started(first_line="working on")
    with pytest.raises(JobError, match="run: a job is at work here already"):
        start_job(["train"], job.folder)
    assert find_job(job.folder) == job


def test_another_job_may_follow_where_one_ended(tmp_path):
    first = start_job(["--help"], tmp_path)
    ended(first)
    second = start_job(["--help"], tmp_path)
    ended(second)
    assert find_job(tmp_path) == second


def test_a_job_goes_on_in_a_session_of_its_own(imitate, started):
    imitate(WAITING)
    job = started(first_line="working on")
    assert os.getsid(job.process) == job.process


def test_another_process_with_the_same_number_is_not_the_job(tmp_path):
    me = psutil.Process()
    mistaken = Job(tmp_path, (), me.pid, me.create_time() - 1000)
    assert not mistaken.running
    mistaken.stop()
    assert me.is_running()


def test_a_number_that_no_process_has_is_not_running(tmp_path):
    process = subprocess.Popen([sys.executable, "-S", "-c", ""])
    process.wait()
    gone = Job(tmp_path, (), process.pid, 0.0)
    assert not gone.running
    gone.stop()


def test_the_last_lines_are_the_end_of_the_log(tmp_path):
    job = Job(tmp_path, (), 1, 0.0)
    assert job.last_lines() == ""
    (tmp_path / LOG_FILE).write_bytes(b"one\ntwo\nthr\xffee\n")
    assert job.last_lines(2) == "two\nthr\ufffdee"


def test_a_folder_without_a_job_has_none(tmp_path):
    assert find_job(tmp_path) is None
    assert find_job(tmp_path / "missing") is None


@pytest.mark.parametrize(
    "note", ["", "[]", "3", "{}", '{"arguments": 3, "process": 1, "created": 1}']
)
def test_a_broken_note_is_refused(tmp_path, note):
    (tmp_path / NOTE_FILE).write_text(note)
    with pytest.raises(FileFormatError, match="not the note of a job"):
        find_job(tmp_path)


def test_the_note_is_plain_json(tmp_path):
    job = start_job(["--help"], tmp_path)
    ended(job)
    note = json.loads((tmp_path / NOTE_FILE).read_text("utf-8"))
    assert note["arguments"] == ["--help"]
    assert note["process"] == job.process
