# impacket as a client of RPC, for tests: over HTTP through an RPC proxy, or over TCP. Reads what to do as JSON from stdin and writes what
# it was answered as JSON. An error ends it with its own words.
import json, sys
from impacket.dcerpc.v5 import epm, rpcrt, samr, transport
from impacket.uuid import uuidtup_to_bin

job = json.load(sys.stdin)


def opened(port, interface, login):
    if "proxy" in job:
        wire = transport.DCERPCTransportFactory("ncacn_http:%s[%d]" % (job["server"], port))
        wire.set_rpc_proxy_url("%s/rpc/rpcproxy.dll" % job["proxy"]["url"])
        wire.set_auth_type(job["proxy"]["type"])
        wire.set_credentials(*job["proxy"]["login"])
    else:
        wire = transport.DCERPCTransportFactory("ncacn_ip_tcp:%s[%d]" % (job["server"], port))
    calls = wire.get_dce_rpc()
    if login is not None:
        calls.set_credentials(*login)
        calls.set_auth_level(rpcrt.RPC_C_AUTHN_LEVEL_PKT_PRIVACY)
    calls.connect()
    # The end-point mapper's helper binds by itself.
    if interface is not None:
        calls.bind(interface)
    return calls


def mapped(name, version, protocol):
    calls = opened(job["epm"], None, None)
    found = epm.hept_map(job["server"], uuidtup_to_bin((name, version)), protocol=protocol, dce=calls)
    calls.disconnect()
    return found


def users():
    calls = opened(job["samr"], samr.MSRPC_UUID_SAMR, job["login"])
    server = samr.hSamrConnect(calls)["ServerHandle"]
    sid = samr.hSamrLookupDomainInSamServer(calls, server, job["login"][2])["DomainId"]
    domain = samr.hSamrOpenDomain(calls, serverHandle=server, domainId=sid)["DomainHandle"]
    found = []
    for _ in range(job.get("times", 1)):
        found = samr.hSamrEnumerateUsersInDomain(calls, domain)["Buffer"]["Buffer"]
    calls.disconnect()
    return [user["Name"] for user in found]


answers = {}
if "map" in job:
    answers["map"] = [mapped(*asked) for asked in job["map"]]
if "samr" in job:
    answers["users"] = users()
json.dump(answers, sys.stdout)
