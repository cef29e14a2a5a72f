# Samba's own NTLM client as a library (python3-samba), where it sends a MIC: as it does inside of SPNEGO.
# Arguments: user, domain, password. It writes a message in base64 and reads the answer, line by line; at last, and then
# it has read an empty line, it signs the word "hello" and writes the signature in hex.

import base64
import sys

from samba import credentials, gensec, param

user, domain, password = sys.argv[1:4]
who = credentials.Credentials()
who.set_username(user)
who.set_domain(domain)
who.set_password(password)
who.set_workstation("CLIENT")
who.set_kerberos_state(credentials.DONT_USE_KERBEROS)
client = gensec.Security.start_client({"target_hostname": "mail.example.com", "lp_ctx": param.LoadParm()})
client.set_credentials(who)
client.want_feature(gensec.FEATURE_SIGN)
client.want_feature(gensec.FEATURE_NEW_SPNEGO)
client.start_mech_by_name("ntlmssp")

_, negotiate = client.update(b"")
print(base64.b64encode(negotiate).decode(), flush=True)
_, authenticate = client.update(base64.b64decode(sys.stdin.readline()))
print(base64.b64encode(authenticate).decode(), flush=True)
sys.stdin.readline()
print(client.wrap(b"hello")[:16].hex(), flush=True)
