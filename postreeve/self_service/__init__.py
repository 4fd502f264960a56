"""Self-service: what people do with their own accounts.

Mail users do it where their domain has the service `self-service`, as far as the domain leaves them the preferences;
admins change their own name, language, time zone and password in the panel. Everything is stored where it is when
somebody else changes it, and written by the same stores.
"""
