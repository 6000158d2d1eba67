"""What becomes of pipelines: the real .gitlab-ci.yml runs, seen through python-gitlab."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local_cloud.gitlab.gitlab import GitLab, start_gitlab
from tests.gitlab.hosted_project import client, finished, jobs, trace

Run = Callable[..., Any]
ARN = "arn:aws:sagemaker:us-east-1:000000000000:model-package/headrace-abalone/1"


def test_a_triggered_pipeline_runs_only_the_jobs_its_rules_let_in(project: Any, run: Run) -> None:
    pipeline = run(ACTION="refresh", ARN=ARN, PROJECT="abalone")
    assert pipeline.status == "success"
    assert jobs(pipeline) == {"refresh": "success"}
    assert f"refreshing {ARN} for abalone" in trace(project, pipeline, "refresh")
    assert pipeline.source == "trigger"
    assert pipeline.duration is not None


def test_a_pipeline_is_found_by_the_name_its_workflow_gives_it(project: Any, run: Run) -> None:
    first = run(ACTION="refresh", ARN=ARN)
    run(ACTION="refresh", ARN="another")
    assert first.name == f"refresh {ARN}"
    found = project.pipelines.list(name=f"refresh {ARN}", get_all=True)
    assert [pipeline.id for pipeline in found] == [first.id]


def test_a_failing_job_fails_the_pipeline_and_skips_what_follows(project: Any, run: Run) -> None:
    pipeline = run(ACTION="broken")
    assert pipeline.status == "failed"
    assert jobs(pipeline) == {"broken": "failed", "after broken": "skipped"}
    failed = next(job for job in pipeline.jobs.list(get_all=True) if job.name == "broken")
    assert failed.failure_reason == "script_failure"
    log = trace(project, pipeline, "broken")
    assert "about to break\n" in log
    assert log.endswith("ERROR: Job failed\n")


def test_a_blocking_manual_job_holds_the_pipeline_until_it_is_played(
    project: Any, run: Run
) -> None:
    pipeline = run(ACTION="release")
    assert pipeline.status == "manual"
    assert jobs(pipeline) == {"make": "success", "deploy": "manual", "announce": "created"}
    gate = next(job for job in pipeline.jobs.list(get_all=True) if job.name == "deploy")
    project.jobs.get(gate.id, lazy=True).play()
    pipeline.refresh()
    finished(pipeline)
    assert pipeline.status == "success"
    assert set(jobs(pipeline).values()) == {"success"}
    assert "content" in trace(project, pipeline, "deploy")  # the artifact of `make`
    assert "released by trigger on main" in trace(project, pipeline, "announce")


def test_a_manual_job_without_rules_holds_nothing_up(
    project_dir: Path, hosted: GitLab, run: Run
) -> None:
    (project_dir / ".gitlab-ci.yml").write_text(
        "tidy: {stage: build, when: manual, script: [echo tidied]}\n"
        "next: {stage: test, script: [echo next]}\n"
    )
    hosted.push()
    pipeline = run()
    assert jobs(pipeline) == {"tidy": "manual", "next": "success"}
    assert pipeline.status == "success"


def test_jobs_of_one_resource_group_run_one_after_the_other(
    project: Any, hosted: GitLab, tmp_path: Path
) -> None:
    times = tmp_path / "times"
    variables = {"ACTION": "refresh", "PROJECT": "p", "NAP": "2", "TIMES": str(times)}
    started = [project.trigger_pipeline("main", hosted.trigger_token, variables) for _ in range(2)]
    assert [finished(pipeline).status for pipeline in started] == ["success"] * 2
    words = [line.split() for line in times.read_text().splitlines()]
    assert [word for word, _ in words] == ["started", "ended"] * 2
    assert all(words[at][1] == words[at + 1][1] for at in (0, 2))


def test_jobs_of_different_resource_groups_run_at_the_same_time(
    project: Any, hosted: GitLab, tmp_path: Path
) -> None:
    times = tmp_path / "times"
    started = [
        project.trigger_pipeline(
            "main",
            hosted.trigger_token,
            {"ACTION": "refresh", "PROJECT": name, "NAP": "2", "TIMES": str(times)},
        )
        for name in ("a", "b")
    ]
    assert [finished(pipeline).status for pipeline in started] == ["success"] * 2
    words = [line.split()[0] for line in times.read_text().splitlines()]
    assert words == ["started", "started", "ended", "ended"]


def test_a_canceled_pipeline_stops_at_once(project: Any, hosted: GitLab, tmp_path: Path) -> None:
    times = tmp_path / "times"
    variables = {"ACTION": "refresh", "NAP": "60", "TIMES": str(times)}
    pipeline = project.trigger_pipeline("main", hosted.trigger_token, variables)
    while not times.exists():
        time.sleep(0.02)
    pipeline.cancel()
    pipeline.refresh()
    assert pipeline.status == "canceled"
    assert jobs(pipeline) == {"refresh": "canceled"}


@pytest.mark.parametrize(
    ("on_new_commit", "naps", "became"),
    [
        ("", {"NAP": "60"}, {"check": "canceled", "release": "canceled"}),
        ("", {"NAP_OF_RELEASE": "60"}, {"check": "success", "release": "running"}),
        ("none", {"NAP": "60"}, {"check": "running", "release": "created"}),
        ("interruptible", {"NAP_OF_RELEASE": "60"}, {"check": "success", "release": "running"}),
    ],
)
def test_a_newer_commits_pipeline_cancels_an_older_one_as_redundant(
    project: Any,
    project_dir: Path,
    hosted: GitLab,
    on_new_commit: str,
    naps: dict[str, str],
    became: dict[str, str],
) -> None:
    given = {"ACTION": "deliver", "ON_NEW_COMMIT": on_new_commit, **naps}
    older = project.trigger_pipeline("main", hosted.trigger_token, given)
    sleeper = "release" if "NAP_OF_RELEASE" in naps else "check"
    while jobs(older)[sleeper] != "running":
        assert "failed" not in jobs(older).values()
        time.sleep(0.02)
    finished(project.trigger_pipeline("main", hosted.trigger_token, {"ACTION": "refresh"}))
    assert "canceled" not in jobs(older).values(), "both are of one commit"
    (project_dir / "another.txt").write_text("commit")
    hosted.push()
    finished(project.trigger_pipeline("main", hosted.trigger_token, {"ACTION": "refresh"}))
    assert jobs(older) == became


def test_secrets_never_reach_a_trace(project: Any, run: Run) -> None:
    log = trace(project, run(ACTION="refresh", ARN=ARN), "refresh")
    assert "correct-horse" not in log
    assert "oidc [MASKED]" in log


def test_a_job_sees_nothing_of_the_environment_the_server_runs_in(
    project: Any, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of the user")
    monkeypatch.setenv("PYTHONPATH", "/somewhere/else")
    log = trace(project, run(ACTION="environment"), "environment")
    assert "of the user" not in log
    assert "/somewhere/else" not in log


def test_a_job_runs_in_its_project_directory(project: Any, run: Run) -> None:
    pipeline = run(ACTION="where")
    assert pipeline.status == "success", trace(project, pipeline, "a job with spaces & an image")


def test_a_pipeline_runs_what_was_pushed_and_nothing_newer(
    project: Any, project_dir: Path, hosted: GitLab, run: Run
) -> None:
    ci_file = project_dir / ".gitlab-ci.yml"
    ci_file.write_text(ci_file.read_text().replace("refreshing", "renewing"))
    before = run(ACTION="refresh")
    assert "refreshing" in trace(project, before, "refresh")
    sha = hosted.push()
    after = run(ACTION="refresh")
    assert "renewing" in trace(project, after, "refresh")
    assert (before.sha == sha, after.sha == sha) == (False, True)


def test_pipelines_tokens_and_address_survive_a_restart(
    project: Any, run: Run, hosted: GitLab, project_dir: Path, tmp_path: Path
) -> None:
    done = run(ACTION="refresh", ARN=ARN)
    waiting = run(ACTION="release")
    cut = project.trigger_pipeline("main", hosted.trigger_token, {"ACTION": "refresh", "NAP": "60"})
    while cut.status != "running":
        cut.refresh()
    hosted.stop()
    again = start_gitlab(project_dir, tmp_path / "state", {})
    try:
        assert (again.url, again.api_token) == (hosted.url, hosted.api_token)
        with client(again) as api:
            same = api.projects.get(again.project_path)
            assert same.pipelines.get(done.id).status == "success"
            assert "refreshing" in trace(same, same.pipelines.get(done.id), "refresh")
            lost = same.pipelines.get(cut.id)
            assert lost.status == "failed"
            assert [job.failure_reason for job in lost.jobs.list()] == ["runner_system_failure"]
            still = same.pipelines.get(waiting.id)
            assert still.status == "manual"
            gate = next(job for job in still.jobs.list() if job.name == "deploy")
            same.jobs.get(gate.id, lazy=True).play()
            still.refresh()
            assert finished(still).status == "success"
            new = same.trigger_pipeline("main", again.trigger_token, {"ACTION": "refresh"})
            assert new.id > cut.id
    finally:
        again.stop()


def test_the_state_directory_keeps_tokens_and_keys_from_others(
    hosted: GitLab, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    for name in ("tokens.json", "id-token-key.pem"):
        assert (state / name).stat().st_mode & 0o777 == 0o600
    assert hosted.api_token not in (state / "port").read_text()
