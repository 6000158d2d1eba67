"""SNS e-mails arrive in the mailbox as a mail client would read them."""

import json
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.cloud.cloud_sample import Sample

PROJECT = {"project": {"DataType": "String", "StringValue": "abalone"}}


def publish(sample: Sample, **request: Any) -> str:
    given = {"TopicArn": sample.outputs["Topic"], "MessageAttributes": PROJECT, **request}
    return str(sample.client("sns").publish(**given)["MessageId"])


def test_a_notification_is_a_mail(sample: Sample) -> None:
    body = "Der Lauf ist durch: 1.234 Zeilen, schöne Grüße\n" + "x" * 2000
    message_id = publish(sample, Subject="Run succeeded", Message=body)

    mail = sample.mail(lambda m: message_id in m["Message-ID"])
    assert mail["From"].addresses[0].addr_spec == "no-reply@sns.amazonaws.com"
    assert mail["To"].addresses[0].addr_spec == "data.scientist@example.com"
    assert mail["Subject"] == "Run succeeded"
    assert parsedate_to_datetime(mail["Date"]).tzinfo is not None
    assert mail.get_content().strip() == body


def test_each_protocol_has_its_own_text(sample: Sample) -> None:
    texts = {"default": "{}", "email": "for people"}
    message_id = publish(sample, Message=json.dumps(texts), MessageStructure="json")

    mail = sample.mail(lambda m: message_id in m["Message-ID"])
    assert mail.get_content().strip() == "for people"
    assert mail["Subject"] == "AWS Notification Message"


def test_a_filter_policy_keeps_other_projects_mails_away(sample: Sample) -> None:
    other = {"project": {"DataType": "String", "StringValue": "other"}}
    filtered = publish(sample, Message="not for you", MessageAttributes=other)
    wanted = publish(sample, Message="for you")

    sample.mail(lambda m: wanted in m["Message-ID"])
    assert not [m for m in sample.mails() if filtered in m["Message-ID"]]


def test_a_state_machine_publishes_with_attributes_subject_and_structure(sample: Sample) -> None:
    execution = sample.execute(do="publish")
    assert execution["status"] == "SUCCEEDED", execution.get("cause")

    mail = sample.mail(lambda m: m["Subject"] == "From a state machine")
    assert mail.get_content().strip() == "Grüße aus der Maschine"


@pytest.mark.parametrize("subject", ["two\nlines", "x" * 100, " leading"])
def test_a_subject_that_sns_refuses_is_refused(sample: Sample, subject: str) -> None:
    with pytest.raises(ClientError, match="InvalidParameter"):
        publish(sample, Subject=subject, Message="text")


def test_a_subscription_that_nobody_confirmed_is_listed_without_an_arn(sample: Sample) -> None:
    sns, topic = sample.client("sns"), sample.outputs["Topic"]
    subscribed = {"TopicArn": topic, "Protocol": "https", "Endpoint": "https://127.0.0.1:9/chat"}
    sns.subscribe(**subscribed)
    for answer in (sns.list_subscriptions_by_topic(TopicArn=topic), sns.list_subscriptions()):
        arns = {one["Endpoint"]: one["SubscriptionArn"] for one in answer["Subscriptions"]}
        assert arns[subscribed["Endpoint"]] == "PendingConfirmation"
        assert arns["data.scientist@example.com"].startswith(f"{topic}:")


def test_a_filter_policy_beyond_the_limits_is_refused(sample: Sample) -> None:
    sns, topic = sample.client("sns"), sample.outputs["Topic"]

    def subscribe(name: str, policy: Any) -> str:
        answer = sns.subscribe(
            TopicArn=topic,
            Protocol="email",
            Endpoint=f"{name}@example.com",
            Attributes={"FilterPolicy": json.dumps(policy)},
            ReturnSubscriptionArn=True,
        )
        return str(answer["SubscriptionArn"])

    names = [f"p{number}" for number in range(30)]
    largest = {"$or": [{"project": names, "kind": list("abcd")}, {"project": names}]}
    for policy in (
        {"project": names, "kind": list("abcdef")},
        {"$or": [*largest["$or"], {"project": ["one more"]}]},
        {letter: ["x"] for letter in "abcdef"},
    ):
        with pytest.raises(ClientError, match="InvalidParameter"):
            subscribe("much", policy)
    arns = [subscribe("much", largest)]
    try:
        there = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
        with_policy = [
            one
            for one in there
            if one["SubscriptionArn"].startswith("arn:")
            and "FilterPolicy"
            in sns.get_subscription_attributes(SubscriptionArn=one["SubscriptionArn"])["Attributes"]
        ]
        for number in range(200 - len(with_policy)):
            arns.append(subscribe(f"n{number}", {"project": ["x"]}))
        with pytest.raises(ClientError, match="FilterPolicyLimitExceeded"):
            subscribe("onemore", {"project": ["x"]})
        sns.set_subscription_attributes(  # one that has a policy may have another
            SubscriptionArn=arns[0], AttributeName="FilterPolicy", AttributeValue='{"a": ["b"]}'
        )
    finally:
        for arn in arns:
            sns.unsubscribe(SubscriptionArn=arn)
