"""What is true of OpenLDAP: connections, entries, edits, names, and the schema that iRedMail gives its entries.

A slice's `ldap.py` needs three things from here: a `Session` to read and write with, a `Tree` that knows where entries
are, and `filters`. The driver, python-ldap, is an extra: `names.py`, `filters.py` and `schema.py` do without it.
"""
