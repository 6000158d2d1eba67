"""The project's own data: uploaded by CI, where that is asked for, when it changed."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from headrace.domain.errors import PermanentError

from local_cloud.cloud import Cloud
from pipeline_specs.config.settings import Settings, Uploads
from pipeline_specs.deploy import uploads

FOLDER = "training/data/raw/ci/"


def asked(settings: Settings, *, training: bool, inference: bool, trigger: str = "") -> Settings:
    project = dataclasses.replace(settings.project, trigger_file=trigger)
    return dataclasses.replace(settings, project=project, uploads=Uploads(training, inference))


@pytest.fixture
def put(tmp_path: Path, cloud: Cloud) -> Callable[[Settings], list[str]]:
    s3, bucket = cloud.session().client("s3"), cloud.info["outputs"]["DataBucketName"]

    def put(settings: Settings) -> list[str]:
        keys: list[str] = []
        s3.meta.events.register("before-call.s3.PutObject", note := _noting(keys))
        for drop in uploads.wanted(settings, tmp_path):
            list(uploads.put(s3, bucket, settings, drop))
        s3.meta.events.unregister("before-call.s3.PutObject", note)
        return keys

    return put


def _noting(keys: list[str]) -> Callable[..., None]:
    def note(params: dict[str, Any], **_: Any) -> None:
        keys.append(params["url_path"].split("/abalone/")[1])

    return note


def write(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / "abalone" / "data" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_only_what_changed_is_uploaded(
    tmp_path: Path, put: Callable[[Settings], list[str]], abalone: Settings
) -> None:
    settings = asked(abalone, training=True, inference=False)
    write(tmp_path, "training/a.csv", "1\n")
    write(tmp_path, "training/more/b.csv", "2\n")
    write(tmp_path, "training/notes.txt", "starts nothing")
    write(tmp_path, "inference/c.csv", "3\n")
    assert put(settings) == [f"{FOLDER}a.csv", f"{FOLDER}more/b.csv"]
    assert put(settings) == []
    write(tmp_path, "training/a.csv", "changed\n")
    assert put(settings) == [f"{FOLDER}a.csv"]


def test_a_trigger_file_comes_last_and_only_with_data(
    tmp_path: Path, put: Callable[[Settings], list[str]], abalone: Settings
) -> None:
    settings = asked(abalone, training=False, inference=True, trigger="go")
    write(tmp_path, "inference/z/shells.csv", "1\n")
    folder = "batch-scoring/data/raw/ci/"
    assert put(settings) == [f"{folder}z/shells.csv", f"{folder}go"]
    assert settings.project.is_trigger(f"abalone/{folder}go")
    assert put(settings) == []


def test_nothing_is_uploaded_unasked(
    tmp_path: Path, put: Callable[[Settings], list[str]], abalone: Settings
) -> None:
    write(tmp_path, "training/a.csv", "never\n")
    assert put(abalone) == []


def test_data_that_is_not_there_is_named(tmp_path: Path, abalone: Settings) -> None:
    settings = asked(abalone, training=True, inference=False)
    with pytest.raises(PermanentError, match=r"no \*\.csv under .*abalone/data/training; put"):
        uploads.wanted(settings, tmp_path)
