"""MiniStack, pinned, as this project runs it: a server process, and the seams that make it truer.

Each module named after a thing of AWS replaces a few private functions of MiniStack where it
differs from AWS, over `seams.replace`, which refuses to start when a new version has moved them.

What it still does not do, although AWS does:
- functions are processes on this host: no memory limit, no read-only root, the host's Python;
- Step Functions executions that run when the cloud stops are Failed (`States.ServiceRestart`);
- `.waitForTaskToken`, nested executions and `events:putEvents` do not use the state machine's role;
- EventBridge Scheduler neither assumes its role nor has retries and a dead-letter queue;
- trust policies of service roles, KMS key policies and resource policies on log groups are not
  consulted when one service acts for another.
- the signature of a web identity token is not checked, only its issuer, audience and subject;
- state is saved on a graceful stop only: a killed server starts from the stop before.
"""
