"""Configuration for OpenLDAP: schema, rights and indexes, so that it can hold the accounts which we administer.

iRedMail's installer writes such files on its servers; whoever starts without iRedMail gets them here.
"""

from postreeve.ldap_config.files import changes_of_configuration, write
from postreeve.ldap_config.server import LdapServer

__all__ = ["LdapServer", "changes_of_configuration", "write"]
