"""The control plane of Headrace: rules in the middle, one adapter for each outside thing.

Imports point inward: functions -> adapters -> decisions -> events. `events`, `project`,
`decisions`, `messages` and `errors` are pure; `ledger`, `registry`, `runs`, `storage`, `gitlab`
and `alerts` each talk to one service.
"""
