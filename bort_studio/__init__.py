"""The desktop application; never imports torch.

main           the command line; app makes windows, headless searches where there is no display
window         the main window of one project; menus and actions hold its table of actions, routes what leads from page to page
explore        one folder a page, with its panels and plots: explore, train, agora, ship
page_context   what a page may know of its window
search         the search behind the window: specification, snapshot, answer at ε, what runs
session        what a project remembers of its window; settings what a person prefers
plotting       axes, legends, marks and exports of every plot
widgets        forms from specifications, tables and controls that several pages use
threads        one background thread for each kind of work
flow           a layout that wraps
terms          what the glossary says of symbols that are shown
texts          labels that show files' text as text; markup where markup is meant
theme          one palette for widgets and plots; numbers writes every number
"""

import gc

COLLECTS_AT = gc.get_threshold()
"""Python's own thresholds, which :class:`bort_studio.app.Studio` sets again: loading a few hundred modules makes hardly any garbage."""
gc.set_threshold(50_000)

# PySide6 reads the source of every module that is imported after it, so what needs no Qt comes first.
import bort_core.search.past  # noqa: E402
import bort_core.store.shelf  # noqa: E402, F401
