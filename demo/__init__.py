"""The main job on real data, on this machine: `headrace demo` runs it and shows what happened."""
