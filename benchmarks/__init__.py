"""Every number in the README comes from a command here that anyone can run."""
