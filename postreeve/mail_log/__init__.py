"""The mail log: what Amavisd has looked at, newest first, and how much of it there was in the last day.

Amavisd writes one row of `msgs` for each mail and one of `msgrcpt` for each recipient; iRedMail keeps them for some
days. What iRedAPD refuses before never gets there.
"""
