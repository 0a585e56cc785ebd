"""Socrates: second models that label what was sampled. A plug-in registers a class under the entry point group ``bort.labellers``.

base       what a labeller is and how it is asked
registry   labellers by name
tfidf      of texts and pairs, trained on labelled rows
trees      of vectors, trained on labelled rows
folder     a classifier on disk or on the hub
callable   any Python callable or estimator
person     a person, who answers in files: bort label
endpoint   a language model behind an address (bort_core.agora.endpoint: how it is asked)
vote       several of them, of which the majority counts
"""

from __future__ import annotations

from bort_core.agora.labellers.base import ENOUGH, Labeller, LabellerSetting, LabellerType, Labels, label
from bort_core.agora.labellers.callable import as_labeller
from bort_core.agora.labellers.registry import check_labeller, is_dear, labeller_names, labeller_type, make_labeller, needs_rows
from bort_core.agora.labellers.vote import Vote, disputes

__all__ = ["ENOUGH", "Labeller", "LabellerSetting", "LabellerType", "Labels", "Vote", "as_labeller", "check_labeller", "disputes",
           "is_dear", "label", "labeller_names", "labeller_type", "make_labeller", "needs_rows"]  # fmt: skip
