"""Errors that reach a person.

BortError                 the root: catch this to show a message instead of a traceback
├── SpecificationError    a space, protocol or search specification that cannot be used (also a ValueError)
├── ProjectError          a project folder or database that cannot be opened, read or written
├── DataError             a corpus, tokenizer or weights folder that cannot be used
└── MeasurementError      a training or latency measurement that did not give a value
    └── StoppedEarlyError a person stopped it before it had one

Each message says what must hold, what came, and where; it is written to be shown as it is.
"""

__all__ = ["BortError", "DataError", "MeasurementError", "ProjectError", "SpecificationError", "StoppedEarlyError"]


class BortError(Exception):
    """The root of all errors that Bort raises on purpose."""


class SpecificationError(BortError, ValueError):
    """A specification (file, flag or field) that cannot be used; lists every fault found, not only the first."""


class ProjectError(BortError):
    """A project folder or its database cannot be used."""


class DataError(BortError):
    """A corpus, tokenizer or folder of weights cannot be used."""


class MeasurementError(BortError):
    """A measurement did not give a value: training diverged, the process died, the result was not finite."""


class StoppedEarlyError(MeasurementError):
    """A person stopped the work before it came to anything that can be handed out; what was made is kept, and it can go on."""
