"""The control plane of Headrace: rules in the middle, one adapter for each outside thing.

Imports point inward: functions -> adapters -> decisions -> events. `events`, `project`,
`decisions`, `messages` and `errors` are pure; `ledger`, `registry`, `runs`, `storage`, `gitlab`
and `alerts` each talk to one service.
"""

import gc

# Imports and clients make many objects and hardly any garbage, which a cold start need not look
# for: 5 % of it. What a long-lived environment leaves is still found, later.
gc.set_threshold(200_000)
