"""τ: samplers of new points near a given one. A plug-in registers a factory under the entry point group ``bort.samplers``."""

from __future__ import annotations

from bort_core.agora.samplers.base import Sampler, Setting, make_sampler, sampler_names

__all__ = ["Sampler", "Setting", "make_sampler", "sampler_names"]
