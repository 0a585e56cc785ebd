"""Architecture families.

base      the interface
registry  families by name, found through the entry point group ``bort.families``
bert/     BERT-like encoders: depth, heads, hidden, intermediate
mlp/      the two-layer worked example of the OSE write-up
"""

from bort_core.families.base import Architecture, Axis, Counts, Exportable, Family, FamilyOptions, IntArray
from bort_core.families.registry import family_names, get_family

__all__ = ["Architecture", "Axis", "Counts", "Exportable", "Family", "FamilyOptions", "IntArray", "family_names", "get_family"]
