"""A GSS-API client on MIT's library, for tests: base64 tokens on stdout, the acceptor's on stdin, one a line.

gss-client.py exchange GSSAPI|GSS-SPNEGO SERVICE@HOST BINDING AUTHZID LAYER
    The client's half of a SASL exchange. BINDING: the hash of the server's certificate, hex, or empty.
gss-client.py tokens SERVICE@HOST COUNT
    That many first tokens of Kerberos, each good once.
"""

import base64
import sys

import gssapi
from gssapi.raw import ChannelBindings

MECHANISMS = {"GSSAPI": gssapi.MechType.kerberos, "GSS-SPNEGO": gssapi.OID.from_int_seq("1.3.6.1.5.5.2")}
MUTUAL = gssapi.RequirementFlag.mutual_authentication | gssapi.RequirementFlag.integrity


def context(mechanism, service, binding, flags=MUTUAL):
    bindings = None
    if binding:
        bindings = ChannelBindings(application_data=b"tls-server-end-point:" + bytes.fromhex(binding))
    name = gssapi.Name(service, gssapi.NameType.hostbased_service)
    return gssapi.SecurityContext(
        name=name, usage="initiate", mech=MECHANISMS[mechanism], flags=flags, channel_bindings=bindings
    )


def say(token):
    print(base64.b64encode(token or b"").decode(), flush=True)


def hear():
    line = sys.stdin.readline()
    if not line:
        sys.exit("the acceptor hung up")
    return base64.b64decode(line)


def exchange(mechanism, service, binding, authzid, layer):
    client = context(mechanism, service, binding)
    token = client.step()
    while True:
        say(token)
        if client.complete:
            break
        token = client.step(hear())
        if client.complete and not token:
            say(b"")
            break
    if mechanism == "GSSAPI":
        offer = client.unwrap(hear()).message
        print(f"offered {offer.hex()}", file=sys.stderr)
        say(client.wrap(bytes([int(layer), 0, 0, 0]) + authzid.encode(), False).message)


def tokens(service, count):
    for _ in range(int(count)):
        say(context("GSSAPI", service, "", gssapi.RequirementFlag.integrity).step())


{"exchange": exchange, "tokens": tokens}[sys.argv[1]](*sys.argv[2:])
