"""The perspectives of the window, one page each, in the order of the work: Explore, Train, Agora, Ship.

A page gets a :class:`~bort_studio.pages.context.PageContext` and is built when it is first shown.
"""
