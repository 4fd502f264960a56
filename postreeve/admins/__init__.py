"""An admin is a standalone administrator account, not a mail user with an admin's rights.

It is a row of `admin`; what it administers are rows of `domain_admins`, where the domain `ALL` makes a global admin.
Its limits are keys of its `settings` text.
"""
