"""Builds Headrace's SageMaker pipelines from a project's settings and puts them into an account."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
