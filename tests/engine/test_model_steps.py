"""Training, tuning and transform steps with the real XGBoost and the real search."""

from __future__ import annotations

import io
import tarfile

import pytest

from local_cloud.sagemaker.engine.engine import Engine
from tests.engine.engine_cloud import SKLEARN, Cloud, RecordingHost, execution, run
from tests.engine.model_steps import model, put_channels, rows, training, transform, tuning
from tests.engine.processing_step import processing


@pytest.fixture
def role(cloud: Cloud) -> str:
    put_channels(cloud)
    return cloud.role("jobs")


def archive(files: dict[str, str]) -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w:gz") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            tar.addfile(member, io.BytesIO(text.encode()))
    return held.getvalue()


def features(count: int, seed: int) -> list[str]:
    return [row.split(",", 1)[1] for row in rows(count, seed)]


def test_the_builtin_algorithm_trains_and_the_model_predicts_every_row_in_order(
    engine: Engine, host: RecordingHost, cloud: Cloud, role: str
) -> None:
    expected = [float(row.split(",")[0]) for row in rows(50, 9)]
    cloud.put("in/x.csv", "\n".join(features(50, 9)) + "\n")
    cloud.put("in/deep/one row.csv", features(1, 9)[0])
    steps = [training(cloud, role), model(role), transform(cloud)]

    assert run(engine, host, execution(cloud, steps, role=role)) == ("Succeeded", None)

    lines = host.logged["/aws/sagemaker/TrainingJobs"]
    metric_lines = [line for line in lines if line.startswith("[")]
    assert len(metric_lines) == 12
    assert metric_lines[0].startswith("[0]#011train-rmse:")
    assert "#011validation-rmse:" in metric_lines[0]
    job = host.job("TrainingJob")
    assert job["ModelArtifacts"]["S3ModelArtifacts"] == cloud.uri(
        f"models/{job['TrainingJobName']}/output/model.tar.gz"
    )
    final = {m["MetricName"]: m["Value"] for m in job["FinalMetricDataList"]}
    assert final["validation:rmse"] < 0.3
    assert [t["Status"] for t in job["SecondaryStatusTransitions"]] == [
        "Starting",
        "Downloading",
        "Training",
        "Uploading",
        "Completed",
    ]
    assert cloud.keys("out") == ["out/deep/one row.csv.out", "out/x.csv.out"]
    predicted = [float(line) for line in cloud.get("out/x.csv.out").splitlines()]
    assert len(predicted) == 50
    assert max(abs(p - e) for p, e in zip(predicted, expected, strict=True)) < 0.6
    assert cloud.get("out/deep/one row.csv.out").splitlines() == [str(predicted[0])]
    assert host.job("TransformJob")["TransformJobStatus"] == "Completed"


def test_filters_choose_columns_and_the_input_is_joined_to_its_prediction(
    engine: Engine, host: RecordingHost, cloud: Cloud, role: str
) -> None:
    cloud.put("in/x.csv", "".join(f'"id, {n}",{x}\n' for n, x in enumerate(features(20, 9))))
    joined = transform(
        cloud,
        BatchStrategy="SingleRecord",
        DataProcessing={
            "InputFilter": "$[1:]",
            "OutputFilter": "$[0,-1]",
            "JoinSource": "Input",
        },
    )
    steps = [training(cloud, role), model(role), joined]

    assert run(engine, host, execution(cloud, steps, role=role)) == ("Succeeded", None)
    lines = cloud.get("out/x.csv.out").splitlines()
    assert [line.rsplit(",", 1)[0] for line in lines] == [f'"id, {n}"' for n in range(20)]
    assert all(float(line.rsplit(",", 1)[1]) for line in lines)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ("0.1,0.2\n0.3,red\n", "Row 2, column 2: 'red' is not a number"),
        ("0.1,0.2,0.3\n", "The rows have 3 columns, the model has 2 features"),
    ],
)
def test_rows_that_cannot_be_predicted_fail_the_job_and_are_named(
    engine: Engine, host: RecordingHost, cloud: Cloud, role: str, data: str, says: str
) -> None:
    cloud.put("in/x.csv", data)
    steps = [training(cloud, role), model(role), transform(cloud)]

    assert run(engine, host, execution(cloud, steps, role=role))[0] == "Failed"
    reason = host.step("Predict")["FailureReason"]
    assert says in reason
    assert cloud.uri("in/x.csv") in reason
    assert cloud.keys("out") == []


