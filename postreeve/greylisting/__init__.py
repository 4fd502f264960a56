"""Greylisting sends an unknown sender away for some minutes; who comes back is let through.

iRedAPD decides, by rows of its `iredapd` database: an account's setting (everybody, a domain or a user; on or off), the
senders whitelisted for an account, and the names of mail domains whose hosts are whitelisted for everybody. A name does
nothing by itself: a job asks the DNS for the domain's SPF and MX hosts and stores their addresses beside it.
"""
