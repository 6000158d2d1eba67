"""Uploads: one drop, one run, and a reason for every file that starts nothing."""

from dataclasses import replace

import pytest
from headrace.domain.actions import AdvanceRun, Notify
from headrace.domain.events import RunStatusChanged
from headrace.domain.lane import Lane, Run
from headrace.domain.project import Project
from headrace.rules.decide import decide
from headrace.rules.uploads import FilesArrived, why_not_taken

from tests.headrace.samples import NOW, RUN, TRAINING, uploaded

RAW = "abalone/training/data/raw/"
SCORING = "abalone/batch-scoring/data/raw/"
TRUTH = "abalone/batch-scoring/data/ground-truth/"


def test_the_first_file_opens_a_drop_and_sends_for_its_run(
    project: Project, training: Lane
) -> None:
    decision = decide(project, training, FilesArrived((uploaded(RAW + "a.csv"),)), NOW)
    request = decision.lane.waiting
    assert request is not None
    assert request.quiet_at == NOW + 2
    assert request.description == "upload of 1 file: a.csv"
    assert decision.actions == (AdvanceRun(TRAINING, request.id, 1, NOW + 2),)
    assert decision.drop == (uploaded(RAW + "a.csv"),)


def test_files_within_the_quiet_period_join_the_drop_and_send_for_nothing(
    project: Project, training: Lane
) -> None:
    first = decide(project, training, FilesArrived((uploaded(RAW + "a.csv"),)), NOW)
    later = tuple(uploaded(f"{RAW}{n}.csv", time=NOW + 1) for n in range(5))
    second = decide(project, first.lane, FilesArrived(later), NOW + 1.5)
    request = second.lane.waiting
    assert second.actions == ()
    assert request is not None
    assert first.lane.waiting is not None
    assert request.id == first.lane.waiting.id
    assert request.objects == 6
    assert request.description == "upload of 6 files: a.csv, 0.csv, 1.csv and 3 more"
    assert request.quiet_at == NOW + 1.5 + 2


def test_a_drop_counts_as_quiet_from_its_upload_and_not_from_a_late_delivery(
    project: Project, training: Lane
) -> None:
    decision = decide(
        project, training, FilesArrived((uploaded(RAW + "a.csv", time=NOW - 3600),)), NOW
    )
    assert decision.lane.waiting is not None
    assert decision.lane.waiting.quiet_at == NOW - 3600 + 1 + 2


def test_files_that_arrive_during_a_run_wait_and_merge(project: Project, training: Lane) -> None:
    busy = replace(training, current=Run("upload-1", NOW - 60, "", RUN))
    first = decide(project, busy, FilesArrived((uploaded(RAW + "a.csv"),)), NOW)
    second = decide(project, first.lane, FilesArrived((uploaded(RAW + "b.csv"),)), NOW + 500)
    assert first.actions == second.actions == ()
    assert second.lane.waiting is not None
    assert second.lane.waiting.objects == 2


def test_a_request_has_the_same_name_however_often_it_is_decided(
    project: Project, training: Lane
) -> None:
    event = FilesArrived((uploaded(RAW + "a.csv"),))
    assert decide(project, training, event, NOW) == decide(project, training, event, NOW)


def test_scoring_input_without_a_live_model_waits_and_says_so(project: Project) -> None:
    lane = Lane(project.pipelines.inference)
    decision = decide(project, lane, FilesArrived((uploaded(SCORING + "a.csv"),)), NOW)
    (notify,) = decision.actions
    assert isinstance(notify, Notify)
    assert notify.message.kind == "drop-waits"
    assert "a.csv" in notify.message.text
    assert decision.lane.waiting is not None


def test_ground_truth_alone_starts_nothing(project: Project, inference: Lane) -> None:
    decision = decide(project, inference, FilesArrived((uploaded(TRUTH + "a.csv"),)), NOW)
    assert decision.lane == inference
    assert (decision.actions, decision.drop) == ((), ())
    assert decision.audit[0].outcome == "kept-for-scoring-run"


def test_ground_truth_keeps_an_open_drop_open_and_is_not_its_data(
    project: Project, inference: Lane
) -> None:
    opened = decide(project, inference, FilesArrived((uploaded(SCORING + "a.csv"),)), NOW)
    later = decide(
        project, opened.lane, FilesArrived((uploaded(TRUTH + "a.csv", time=NOW + 1),)), NOW + 1
    )
    assert later.lane.waiting is not None
    assert later.lane.waiting.quiet_at == NOW + 3
    assert later.lane.waiting.objects == 1
    assert later.drop == ()


