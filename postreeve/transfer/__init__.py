"""Many accounts at once: users and aliases from a table in CSV, judged line by line before anything is done, and back.

A table's first line names our parameters, `mail` the address. No line is more than the ordinary operation with these
parameters, so that rights, limits, claims and the activity log are what they are everywhere.
"""
