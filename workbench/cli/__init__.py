"""The installed command `headrace`."""
