"""Ways to break the state machine, each with the rule that must notice and whom it names."""

from tests.template import rules_of_act as act
from tests.template.breaking import case, grant, in_act, revoke

_NEVER = {"ErrorEquals": ["PermanentError", "NotThere"], "MaxAttempts": 0}

BREAKAGES_OF_ACT = [
    case(
        act.states_are_reachable,
        "RunNotStarted",
        in_act("Advance", lambda state: state.pop("Catch")),
    ),
    case(
        act.states_are_reachable,
        "Nowhere",
        in_act("Notify", lambda s: s.update(Next="Nowhere")),
    ),
    case(
        act.states_end_or_go_on, "Advanced", in_act("Advanced", lambda state: state.pop("Default"))
    ),
    case(
        act.nothing_is_left_to_substitute,
        "Topic",
        in_act("Notify", lambda state: state["Arguments"].update(TopicArn="${Topic}")),
    ),
    case(act.tasks_retry, "Notify", in_act("Notify", lambda state: state.pop("Retry"))),
    case(
        act.functions_are_retried_patiently,
        "Refresh: gives RetryableError up",
        in_act("Refresh", lambda state: state["Retry"][1].update(MaxAttempts=20)),
    ),
    case(
        act.functions_are_retried_patiently,
        "Refresh: gives Conflict up",
        in_act("Refresh", lambda state: state["Retry"][1].update(ErrorEquals=["RetryableError"])),
    ),
    case(
        act.permanent_errors_are_not_retried,
        "Advance: tries PermanentError again",
        in_act("Advance", lambda state: state["Retry"].remove(_NEVER)),
    ),
    case(
        act.functions_that_give_up_are_caught,
        "Refresh",
        in_act("Refresh", lambda state: state["Catch"][0].update(ErrorEquals=["PermanentError"])),
    ),
    case(
        act.integrations_exist,
        "ReturnToPending: no service",
        in_act(
            "ReturnToPending",
            lambda state: state.update(
                Resource="arn:aws:states:::aws-sdk:sagemaker:UpdateModelPackage"
            ),
        ),
    ),
    case(
        act.integrations_exist,
        "ReturnToPending: no service",
        in_act(
            "ReturnToPending",
            lambda state: state.update(
                Resource="arn:aws:states:::aws-sdk:sagemaker:updateModelPackages"
            ),
        ),
    ),
    case(
        act.integrations_exist,
        "ReturnToPending: lacks ModelPackageArn",
        in_act("ReturnToPending", lambda state: state["Arguments"].pop("ModelPackageArn")),
    ),
    case(
        act.integrations_exist,
        "Notify: Publish takes no Topic",
        in_act("Notify", lambda state: state["Arguments"].update(Topic="x")),
    ),
    case(act.act_may_do_what_it_does, "ActRole: lacks sns:Publish", revoke("ActRole", "Notify")),
    case(
        act.act_may_do_what_it_does,
        "ActRole: allows s3:GetObject in vain",
        grant("ActRole"),
    ),
    case(
        act.act_may_do_what_it_does,
        "Advance: ActRole may not invoke",
        revoke("ActRole", "Functions"),
    ),
]
