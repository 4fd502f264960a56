"""A domain is a mail domain that we host.

It is a row of `domain`; further names of it are alias domains, rows of `alias_domain`. Its limits are columns, its
defaults and closed sections keys of its `settings` text. Its catch-all, BCC addresses and outbound relay are rows in
tables that Postfix reads directly.
"""
