"""Evolution's EWS client without its screen, for tests: opens an account, reads its folders and writes them as JSON.

ews-client.py FOLDER URL FINGERPRINT METHOD
    FOLDER: an empty one of its own. URL: on localhost. FINGERPRINT: SHA-1 of the certificate that it trusts, hex. METHOD: plain or NTLM.
    On stdin user and password, a line each. Wants a D-Bus session and XDG_CONFIG_HOME=FOLDER/config.
"""

import json
import pathlib
import sys

import gi

gi.require_version("Camel", "1.2")
from gi.repository import Camel, GLib

SOURCE = """[Data Source]
DisplayName=Tests
Enabled=true

[Mail Account]
BackendName=ews

[Authentication]
Host={host}
Method={method}
User={user}
RememberPassword=false

[WebDAV Backend]
SslTrust=accept|{host}|{fingerprint}

[Ews Backend]
HostUrl={url}
Email={user}
"""


class Session(Camel.Session):
    def do_authenticate_sync(self, service, mechanism, cancellable):
        result = service.authenticate_sync(mechanism, cancellable)
        if result != Camel.AuthenticationResult.ACCEPTED:
            raise GLib.Error("refused")
        return True


def names(info):
    while info:
        yield info.full_name
        yield from names(info.child)
        info = info.next


folder, url, fingerprint, method = sys.argv[1:]
user, password = sys.stdin.read().splitlines()
sources = pathlib.Path(folder, "config/evolution/sources")
sources.mkdir(parents=True)
values = {"host": "localhost", "method": method, "user": user, "fingerprint": fingerprint, "url": url}
escaped = {name: value.replace("\\", "\\\\") for name, value in values.items()}
(sources / "account.source").write_text(SOURCE.format(**escaped))
Camel.init(folder, False)
Camel.provider_init()
session = Session(user_data_dir=folder + "/data", user_cache_dir=folder + "/cache")
session.set_online(True)
store = session.add_service("account", "ews", Camel.ProviderType.STORE)
settings = store.ref_settings()
for name, value in {"hosturl": url, "user": user, "email": user, "auth-mechanism": method}.items():
    settings.set_property(name, value)
store.set_password(password)
try:
    store.set_online_sync(True, None)
    flags = Camel.StoreGetFolderInfoFlags.RECURSIVE | Camel.StoreGetFolderInfoFlags.REFRESH
    print(json.dumps(sorted(names(store.get_folder_info_sync(None, flags, None)))))
except GLib.Error as error:
    print(error.message)
    sys.exit(3)
