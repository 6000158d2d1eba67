"""CI of our own project, and how a test records what its jobs call."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
ARN = "arn:aws:sagemaker:us-east-1:000000000000:model-package/headrace-abalone/1"
REFRESH = {"HEADRACE_ACTION": "refresh", "HEADRACE_PROJECT": "abalone", "MODEL_PACKAGE_ARN": ARN}
UPSERT = {"HEADRACE_ACTION": "upsert", "HEADRACE_PROJECT": "abalone"}
# Instead of the project's own command line: who am I, and what was asked of me.
COMMAND_LINE = """
import json, os, sys, boto3, headrace, pipeline_specs

def main():
    identity = boto3.client("sts").get_caller_identity()["Arn"]
    print("CALLED", json.dumps([*sys.argv[1:], identity]))
    print("REGION", boto3.Session().region_name, os.environ["AWS_REGION"])
    places = (__file__, headrace.__file__, pipeline_specs.__file__)
    print("RAN", *(os.path.relpath(place, os.environ["CI_PROJECT_DIR"]) for place in places))
"""
