"""A user is a mailbox: an address that logs in and receives mail.

It is a row of `mailbox` and, in `forwardings`, one row that points to itself: it shields the user from the domain's
catch-all and keeps a copy when mail is forwarded. Further rows there are its forwardings, its alias addresses and its
memberships. A user may be a global admin or administer domains as well.
"""
