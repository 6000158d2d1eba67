"""`headrace doctor`: what is missing or wrong in an account, and the command that mends it.

Each module holds checks: functions that take the `Target` and yield findings, and change nothing.
"""
