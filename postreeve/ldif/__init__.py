"""LDIF is how accounts of a directory are written down: each entry with its attributes as text (RFC 2849).

What is exported can be added to another directory, or to the same one again; operational attributes are left out, since
no server takes them back. Only accounts in OpenLDAP have it.
"""
