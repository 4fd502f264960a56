"""An overview is a page of many accounts: a short row for each, sorted, searched and filtered.

A page begins at a bookmark, the place of a row, and not at a number of rows: so it costs the same wherever it is, and
what others create and delete meanwhile moves nothing from one page to the next.
"""
