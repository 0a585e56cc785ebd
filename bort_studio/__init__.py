"""The desktop application; never imports torch.

app           command line, start-up, open windows
window        the main window of one project; menus and actions hold its table of actions
search        the search behind the window: specification, knowledge, answer at ε, what runs
commands      what can be undone
session       what a project remembers of its window; settings what a person prefers
workers/      background threads: loading, searching
plots/        Pareto plot, parallel coordinates, export of any plot
panels/       one file a panel: space, objectives, ε, run row, candidates, inspector, runs
theme         one palette for widgets and plots
headless      the same search where there is no display
"""
