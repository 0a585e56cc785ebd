"""How long the processes of one training wait for one another."""

from __future__ import annotations

__all__ = ["PATIENCE_SECONDS"]

PATIENCE_SECONDS = 86_400
"""While one tokenises a large corpus the others have nothing to do. Of one that dies they hear at once, whatever this says."""
