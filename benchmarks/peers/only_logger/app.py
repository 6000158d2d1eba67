"""What structured logging takes to be there."""

from aws_lambda_powertools import Logger

logger = Logger()
