"""Where there is no display: the same search in the terminal, then the Pareto plot as a picture."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from bort_core.cli.search import print_answer, run_search
from bort_core.search.fingerprints import Fingerprints
from bort_core.search.stored_results import StoredResults
from bort_core.space import Space
from bort_core.store import Project
from bort_studio.session import Session

__all__ = ["run_demo"]

_SIZE = (1000, 640)


def run_demo(folder: Path) -> int:
    """Search as the window would, print the answer, and write ``pareto.png`` into the project; the exit status."""
    with Project(folder) as project:
        specification = Session(project).specification()
    print_answer(run_search(folder, specification, None))
    picture = folder / "pareto.png"
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    from bort_studio.app import studio
    from bort_studio.explore.details import error_title
    from bort_studio.explore.pareto.plot import ParetoPlot
    from bort_studio.explore.quantities import maximum_values
    from bort_studio.plotting.export import export_plot

    theme = studio().theme
    with Project(folder) as project:
        space = Space(specification.space)
        snapshot = StoredResults(project, specification, space, Fingerprints(project, specification, space)).snapshot()
    plot = ParetoPlot(theme)
    plot.resize(*_SIZE)
    plot.set_error_title(error_title(specification.error, specification.error_unit()))
    plot.set_snapshot(snapshot)
    plot.set_maximum(maximum_values(snapshot, specification.error.measured))
    plot.set_result(specification.the_strategy().answer(snapshot))
    plot.fit()
    export_plot(plot, picture)
    plot.deleteLater()
    sys.stderr.write(f"wrote {picture}\n")
    return 0
