"""Throttling: how much mail iRedAPD lets a user send or get in a period of time.

A setting belongs to a scope and a direction. One of a domain or of everybody holds for each of their users apart, and
each limit of it stands alone: the most specific scope that says something about a limit decides it.
"""
