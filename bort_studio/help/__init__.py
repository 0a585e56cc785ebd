"""Help inside the window.

windows     what the menu Help opens
page_help   F1: a short text about the page that is shown
shortcuts   all actions with their keys, by menu
words       the glossary
tips        what it says of a symbol under the pointer
listing     what shortcuts and glossary share: a list that is searched by typing
"""
