"""Step scripts in S3: under the hash of their content, written once."""

from __future__ import annotations

from pathlib import Path

import pytest
from headrace.domain.errors import PermanentError

from local_cloud.cloud import Cloud
from pipeline_specs.deploy import s3_files
from pipeline_specs.pipelines import bundles
from pipeline_specs.pipelines.bundles import Bundle


def test_a_bundle_moves_when_a_name_or_a_content_changes_and_only_then() -> None:
    bundle = Bundle.of({"a.py": b"1", "b.py": b"2"})
    assert Bundle.of({"b.py": b"2", "a.py": b"1"}) == bundle
    assert bundle.folder("abalone") == f"abalone/code/{bundle.sha256}/"
    others = ({"a.py": b"1", "b.py": b"3"}, {"a.py": b"1", "c.py": b"2"}, {"a.py": b"1b.py\x002"})
    assert len({bundle.sha256, *(Bundle.of(files).sha256 for files in others)}) == 4


def test_a_script_brings_the_modules_beside_it_that_it_imports(tmp_path: Path) -> None:
    (tmp_path / "run.py").write_text("import json\nimport near\n")
    (tmp_path / "near.py").write_text("from far import x\nimport run\n")
    (tmp_path / "far.py").write_text("x = 1\n")
    (tmp_path / "other.py").write_text("")
    names = [name for name, _ in bundles.script(tmp_path / "run.py").files]
    assert names == ["far.py", "near.py", "run.py"]


def test_a_missing_script_is_named(tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match=r"run\.py is missing"):
        bundles.script(tmp_path / "run.py")


def test_what_is_there_is_not_uploaded_again(cloud: Cloud) -> None:
    s3, bucket = cloud.session().client("s3"), cloud.info["outputs"]["DataBucketName"]
    bundle = Bundle.of({"a.py": b"print(1)", "b.py": b"print(2)"})
    assert s3_files.upload(s3, bucket, "abalone", bundle, None) == 2
    assert s3_files.upload(s3, bucket, "abalone", bundle, None) == 0
    body = s3.get_object(Bucket=bucket, Key=bundle.folder("abalone") + "b.py")["Body"].read()
    assert body == b"print(2)"
