"""GitLab on a laptop."""