def test_text_in_the_training_data_is_reported_with_its_place(
    engine: Engine, host: RecordingHost, cloud: Cloud, role: str
) -> None:
    cloud.put("data/train/part-2.csv", "1,2,3\n4,M,6\n")

    assert run(engine, host, execution(cloud, [training(cloud, role)], role=role))[0] == "Failed"
    reason = host.step("Train")["FailureReason"]
    assert reason.startswith("ClientError: AlgorithmError: UserError: Non-numeric value 'M' found")
    assert "part-2.csv, row 2, column 2" in reason
    assert host.job("TrainingJob")["TrainingJobStatus"] == "Failed"


def test_script_mode_gets_arguments_and_variables_and_its_model_serves(
    engine: Engine, host: RecordingHost, cloud: Cloud, role: str
) -> None:
    script = """
import argparse, json, os, pathlib
parser = argparse.ArgumentParser()
parser.add_argument("--factor", type=float)
factor = parser.parse_args().factor
assert sorted(os.listdir(os.environ["SM_CHANNEL_TRAIN"])) == ["part-1.csv", "part-2.csv"]
print("validation-mae=0.5;", json.loads(os.environ["SM_HPS"]), os.getcwd())
pathlib.Path(os.environ["SM_MODEL_DIR"], "factor").write_text(str(factor))
"""
    serving = """
import pathlib
def model_fn(folder): return float(pathlib.Path(folder, "factor").read_text())
def predict_fn(data, model): return data[:, 0] * model
"""
    code = cloud.put("code/source.tar.gz", archive({"train.py": script}))
    step = training(cloud, role)
    step["Arguments"]["HyperParameters"] = {
        "sagemaker_program": "train.py",
        "sagemaker_submit_directory": code,
        "factor": "2.5",
    }
    step["Arguments"]["AlgorithmSpecification"] |= {
        "TrainingImage": SKLEARN,
        "MetricDefinitions": [{"Name": "mae", "Regex": "validation-mae=(.*?);"}],
    }
    cloud.put("in/x.csv", "2,1\n4,1\n")
    served = model(
        role,
        image=SKLEARN,
        environment={
            "SAGEMAKER_PROGRAM": "serving.py",
            "SAGEMAKER_SUBMIT_DIRECTORY": cloud.put(
                "code/serving.tar.gz", archive({"serving.py": serving})
            ),
        },
    )

    made = execution(cloud, [step, served, transform(cloud)], role=role)
    assert run(engine, host, made) == ("Succeeded", None), host.log_text("TransformJobs")
    assert host.job("TrainingJob")["FinalMetricDataList"][0]["Value"] == 0.5
    assert "{'factor': 2.5} /opt/ml/code" in host.log_text("TrainingJobs")
    assert cloud.get("out/x.csv.out") == "5.0\n10.0\n"


def test_a_model_archive_cannot_write_outside_its_folder(
    engine: Engine, host: RecordingHost, cloud: Cloud, role: str
) -> None:
    data = cloud.put("evil.tar.gz", archive({"../../../escaped": "x"}))
    cloud.put("in/x.csv", "1,2\n")

    made = execution(cloud, [model(role, data), transform(cloud)], role=role)
    assert run(engine, host, made)[0] == "Failed"
    assert f"Cannot unpack {data}" in host.step("Predict")["FailureReason"]


def test_an_archive_without_a_model_is_reported(
    engine: Engine, host: RecordingHost, cloud: Cloud, role: str
) -> None:
    data = cloud.put("other.tar.gz", archive({"model.pkl": "x"}))
    cloud.put("in/x.csv", "1,2\n")

    made = execution(cloud, [model(role, data), transform(cloud)], role=role)
    assert run(engine, host, made)[0] == "Failed"
    assert "holds no xgboost-model" in host.step("Predict")["FailureReason"]


