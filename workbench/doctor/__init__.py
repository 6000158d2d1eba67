"""`headrace doctor`: what is missing or wrong in an account, and the command that fixes it.

Each module holds checks: functions that take the `Target` and yield findings, and change nothing.
"""
