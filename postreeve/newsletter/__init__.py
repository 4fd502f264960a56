"""Newsletters: subscribable lists to which everybody may subscribe on a public page.

Nobody is subscribed or unsubscribed by that alone. A mail goes to the address, and the link in it has to be confirmed;
what is waited for is a row of `iredadmin.newsletter_subunsub_confirms`. The pages know a list by its id, and never
say who is subscribed.
"""
