"""Every number in the README comes from a command here that anyone can run.

The control plane's own package, a Lambda layer, is made importable: parts of it are measured alone.
"""

import sys
from pathlib import Path

_LAYER = str(Path(__file__).resolve().parents[1] / "layers" / "headrace")

if _LAYER not in sys.path:
    sys.path.insert(0, _LAYER)
