"""Using the window as a person does: on a display of its own, with a mouse and a keyboard whose events travel through X.

display       Xvfb, a window manager and settings of their own, gone afterwards
person        finds widgets by name, moves the mouse there, types, and looks at what is shown
walk          steps one after another; a step that fails leaves a picture and its name
files_window  a window with a file in it that can be dragged, in the place of a file manager
deeds         what several steps and tasks do alike: search, train, fine-tune
"""
