"""White and black lists: senders, or for outgoing mail recipients, that are let through or refused.

A list belongs to a scope and a direction. iRedAPD reads all of them before mail is accepted; Amavisd reads those of
incoming mail as well, to judge spam. The first entry that matches decides, of the most specific scope first.
"""
