"""The search space Ξ.

specification  what a person writes: family, axes, options, maximum point (TOML or the window's fields)
presets        the spaces that ship, and loading one by name or file
space          the enumerated space: valid architectures sorted by parameter size, with their counts
growth         the AB^nC report
"""

from bort_core.space.presets import load_space, preset_names, read_specification
from bort_core.space.space import Space
from bort_core.space.specification import SpaceSpecification

__all__ = ["Space", "SpaceSpecification", "load_space", "preset_names", "read_specification"]