@pytest.mark.parametrize(
    ("key", "size", "says"),
    [
        ("abalone/training/raw/a.csv", 9, "outside the watched folders abalone/training/data/raw/"),
        (RAW + "a.csv.bak", 9, "does not end with .csv"),
        (RAW + "a.csv", 0, "it is empty (0 bytes)"),
        (RAW + "a" * 300 + ".csv", 9, "304 bytes"),
        (RAW + "x//a.csv", 9, "empty, '.' or '..' part"),
        (RAW + "../a.csv", 9, "empty, '.' or '..' part"),
    ],
)
def test_a_file_that_is_not_data_is_reported_with_its_reason(
    project: Project, training: Lane, key: str, size: int, says: str
) -> None:
    decision = decide(project, training, FilesArrived((uploaded(key, size=size),)), NOW)
    (notify,) = decision.actions
    assert isinstance(notify, Notify)
    assert says in notify.message.text
    assert key in notify.message.text
    assert decision.lane == training
    assert says in decision.audit[0].reason


@pytest.mark.parametrize(
    "name",
    [
        "heavy shells+1.csv",
        "%2B.csv",
        "größe.csv",
        "a=b&c.csv",
        "'; drop.csv",
        "/".join("abc" * 80) + ".csv",
    ],
)
def test_odd_names_are_data(project: Project, name: str) -> None:
    assert why_not_taken(project, uploaded(RAW + name)) == ""


def test_many_bad_files_are_one_message(project: Project, training: Lane) -> None:
    files = tuple(uploaded(f"{RAW}{n}.bak") for n in range(40))
    (notify,) = decide(project, training, FilesArrived(files), NOW).actions
    assert isinstance(notify, Notify)
    assert "and 39 more files with it" in notify.message.text


def test_a_folder_made_in_the_console_is_no_news(project: Project, training: Lane) -> None:
    decision = decide(project, training, FilesArrived((uploaded(RAW, size=0),)), NOW)
    assert decision.actions == ()


@pytest.fixture
def triggered(project: Project) -> Project:
    return replace(project, trigger_file="_SUCCESS")


def test_a_trigger_file_ends_the_drop_and_is_not_data(triggered: Project, training: Lane) -> None:
    opened = decide(triggered, training, FilesArrived((uploaded(RAW + "a.csv"),)), NOW)
    assert opened.actions == ()
    assert opened.lane.waiting is not None
    assert opened.lane.waiting.quiet_at is None
    trigger = uploaded(RAW + "_SUCCESS", size=0, time=NOW + 9000)
    ended = decide(triggered, opened.lane, FilesArrived((trigger,)), NOW + 9000)
    (action,) = ended.actions
    assert isinstance(action, AdvanceRun)
    assert action.not_before == NOW + 9002
    assert ended.drop == ()
    assert ended.lane.waiting is not None
    assert ended.lane.waiting.objects == 1


def test_files_reported_after_their_trigger_file_still_join_its_drop(
    triggered: Project, training: Lane
) -> None:
    trigger = FilesArrived((uploaded(RAW + "_SUCCESS", size=0),))
    first = decide(triggered, training, trigger, NOW)
    assert first.actions == ()  # a trigger file alone has nothing to run
    second = decide(triggered, first.lane, FilesArrived((uploaded(RAW + "a.csv"),)), NOW + 1)
    assert len(second.actions) == 1
    assert second.lane.waiting is not None
    assert second.lane.waiting.objects == 1
    assert second.lane.waiting.quiet_at == NOW + 3  # more of them may come


@pytest.mark.parametrize(("time", "sent_for"), [(NOW - 1, 1), (NOW, 1), (NOW + 1, 0)])
def test_a_file_reported_after_the_run_of_its_trigger_file_needs_no_other(
    triggered: Project, training: Lane, time: float, sent_for: int
) -> None:
    trigger = uploaded(RAW + "_SUCCESS", size=0, time=NOW)
    ended = decide(triggered, training, FilesArrived((uploaded(RAW + "a.csv"), trigger)), NOW)
    running = replace(ended.lane, waiting=None)  # its run has come and gone
    late = uploaded(RAW + "b.csv", time=time)
    decision = decide(triggered, running, FilesArrived((late,)), NOW + 9000)
    assert len(decision.actions) == sent_for


def test_a_free_lane_does_not_send_for_a_drop_without_its_trigger_file(
    triggered: Project, training: Lane
) -> None:
    busy = replace(training, current=Run("upload-1", NOW - 60, "", RUN))
    waits = decide(triggered, busy, FilesArrived((uploaded(RAW + "a.csv"),)), NOW)
    ended = RunStatusChanged(TRAINING, RUN, "Succeeded", "upload-1", NOW)
    freed = decide(triggered, waits.lane, ended, NOW)
    assert freed.actions == ()
    assert freed.lane.waiting == waits.lane.waiting
