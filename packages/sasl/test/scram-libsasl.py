# Cyrus SASL's client half for tests, over lines: in come challenges in base64, out go "MORE base64" or "OK base64", the
# latter when the library is content with the server. Arguments: what the server offers, authcid, authzid, password, the
# binding's type and its data in base64 (both may be empty). Exits with 1 when the library refuses.

import base64
import ctypes
import sys

CONTINUE, OK, INTERACT = 1, 0, 2
LIST_END, USER, AUTHNAME, PASS = 0, 0x4001, 0x4002, 0x4004
SSF_EXTERNAL, AUTH_EXTERNAL, CHANNEL_BINDING = 100, 102, 21


class Callback(ctypes.Structure):
    _fields_ = [("id", ctypes.c_ulong), ("proc", ctypes.c_void_p), ("context", ctypes.c_void_p)]


class Question(ctypes.Structure):
    _fields_ = [
        ("id", ctypes.c_ulong),
        ("challenge", ctypes.c_char_p),
        ("prompt", ctypes.c_char_p),
        ("default", ctypes.c_char_p),
        ("result", ctypes.c_char_p),
        ("length", ctypes.c_uint),
    ]


class Binding(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char_p),
        ("critical", ctypes.c_int),
        ("length", ctypes.c_ulong),
        ("data", ctypes.c_char_p),
    ]


offered, authcid, authzid, password, binding_type, binding_data = [word.encode() for word in sys.argv[1:]]
answers = {USER: authzid, AUTHNAME: authcid, PASS: password}
sasl = ctypes.CDLL("libsasl2.so.2")
connection = ctypes.c_void_p()
callbacks = (Callback * 4)(*(Callback(which, None, None) for which in (USER, AUTHNAME, PASS, LIST_END)))
out, length, chosen = ctypes.c_void_p(), ctypes.c_uint(), ctypes.c_char_p()
questions = ctypes.POINTER(Question)()


def must(code):
    if code < 0:
        sys.exit(f"libsasl: {code}")
    return code


def tell(code):
    message = ctypes.string_at(out, length.value) if out.value else b""
    print("OK" if code == OK else "MORE", base64.b64encode(message).decode(), flush=True)


def answer():
    at = 0
    while questions[at].id != LIST_END:
        value = answers[questions[at].id]
        questions[at].result, questions[at].length = value, len(value)
        at += 1


def asking(step):
    code = must(step())
    while code == INTERACT:
        answer()
        code = must(step())
    return code


must(sasl.sasl_client_init(None))
must(sasl.sasl_client_new(b"imap", b"localhost", None, None, callbacks, 0, ctypes.byref(connection)))
if binding_type:
    data = base64.b64decode(binding_data)
    binding = Binding(binding_type, 0, len(data), data)
    must(sasl.sasl_setprop(connection, CHANNEL_BINDING, ctypes.byref(binding)))
if b"EXTERNAL" in offered:
    must(sasl.sasl_setprop(connection, SSF_EXTERNAL, ctypes.byref(ctypes.c_uint(256))))
    must(sasl.sasl_setprop(connection, AUTH_EXTERNAL, authcid))

by = ctypes.byref
tell(asking(lambda: sasl.sasl_client_start(connection, offered, by(questions), by(out), by(length), by(chosen))))
for line in sys.stdin:
    challenge = base64.b64decode(line)
    tell(asking(lambda: sasl.sasl_client_step(connection, challenge, len(challenge), by(questions), by(out), by(length))))
