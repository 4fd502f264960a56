"""The parameters of the question which policies apply."""

from ipaddress import ip_address

from postreeve.errors import Code, refuse
from postreeve.fields import ADDRESS, Field, FieldSet, Kind


def _ip_address(given: str) -> str:
    try:
        return str(ip_address(given))
    except ValueError:
        refuse(Code.INVALID_VALUE, hint="An IPv4 or IPv6 address.")


CORRESPONDENT = Field("correspondent", ADDRESS, "Address of somebody with whom mail is exchanged: tell how it fares.")
CLIENT = Field(
    "client_address", Kind(_ip_address, {"type": "string"}), "IP address of the server from which such mail comes."
)

QUESTION = FieldSet("policy", CORRESPONDENT, CLIENT, together=((CLIENT, CORRESPONDENT),))
