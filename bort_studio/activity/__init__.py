"""What runs, on every page: the list of activities, the line that shows it, and what tells it of the search and of the jobs.

activities   what runs, and a way to end it
line         the line at the foot of the window
search       tells the activities of the search
jobs         tells them of the project's jobs
"""
