"""The SageMaker API on a laptop: pipelines, executions, model registry, jobs and their events."""
