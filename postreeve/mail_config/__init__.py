"""Configuration for Postfix and Dovecot, so that they serve the accounts which we administer.

iRedMail's installer writes such files on its servers; whoever starts without iRedMail gets them here. The
look-ups are the ones that iRedMail's programs make, so that both read the same meaning from the same rows.
"""

from postreeve.mail_config.files import write
from postreeve.mail_config.system import MailSystem

__all__ = ["MailSystem", "write"]
