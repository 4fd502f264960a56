"""Pending work: what has to follow in other stores when an account is gone or has another address.

The accounts commit first. Each further step is recorded in `postreeve_pending` before that, may be repeated, and stays
recorded until it is done: an outage of Amavisd's or iRedAPD's database never blocks work on accounts.
"""
