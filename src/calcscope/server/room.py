"""Whether there is room on the disk."""

from __future__ import annotations

import shutil

from django.conf import settings

LEAST_FREE_BYTES = 1 << 30
"""Below this no exam can be taken in safely."""


def free_bytes() -> int:
    """What may still be written to the disk of the data folder."""
    return max(0, shutil.disk_usage(settings.CONFIG.data).free - LEAST_FREE_BYTES)
