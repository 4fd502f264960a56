"""An alias is an account without a mailbox: mail to it goes to its members.

It is a row of `alias`; its members are rows of `forwardings`. An alias without members is unknown to Postfix.
"""
