"""The parameters of the question which policies apply."""

from ipaddress import ip_address

from postreeve import networks
from postreeve.errors import Code, refuse
from postreeve.fields import ADDRESS, Field, FieldSet, Kind


def _client(given: str) -> str:
    """Read the address of a client as Postfix tells it to iRedAPD: without a zone, IPv4 out of its IPv6 wrapping."""
    try:
        ip_address(given)
    except ValueError:
        refuse(Code.INVALID_VALUE, hint="An IPv4 or IPv6 address.")
    return networks.plain(given)


CORRESPONDENT = Field("correspondent", ADDRESS, "Address of somebody with whom mail is exchanged: tell how it fares.")
CLIENT = Field("client_address", Kind(_client, {"type": "string"}), "IP address from which such mail comes.")

QUESTION = FieldSet("policy", CORRESPONDENT, CLIENT, together=((CLIENT, CORRESPONDENT),))
