"""What people and CI run, over plain AWS APIs: it works against an account and against a laptop."""
