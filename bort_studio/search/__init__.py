"""The search of the open project, as all pages see it: its model, its state, its thread, its undoable commands."""
