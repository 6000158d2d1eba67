"""Builds Headrace's SageMaker pipelines from a project's settings and puts them into an account.

The control plane's own package, a Lambda layer, is a plain package in its folder: the builders
share its settings, ledger and errors, so the folder is made importable here.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_LAYER = str(ROOT / "layers" / "headrace")

if _LAYER not in sys.path:
    sys.path.insert(0, _LAYER)