@pytest.mark.parametrize(
    ("strategy", "plural", "jobs"),
    [("Bayesian", False, 4), ("Random", True, 4), ("Grid", False, 2)],
)
def test_tuning_searches_and_lists_the_best_job_first(
    engine: Engine,
    host: RecordingHost,
    cloud: Cloud,
    role: str,
    strategy: str,
    plural: bool,
    jobs: int,
) -> None:
    best = {"Get": "Steps.Tune.TrainingJobSummaries[0].TrainingJobName"}
    path = {"Std:Join": {"On": "/", "Values": [cloud.uri("models"), best, "output/model.tar.gz"]}}
    look = processing(
        cloud,
        "Look",
        "import os; print('BEST', os.listdir('/opt/ml/processing/input/model'))",
        role=role,
        inputs={"model": path},
    )
    steps = [tuning(cloud, role, strategy=strategy, plural=plural), look]

    assert run(engine, host, execution(cloud, steps, role=role)) == ("Succeeded", None)
    told = [r for kind, r in host.jobs if kind == "TrainingJob"]
    records = {r["TrainingJobName"]: r for r in told if "FinalMetricDataList" in r}
    assert len(records) == jobs
    values = {n: _objective(r) for n, r in records.items()}
    job = host.job("HyperParameterTuningJob")
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    assert job["BestTrainingJob"]["TrainingJobName"] == min(values, key=values.__getitem__)
    assert job["TrainingJobStatusCounters"]["Completed"] == jobs
    assert all(r["TuningJobArn"] == job["HyperParameterTuningJobArn"] for r in records.values())
    assert len({r["HyperParameters"]["max_depth"] for r in records.values()}) > 1
    assert len(job["HyperParameterTuningJobName"]) <= 32
    assert "BEST ['model.tar.gz']" in host.log_text("ProcessingJobs")


def _objective(record: dict[str, object]) -> float:
    metrics = record["FinalMetricDataList"]
    assert isinstance(metrics, list)
    return float({m["MetricName"]: m["Value"] for m in metrics}["validation:rmse"])


def test_tuning_whose_jobs_all_fail_fails_within_its_limit_of_jobs(
    engine: Engine, host: RecordingHost, cloud: Cloud, role: str
) -> None:
    cloud.put("data/validation/v.csv", "1,x\n")

    made = execution(cloud, [tuning(cloud, role)], role=role)
    assert run(engine, host, made)[0] == "Failed"
    assert "No training job succeeded after 4 attempts" in host.step("Tune")["FailureReason"]
    assert host.job("HyperParameterTuningJob")["HyperParameterTuningJobStatus"] == "Failed"


def test_a_stop_in_the_middle_of_a_transform_stops_the_model(
    engine: Engine, host: RecordingHost, cloud: Cloud, role: str
) -> None:
    serving = """
import time
def model_fn(folder): return None
def predict_fn(data, model):
    print("PREDICTING")
    time.sleep(60)
"""
    cloud.put("in/x.csv", "2,1\n")
    data = cloud.put("model.tar.gz", archive({"code/serving.py": serving}))
    served = model(role, data, environment={"SAGEMAKER_PROGRAM": "serving.py"})
    made = execution(cloud, [served, transform(cloud)], role=role)

    engine.start(made)
    host.wait_for("a call", lambda: "PREDICTING" in host.logged["/aws/sagemaker/TransformJobs"])
    engine.stop(made.arn)

    assert host.wait_end(made.arn) == ("Stopped", None)
    assert host.job("TransformJob")["TransformJobStatus"] == "Stopped"
    assert (made.role_arn, "StopTransformJob") in host.authorized
    assert cloud.keys("out") == []


def test_a_role_that_cannot_be_assumed_fails_the_step(
    engine: Engine, host: RecordingHost, cloud: Cloud
) -> None:
    put_channels(cloud)
    nobody = "arn:aws:iam::000000000000:role/nobody"

    made = execution(cloud, [training(cloud, nobody)], role=nobody)
    assert run(engine, host, made)[0] == "Failed"
    assert "Failed to invoke sts:AssumeRole" in host.step("Train")["FailureReason"]


def test_a_stop_in_the_middle_of_tuning_stops_its_jobs(
    engine: Engine, host: RecordingHost, cloud: Cloud, role: str
) -> None:
    step = tuning(cloud, role)
    step["Arguments"]["TrainingJobDefinition"]["StaticHyperParameters"]["num_round"] = "1000000"
    made = execution(cloud, [step], role=role)

    engine.start(made)
    host.wait_for("a round", lambda: host.logged["/aws/sagemaker/TrainingJobs"])
    engine.stop(made.arn)

    assert host.wait_end(made.arn) == ("Stopped", None)
    assert host.job("HyperParameterTuningJob")["HyperParameterTuningJobStatus"] == "Stopped"
    assert (made.role_arn, "StopHyperParameterTuningJob") in host.authorized
    assert host.job("TrainingJob")["TrainingJobStatus"] == "Stopped"
