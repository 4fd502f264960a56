"""The proof of ownership: a domain or alias domain that a domain admin adds waits until its owner has shown a code.

What waits is a row of `iredadmin.domain_ownership`; meanwhile the domain or alias domain is not active.
"""
