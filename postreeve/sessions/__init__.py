"""Sessions: who is logged in, and how often somebody has tried in vain.

Only the hash of a session's id is kept. A session carries a stamp of the account's credentials and rights at login, so
that a changed password, status, rank or set of domains ends it at the next request.
"""
