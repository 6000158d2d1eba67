"""The commands that people and CI run, over plain AWS APIs, in an account or on a laptop."""
