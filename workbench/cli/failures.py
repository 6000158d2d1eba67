"""Errors as advice for the user, in one line."""

from __future__ import annotations


def said(error: Exception) -> str | None:
    """Return an error of Headrace or of AWS's library as advice for the user; None for others."""
    from headrace.domain.errors import HeadraceError

    return str(error) if isinstance(error, HeadraceError) else _of_aws(error)


def _of_aws(error: Exception) -> str | None:
    from botocore import exceptions

    if isinstance(error, exceptions.NoCredentialsError | exceptions.PartialCredentialsError):
        return "no AWS credentials; run `aws configure` or `aws sso login`, or choose a --profile"
    if isinstance(error, exceptions.NoRegionError):
        from workbench.cli.context import NO_REGION

        return NO_REGION
    if isinstance(error, exceptions.ProfileNotFound):
        return f"{one_line(error)}; `aws configure list-profiles` lists the existing ones"
    if isinstance(error, exceptions.EndpointConnectionError):
        return f"{one_line(error)}; is AWS_ENDPOINT_URL right, and does the region exist?"
    if isinstance(error, exceptions.BotoCoreError | exceptions.ClientError):
        return one_line(error)
    return None


def one_line(error: Exception) -> str:
    """Return an error's text without its line breaks."""
    return " ".join(str(error).split())
