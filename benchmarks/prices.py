"""What AWS asks for what the control plane uses: list prices of us-east-1, as found in 2026, in $.

The one place for them; check before quoting (https://aws.amazon.com/pricing/). Not here because
they do not grow with runs: the key of the alerts topic ($1 a month), four alarms, the pollers of
the inbox and the reconciler's timers. SageMaker's own jobs cost the same whatever starts them.
"""

from typing import Final

MILLION: Final = 1_000_000

LAMBDA_REQUEST: Final = 0.20 / MILLION
LAMBDA_GB_SECOND: Final = 0.0000133334  # arm64
STEP_FUNCTIONS_TRANSITION: Final = 0.025 / 1_000  # Standard
SQS_REQUEST: Final = 0.40 / MILLION
SNS_PUBLISH: Final = 0.50 / MILLION
SNS_EMAIL: Final = 2.00 / 100_000
DYNAMODB_WRITE_UNIT: Final = 0.625 / MILLION  # on demand; a transaction takes two for each KB
DYNAMODB_READ_UNIT: Final = 0.125 / MILLION  # on demand; a consistent read takes one for each 4 KB
S3_PUT: Final = 0.005 / 1_000
S3_GET: Final = 0.0004 / 1_000
EVENTBRIDGE_AWS_EVENT: Final = 0.0  # events of AWS's own services
