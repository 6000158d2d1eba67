"""The command line over plain AWS APIs: it works against an account and against a laptop."""
