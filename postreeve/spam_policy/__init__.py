"""Spam policy: what Amavisd does with spam, viruses, forbidden attachments and bad headers.

A policy belongs to everybody, a domain or a user. Each value of it stands alone: the most specific scope that says
something decides, and what nobody says is in Amavisd's configuration.
"""
