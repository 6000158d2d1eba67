"""The control plane of Headrace, in rooms named by what they may touch.

`functions/X/app.py` calls `use_cases/X.py`, which looks up what it needs through `adapters`, asks
`rules` what it means, and hands over what `notifications` words. `domain` holds the values that all
of them share. Imports point inward; `tests/test_layering.py` has each folder's rule.
"""

import gc

# Imports and clients make many objects and hardly any garbage, which a cold start need not look
# for: 5 % of it. What a long-lived environment leaves is still found, later.
gc.set_threshold(200_000)
