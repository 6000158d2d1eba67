"""Ground truth that comes after its scoring run began, on real DynamoDB and S3 APIs."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from headrace.adapters import client as aws
from headrace.adapters import data_bucket
from headrace.adapters.eventbridge import parse_json
from headrace.adapters.ledger import Ledger
from headrace.domain.errors import RetryableError
from headrace.domain.events import digest
from headrace.domain.lane import Lane, Request
from headrace.domain.project import Project
from headrace.rules.decide import decide
from headrace.rules.uploads import FilesArrived
from headrace.use_cases.advance_run import Advanced, advance

from tests.headrace import handed_in
from tests.headrace.samples import HPO, INFERENCE, NOW, TRUTH_CHECKS, payload, uploaded
from tests.headrace.scored_files import ARN, SCORING, TRUTH, Place


@pytest.fixture
def place(ledger: Ledger, project: Project, monkeypatch: pytest.MonkeyPatch, request: Any) -> Place:
    bucket = f"truth-{abs(hash(request.node.name)):x}"
    aws.client("s3").create_bucket(Bucket=bucket)
    aws.client("s3").put_bucket_versioning(
        Bucket=bucket, VersioningConfiguration={"Status": "Enabled"}
    )
    ledger.put_project(project)
    lane = ledger.lane(INFERENCE)
    ledger.claim(lane, replace(lane, rollout=replace(lane.rollout, live="arn:model")))
    place: Place
    inbox = handed_in.inbox(ledger, lambda *_: None, lambda: place.clock, name=bucket)
    place, sagemaker = Place(bucket, inbox), inbox.sagemaker
    monkeypatch.setattr(sagemaker, "start", place.start)
    monkeypatch.setattr(sagemaker, "first", lambda pipeline, name, since: place.runs.get(name))
    monkeypatch.setattr(
        sagemaker,
        "parameters",
        lambda arn: {
            one["Name"]: one["Value"]
            for start, made in zip(place.starts, place.arns, strict=False)
            for one in start["PipelineParameters"]
            if made == arn
        },
    )
    monkeypatch.setattr(
        sagemaker, "find", lambda pipeline, name, since: getattr(place.runs.get(name), "arn", None)
    )
    return place


def test_late_ground_truth_is_checked_on_the_predictions_of_its_run(place: Place) -> None:
    run = place.scored("a b.csv", "sub/größe.csv")
    place.drop(TRUTH, "a b.csv", "sub/größe.csv")
    reason = place.advance(TRUTH_CHECKS).reason
    assert reason is not None
    assert reason.startswith("runs as")
    assert place.checked() == [
        (f"{run}/predictions/a b.csv", "a b.csv"),
        (f"{run}/predictions/sub/größe.csv", "sub/größe.csv"),
    ]
    said = place.starts[-1]["PipelineExecutionDescription"]
    assert said == f"ground truth of 2 files for run {run}: a b.csv, sub/größe.csv"


def test_one_drop_of_ground_truth_for_several_runs_is_one_check(place: Place) -> None:
    one, other = place.scored("a.csv"), place.scored("b.csv")
    place.drop(TRUTH, "a.csv", "b.csv")
    place.advance(TRUTH_CHECKS)
    assert place.checked() == [
        (f"{one}/predictions/a.csv", "a.csv"),
        (f"{other}/predictions/b.csv", "b.csv"),
    ]
    said = place.starts[-1]["PipelineExecutionDescription"]
    assert said == f"ground truth of 2 files for runs {one}, {other}: a.csv, b.csv"


def test_ground_truth_before_its_scoring_run_is_claimed_is_that_runs_own(place: Place) -> None:
    place.drop(TRUTH, "a.csv")
    place.drop(SCORING, "a.csv", "b.csv")
    place.drop(TRUTH, "b.csv")
    assert place.ledger.lane(TRUTH_CHECKS) == Lane(TRUTH_CHECKS)
    place.advance(INFERENCE)
    given = {one["Name"]: one["Value"] for one in place.starts[-1]["PipelineParameters"]}
    assert place.inbox.bucket.read_json(given["GroundTruth"])[1:] == ["a.csv", "b.csv"]


def test_late_events_of_ground_truth_that_the_run_used_start_no_check(place: Place) -> None:
    message = place.put(TRUTH + "a.csv")
    place.scored("a.csv")
    assert place.inbox.handle([message]) == []
    answer = place.advance(TRUTH_CHECKS)
    assert answer == Advanced("done", "no ground truth is left to check")
    assert place.why_not() == ["a.csv: run run1 already used it"]
    assert place.ledger.lane(TRUTH_CHECKS).waiting is None
    assert len(place.starts) == 1


def test_corrected_ground_truth_is_checked_again_and_a_second_delivery_is_not(
    place: Place,
) -> None:
    run = place.scored("a.csv")
    messages = [place.put(TRUTH + "a.csv")]
    place.inbox.handle(messages)
    place.advance(TRUTH_CHECKS)
    place.ends(TRUTH_CHECKS, "Succeeded")
    assert place.inbox.handle(messages) == []
    assert place.ledger.lane(TRUTH_CHECKS).waiting is None
    place.drop(TRUTH, "a.csv")
    place.advance(TRUTH_CHECKS)
    assert len(place.starts) == 3
    assert place.checked() == [(f"{run}/predictions/a.csv", "a.csv")]


def test_a_check_waits_minutes_for_its_scoring_run_and_is_not_dispatched_meanwhile(
    place: Place,
) -> None:
    place.drop(SCORING, "a.csv")
    place.advance(INFERENCE)
    place.drop(TRUTH, "a.csv")
    answer = place.advance(TRUTH_CHECKS)
    assert answer == Advanced("wait", until=place.clock + 300)
    waiting = place.ledger.lane(TRUTH_CHECKS).waiting
    assert waiting is not None
    assert waiting.quiet_at == answer.until
    run = place.ends(INFERENCE, "Failed", ("a.csv",))  # it missed its threshold on other files
    place.advance(TRUTH_CHECKS)
    assert place.checked() == [(f"{run}/predictions/a.csv", "a.csv")]


def test_a_run_that_made_no_predictions_is_not_judged(place: Place) -> None:
    run = place.scored("a.csv", "b.csv")
    other = place.scored("c.csv")
    key = f"abalone/runs/{run}/predictions/b.csv"
    aws.client("s3").delete_object(Bucket=place.bucket, Key=key)
    place.drop(TRUTH, "a.csv", "b.csv", "c.csv")
    place.advance(TRUTH_CHECKS)
    assert place.checked() == [
        (f"{run}/predictions/a.csv", "a.csv"),
        (f"{other}/predictions/c.csv", "c.csv"),
    ]
    assert place.why_not() == [f"b.csv: run {run} made no predictions for it"]


def test_ground_truth_of_no_scoring_input_is_kept_for_the_run_that_may_come(place: Place) -> None:
    place.drop(TRUTH, "unknown.csv")
    assert place.ledger.lane(TRUTH_CHECKS) == Lane(TRUTH_CHECKS)
    ((line,),) = [entry["decided"] for entry in place.ledger.audit("abalone")]
    assert line["outcome"] == "kept-for-scoring-run"


def test_scoring_input_that_was_deleted_since_still_has_its_run(place: Place) -> None:
    run = place.scored("a.csv")
    aws.client("s3").delete_object(Bucket=place.bucket, Key=SCORING + "a.csv")
    place.drop(TRUTH, "a.csv")
    place.advance(TRUTH_CHECKS)
    assert place.checked() == [(f"{run}/predictions/a.csv", "a.csv")]


def test_ground_truth_whose_input_is_scored_anew_is_left_to_that_run(place: Place) -> None:
    place.scored("a.csv")
    place.drop(TRUTH, "a.csv")
    place.drop(SCORING, "a.csv")
    waiting = place.ledger.lane(INFERENCE).waiting
    assert waiting is not None
    assert place.advance(TRUTH_CHECKS).outcome == "done"
    why = f"a.csv: the run of {waiting.id} has not started and will look for it"
    assert place.why_not() == [why]
    place.advance(INFERENCE)
    given = {one["Name"]: one["Value"] for one in place.starts[-1]["PipelineParameters"]}
    assert given["GroundTruthAvailable"] == "true"


def test_a_check_whose_start_was_lost_starts_once_more_with_the_same_arguments(
    place: Place,
) -> None:
    place.scored("a.csv")
    place.drop(TRUTH, "a.csv")
    request = place.ledger.lane(TRUTH_CHECKS).waiting
    assert request is not None
    place.broken = True
    with pytest.raises(RetryableError):
        place.advance(TRUTH_CHECKS)
    place.broken = False
    aws.client("s3").delete_object(Bucket=place.bucket, Key=SCORING + "a.csv")
    advance(handed_in.adapters(place.inbox), TRUTH_CHECKS, request.id, place.clock)
    assert place.starts[-2] == place.starts[-1]


def test_a_missed_threshold_of_a_late_check_retunes_as_any_other(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = {"metric": "mse", "value": 16.1, "threshold": 10, "passed": False, "rows": 9}
    monkeypatch.setattr(
        place.inbox.sagemaker, "exit_message_of_failed", lambda *_: json.dumps(said)
    )
    envelope = payload("run_status")
    arn = ARN.format(TRUTH_CHECKS, "late")
    envelope["detail"] |= {"pipelineExecutionArn": arn, "pipelineArn": arn.split("/execution")[0]}
    place.inbox.handle([{"messageId": "1", "body": json.dumps(envelope)}])
    retuning = place.ledger.lane(HPO).waiting
    assert retuning is not None
    assert tuple(map(str, retuning.causes)) == (
        f"retune because mse 16.1 is above the threshold 10 on 9 rows in {arn}",
    )


def test_the_id_of_a_request_says_when_it_was_opened(project: Project, inference: Lane) -> None:
    for pipeline, key in ((INFERENCE, SCORING), (TRUTH_CHECKS, TRUTH)):
        lane = replace(inference, pipeline=pipeline)
        opened = decide(project, lane, FilesArrived((uploaded(key + "a.csv"),)), NOW + 0.7)
        assert opened.lane.waiting is not None
        assert Request.opened(opened.lane.waiting.id) == NOW


def test_what_an_upload_joined_is_remembered_for_more_than_a_year(place: Place) -> None:
    message = place.put(SCORING + "a.csv")
    place.inbox.handle([message])
    key = parse_json(message["body"]).business_key
    item = aws.client("dynamodb").get_item(
        TableName=place.ledger._table.name,
        Key={"pk": {"S": f"SEEN#{digest(key)}"}, "sk": {"S": "SEEN"}},
    )["Item"]
    waiting = place.ledger.lane(INFERENCE).waiting
    assert waiting is not None
    assert place.ledger.requests_of([key, "s3/of/nobody"]) == {key: waiting.id}
    assert int(item["ttl"]["N"]) - NOW == 400 * 86400


@pytest.fixture
def many(place: Place) -> list[str]:
    """Hundreds of files, with others between them, before and behind."""
    names = [f"d{n % 7}/{n:03d} größe.csv" for n in range(120)]
    for name in [*names, *(f"{name}.other" for name in names), "a", "zz"]:
        aws.client("s3").put_object(Bucket=place.bucket, Key=f"p/{name}", Body=b"")
    return names


def test_the_newest_versions_of_many_files_take_few_calls(
    place: Place, many: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[dict[str, Any]] = []
    real: Callable[..., dict[str, Any]] = aws.client("s3").list_object_versions

    def counted(**request: Any) -> dict[str, Any]:
        calls.append(request)
        return real(**request)

    monkeypatch.setattr(aws.client("s3"), "list_object_versions", counted)
    s3 = aws.client("s3")
    for _ in range(40):
        s3.put_object(Bucket=place.bucket, Key=f"p/{many[3]}", Body=b"")
    newer = s3.put_object(Bucket=place.bucket, Key=f"p/{many[3]}", Body=b"")["VersionId"]
    s3.delete_object(Bucket=place.bucket, Key=f"p/{many[5]}")
    found = place.inbox.bucket.newest("p/", [*many, "absent.csv", "zzz.csv"])
    assert set(found) == set(many)
    assert found[many[3]] == data_bucket.Newest(newer, deleted=False)
    assert [name for name in many if found[name].deleted] == [many[5]]
    assert len(calls) <= 3
    calls.clear()
    few = [many[0], many[60], many[119], "absent.csv"]
    assert set(place.inbox.bucket.newest("p/", few)) == set(few[:3])
    assert len(calls) <= 4
