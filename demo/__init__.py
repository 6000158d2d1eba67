"""The main job on real data, on this machine: `python -m demo` runs it and shows what happened."""
