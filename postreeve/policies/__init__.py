"""What the policies of Amavisd and iRedAPD have in common: the scopes they are for, and what applies in the end.

Both daemons ask for a user, the domain and everybody, and take the most specific answer; which one that is, each
decides by numbers of its own.
"""
