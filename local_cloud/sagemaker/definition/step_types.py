"""The types of steps, and what a step of each type may say."""

from __future__ import annotations

from dataclasses import dataclass

CHECK = (
    *("CheckType", "ModelPackageGroupName", "SkipCheck", "FailOnViolation"),
    *("RegisterNewBaseline", "SuppliedBaselineStatistics", "SuppliedBaselineConstraints"),
)
COMMON = (
    *("Name", "Type", "DisplayName", "Description", "DependsOn", "Arguments"),
    *("RetryPolicies", "CacheConfig"),
)


@dataclass(frozen=True, slots=True)
class StepType:
    """`operation` is the one whose request the Arguments are, `named` its member that Pipelines
    fills by itself, `members` what a step of this type has beside `COMMON`, `unknown` members of
    the operation that Pipelines does not know.

    An operation of None: the Arguments are of a service that is not emulated, and not checked.
    """

    operation: str | None = None
    named: str = ""
    members: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


# The types are those of the SageMaker SDK's StepTypeEnum.
STEP_TYPES = {
    "Processing": StepType("CreateProcessingJob", "ProcessingJobName", ("PropertyFiles",)),
    "QualityCheck": StepType("CreateProcessingJob", "ProcessingJobName", CHECK),
    "ClarifyCheck": StepType("CreateProcessingJob", "ProcessingJobName", (*CHECK, "ModelName")),
    "Training": StepType("CreateTrainingJob", "TrainingJobName"),
    "Tuning": StepType("CreateHyperParameterTuningJob", "HyperParameterTuningJobName"),
    "Transform": StepType("CreateTransformJob", "TransformJobName"),
    "Model": StepType("CreateModel", "ModelName"),
    # aws/sagemaker-python-sdk#3472
    "RegisterModel": StepType("CreateModelPackage", unknown=("ModelPackageName",)),
    "Condition": StepType(),
    "Fail": StepType(),
    "Lambda": StepType(members=("FunctionArn", "OutputParameters")),
    "Callback": StepType(members=("SqsQueueUrl", "OutputParameters")),
    "EMR": StepType(members=("ExecutionRoleArn",)),
    "EMRServerless": StepType(members=("ExecutionRoleArn",)),
    "AutoML": StepType(),
    "EndpointConfig": StepType(),
    "Endpoint": StepType(),
    "InferenceComponent": StepType(),
    "Lineage": StepType(),
    "Job": StepType(),
    "Cleanup": StepType(),
    "ForEach": StepType(),
}
# Members of nested structures that Pipelines does not know (aws/sagemaker-python-sdk#4994).
UNKNOWN_MEMBERS = {"ContainerDefinition": ("AdditionalModelDataSources",)}
