"""An unsubscribable mailing list sends mail on to members whom admins choose; it exists in OpenLDAP alone.

Who is a member stands on the members: users, aliases and other lists carry the list's address, and addresses elsewhere
are in an entry of their own beside the list. On SQL a mail alias does the same.
"""
