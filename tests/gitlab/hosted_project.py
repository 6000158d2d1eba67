"""A small project with a job of every kind, and what tests do with the GitLab that hosts it."""

import time
from typing import Any

import gitlab as python_gitlab

from local_cloud.gitlab.gitlab import GitLab

Pipeline = Any  # python-gitlab makes its attributes at run time
FINISHED = {"success", "failed", "canceled", "skipped", "manual"}
CI_FILE = """
stages: [build, gate, deploy, after]
workflow:
  name: $PIPELINE_NAME
  rules:
    - if: $ACTION == "never"
      when: never
    - if: $ON_NEW_COMMIT == "none"
      auto_cancel: {on_new_commit: none}
    - if: $ON_NEW_COMMIT == "interruptible"
      auto_cancel: {on_new_commit: interruptible}
    - if: $ACTION == "refresh"
      variables: {PIPELINE_NAME: "refresh $ARN"}
    - when: always
.identified:
  id_tokens:
    AWS_OIDC_TOKEN: {aud: sts.amazonaws.com}
refresh:
  extends: .identified
  stage: build
  resource_group: refresh-$PROJECT
  rules: [{if: $ACTION == "refresh"}]
  script:
    - echo "refreshing $ARN for $PROJECT, $DATABASE_PASSWORD"
    - echo "oidc $AWS_OIDC_TOKEN" | tee -a "${SEEN:-/dev/null}"
    - echo "started $CI_JOB_ID" >> "${TIMES:-/dev/null}"
    - sleep "${NAP:-0}"
    - echo "ended $CI_JOB_ID" >> "${TIMES:-/dev/null}"
broken:
  stage: build
  rules: [{if: $ACTION == "broken"}]
  script: [echo "about to break" >&2, exit 3]
after broken:
  stage: gate
  rules: [{if: $ACTION == "broken"}]
  script: [echo never reached]
make:
  stage: build
  rules: [{if: $ACTION == "release"}]
  script: [echo content > artifact.txt]
  artifacts: {paths: [artifact.txt]}
deploy:
  stage: deploy
  rules: [{if: $ACTION == "release", when: manual}]
  script: [cat artifact.txt]
announce:
  stage: after
  rules: [{if: $ACTION == "release"}]
  script: [echo "released by $CI_PIPELINE_SOURCE on $CI_COMMIT_BRANCH"]
check:
  stage: build
  interruptible: true
  rules: [{if: $ACTION == "deliver"}]
  script:
    - sleep "${NAP:-0}"
release:
  stage: deploy
  rules: [{if: $ACTION == "deliver"}]
  script:
    - sleep "${NAP_OF_RELEASE:-0}"
a job with spaces & an image:
  stage: build
  image: python:3.13
  rules: [{if: $ACTION == "where"}]
  script: [test "$PWD" = "$CI_PROJECT_DIR"]
environment:
  stage: build
  rules: [{if: $ACTION == "environment"}]
  script: [env]
"""


def client(gitlab: GitLab, **changes: Any) -> python_gitlab.Gitlab:
    """python-gitlab, as a caller in a hurry sets it up."""
    given = {"private_token": gitlab.api_token, "timeout": (3, 10)}
    return python_gitlab.Gitlab(gitlab.url, **{**given, **changes})


def finished(pipeline: Pipeline, seconds: float = 30) -> Pipeline:
    deadline = time.monotonic() + seconds
    while pipeline.status not in FINISHED:
        assert time.monotonic() < deadline, f"still {pipeline.status}"
        time.sleep(0.02)
        pipeline.refresh()
    return pipeline


def jobs(pipeline: Pipeline) -> dict[str, str]:
    return {job.name: job.status for job in pipeline.jobs.list(get_all=True)}


def trace(project: Any, pipeline: Pipeline, name: str) -> str:
    (job,) = [job for job in pipeline.jobs.list(get_all=True) if job.name == name]
    text: bytes = project.jobs.get(job.id).trace()
    return text.decode()
