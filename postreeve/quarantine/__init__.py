"""The quarantine: mails that Amavisd has kept from their recipients, as spam, for a virus or a forbidden attachment.

One mail may have several recipients, of whom some got it. So each recipient has a share of a quarantined mail, which is
waiting, released or deleted; the mail's text goes when no share is left. Amavisd itself releases, asked over AM.PDP.
"""
