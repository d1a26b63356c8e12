#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""Who may ask real etcd and Consul, and through which server: certificates, users, tokens, servers
of which too few are left. What a service refuses is denied with its words."""
import contextlib
import os
import socket
import subprocess
import sys

import servers
from asker import (
    SERVICES,
    Asker,
    check,
    equal,
    run_command,
    run_tests,
    scratch,
    skip,
    wait_for,
    write_scratch,
)

MANAGER = "11111111-2222-3333-4444-555555555555"  # the token that may do everything
KEYS = 'key_prefix "id-generator/" { policy = "write" }'
SESSIONS = 'session_prefix "" { policy = "write" }'


class SecureEtcd(servers.Etcd):
    """One that a client without a certificate may not ask whether it is ready."""

    def is_ready(self, node):
        with contextlib.suppress(OSError), socket.create_connection((node.host, node.ports[0])):
            return True
        return False


def denied(answer, words, name):
    equal(answer["outcome"], "DENIED", name)
    check(words in answer["why"], "it says why", answer["why"])


def run_cluster(service, cls, *arguments, **more):
    """A cluster, or None, which skips what needs it."""
    if service not in SERVICES:
        return None
    try:
        return cls(*arguments, **more)
    except servers.Unavailable as why:
        print(f"not run - {service}: {why}")
        return None


# ---- certificates --------------------------------------------------------------------------------


def make_authority(name):
    key = "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"
    files = "-keyout", scratch(name + ".key"), "-out", scratch(name + ".crt")
    run_command("openssl", "req", "-x509", *key, *files, "-subj", "/CN=" + name, check=True)


def make_certificate(name, authority="ca", subject="/O=test", host="IP:127.0.0.1", days="2"):
    key = "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"
    files = "-keyout", scratch(name + ".key"), "-out", scratch(name + ".csr")
    run_command("openssl", "req", *key, *files, "-subj", subject, check=True)
    extensions = write_scratch(name + ".ext", f"subjectAltName={host}\n")
    by = "-CA", scratch(authority + ".crt"), "-CAkey", scratch(authority + ".key")
    files = "-in", scratch(name + ".csr"), "-out", scratch(name + ".crt")
    more = "-CAcreateserial", "-days", days, "-extfile", extensions
    run_command("openssl", "x509", "-req", *by, *files, *more, check=True)


def make_all_certificates():
    if not os.path.exists(scratch("ca.crt")):
        make_authority("ca")
        make_authority("other")
        make_certificate("server")
        make_certificate("elsewhere", host="DNS:elsewhere")
        make_certificate("expired", days="-1")
        make_certificate("client")
        make_certificate("named", subject="/CN=root")
        make_certificate("foreign", authority="other")
        key = "-in", scratch("client.key"), "-out", scratch("locked.key")
        run_command("openssl", "ec", "-aes128", "-passout", "pass:word", *key, check=True)


def tls(*names):
    """The certificate and key of a server, and what those of clients are checked with."""
    certificate, *authority = names
    files = scratch(certificate + ".crt"), scratch(certificate + ".key")
    return *files, scratch(authority[0] + ".crt") if authority else None


def certificate(name, key=None):
    return f"cert={scratch(name + '.crt')}", f"key={scratch((key or name) + '.key')}"


def ask_once(cluster, *options, **request):
    with Asker(cluster.service, cluster.addresses, *options) as asker:
        return asker.one(**request)


def is_answered(cluster, *options):
    """A server that is just starting may take a request and never answer it."""
    return ask_once(cluster, *options, timeout_ms=2000)["outcome"] == "DONE"


def secure_consul(name, authority=None):
    """The options of a Consul whose HTTP port speaks TLS."""
    files = tls(name, *([authority] if authority else []))
    text = f'ports {{ http=-1 }} cert_file="{files[0]}" key_file="{files[1]}" '
    text += f'ca_file="{scratch("ca.crt")}" '
    verify = "true" if authority else "false"
    return ("-hcl", text + f"verify_incoming_https={verify} verify_server_hostname=false")


class SecureConsul(servers.Consul):
    """Its port for HTTP is one for HTTPS."""

    def command(self, node):
        words = super().command(node)
        return [w.replace("-http-port=", "-https-port=") for w in words]

    is_ready = SecureEtcd.is_ready


SECURE = {
    "etcd": lambda name, authority=None: SecureEtcd(
        tls=tls(name, *([authority] if authority else []))
    ),
    "consul": lambda name, authority=None: SecureConsul(options=secure_consul(name, authority)),
}


def secure(service, *names):
    return run_cluster(service, SECURE[service], *names)


def test_server_certificates():
    make_all_certificates()
    ca = "ca=" + scratch("ca.crt")
    for service in SERVICES:
        cluster = secure(service, "server")
        if not cluster:
            continue
        with cluster:
            good = lambda: is_answered(cluster, "tls=1", ca)
            check(wait_for(good, "the server"), service + ": over TLS")
            denied(ask_once(cluster, "tls=1"), "certificate", "an authority that is not trusted")
            other = "ca=" + scratch("other.crt")
            denied(ask_once(cluster, "tls=1", other), "certificate", "another authority")
            missing = "ca=" + scratch("none.crt")
            denied(ask_once(cluster, "tls=1", missing), "none.crt", "a file that is not there")
            locked = certificate("client", "locked")
            denied(ask_once(cluster, "tls=1", ca, *locked), "key", "a key with a password")
            equal(ask_once(cluster)["outcome"] in ("UNKNOWN", "DENIED"), True, "without TLS")


def test_bad_server_certificates():
    make_all_certificates()
    ca = "ca=" + scratch("ca.crt")
    for service in SERVICES:
        for name, words in ("elsewhere", "name"), ("expired", "expired"):
            cluster = secure(service, name)
            if not cluster:
                continue
            with cluster:
                denied(ask_once(cluster, "tls=1", ca), words, f"{service}: {name}")


def ask_until_told(cluster, *options):
    """With TLS 1.3, a server may close the connection before its alert can be read."""
    for _ in range(50):
        answer = ask_once(cluster, *options)
        if answer["outcome"] != "UNKNOWN":
            break
    return answer


def test_client_certificates():
    make_all_certificates()
    options = "tls=1", "ca=" + scratch("ca.crt")
    for service in SERVICES:
        cluster = secure(service, "server", "ca")
        if not cluster:
            continue
        with cluster:
            own = certificate("client")
            good = lambda: is_answered(cluster, *options, *own)
            check(wait_for(good, "the server"), service + ": with a certificate")
            denied(ask_until_told(cluster, *options), "certificate", "without one")
            foreign = certificate("foreign")
            denied(ask_until_told(cluster, *options, *foreign), "alert", "of another authority")
            equal(
                ask_once(cluster, *options, *own, ask="CLAIM", worker=7)["outcome"],
                "DONE",
                "a claim",
            )


# ---- etcd's users --------------------------------------------------------------------------------


def etcdctl(cluster, *words, options=()):
    command = "etcdctl", "--endpoints", cluster.url(cluster.nodes[0]), *options, *words
    environment = {**os.environ, "ETCDCTL_API": "3"}
    return subprocess.run(command, check=True, capture_output=True, env=environment)


def make_users(cluster, options=()):
    for words in (
        "user add root:word",
        "role add root",
        "user grant-role root root",
        "user add nobody:word",
        "user add me:word",
        "role add me",
        "role grant-permission me --prefix=true readwrite /id-generator/",
        "user grant-role me me",
        "auth enable",
    ):
        etcdctl(cluster, *words.split(), options=options)


def password(text, name="password"):
    return "password_file=" + write_scratch(name, text + "\n")


def test_etcd_users():
    cluster = run_cluster("etcd", servers.Etcd, options=["--auth-token-ttl=1"])
    if not cluster:
        return
    with cluster:
        with Asker("etcd", cluster.addresses, "user=me", password("word")) as asker:
            equal(asker.one()["outcome"], "DONE", "a user where none is needed")
            make_users(cluster)
            equal(asker.one("CLAIM")["outcome"], "DONE", "a user once one is needed")
            cluster.restart()  # which ends all tokens
            equal(asker.one()["outcome"], "DONE", "after the server was started again")
            equal(asker.one("FORGET")["outcome"], "DONE", "and once more")
        denied(ask_once(cluster), "user name is empty", "no user")
        wrong = "user=me", password("wrong")
        denied(ask_once(cluster, *wrong), "invalid user ID or password", "a wrong password")
        stranger = "user=stranger", password("word")
        denied(ask_once(cluster, *stranger), "invalid user ID or password", "an unknown user")
        nobody = "user=nobody", password("word")
        for ask in "READ", "CLAIM", "RESET":
            answer = ask_once(cluster, *nobody, ask=ask)
            denied(answer, "permission denied", f"{ask} of a user without permission")


def test_etcd_common_name():
    """Its gateway takes no certificate for a user."""
    make_all_certificates()
    cluster = run_cluster("etcd", SECURE["etcd"], "server", "ca")
    if not cluster:
        return
    with cluster:
        options = "tls=1", "ca=" + scratch("ca.crt")
        good = lambda: is_answered(cluster, *options, *certificate("client"))
        check(wait_for(good, "the server"), "without users")
        files = f"--cacert={scratch('ca.crt')}", *("--" + o for o in certificate("client"))
        make_users(cluster, options=files)
        denied(ask_once(cluster, *options, *certificate("named")), "CommonName", "a name")
        denied(ask_once(cluster, *options, *certificate("client")), "user=", "no name, no user")
        user = *certificate("client"), "user=me", password("word")
        equal(ask_once(cluster, *options, *user)["outcome"], "DONE", "no name, but a user")


# ---- Consul's tokens -----------------------------------------------------------------------------


def make_token(cluster, name, rules):
    node = cluster.nodes[0]
    cluster.request(node, "acl/policy", {"Name": name, "Rules": rules}, "PUT")
    return cluster.request(node, "acl/token", {"Policies": [{"Name": name}]}, "PUT")["SecretID"]


def token(text):
    return "token_file=" + write_scratch("token", text + "\n")


def test_consul_tokens():
    acl = f'acl {{ enabled=true default_policy="deny" tokens {{ master="{MANAGER}" }} }}'
    options = "-hcl", acl
    cluster = run_cluster("consul", servers.Consul, options=options, token=MANAGER)
    if not cluster:
        return
    with cluster:
        right = make_token(cluster, "right", KEYS + SESSIONS)
        claim = {"ask": "CLAIM", "worker": 3}
        with Asker("consul", cluster.addresses, token(right)) as asker:
            equal(asker.one(**claim)["outcome"], "DONE", "a token")
            write_scratch("token", "66666666-2222-3333-4444-555555555555\n")
            denied(asker.one(**claim), "ACL not found", "a wrong one, in the same file")
            write_scratch("token", right)
            equal(asker.one("FORGET", worker=3)["outcome"], "DONE", "the right one again")
        denied(ask_once(cluster, **claim), "Permission denied", "no token")
        for name, rules in ("keys", KEYS), ("sessions", SESSIONS):
            option = token(make_token(cluster, name, rules))
            answer = ask_once(cluster, option, ask="CLAIM", worker=4)
            denied(answer, "Permission denied", "a token for nothing but " + name)


def test_consul_ttl():
    cluster = run_cluster("consul", servers.Consul)
    if not cluster:
        return
    with cluster:
        answer = ask_once(cluster, ask="CLAIM", ttl_ms=500)
        denied(answer, "session_ttl_min", "a TTL that is too short")


# ---- servers that go -----------------------------------------------------------------------------


def test_quorum():
    for service in SERVICES:
        cluster = run_cluster(service, servers.SERVICES[service], 3)
        if not cluster:
            continue
        with cluster, Asker(service, cluster.addresses) as asker:
            claimed = asker.one("CLAIM", worker=1)
            equal(claimed["outcome"], "DONE", service + ": three servers")
            raised = {"worker": 1, "exists": 1, "writes": 2}
            cluster.kill(0)
            good = lambda: asker.one(timeout_ms=2000)["outcome"] == "DONE"
            check(wait_for(good, "a leader"), "two of three")
            answer = asker.one("RAISE", version=claimed["version"], **raised)
            check(answer["outcome"] in ("DONE", "UNKNOWN"), "a write to two of three", answer)
            cluster.kill(1)
            answer = asker.one("RAISE", version=claimed["version"], timeout_ms=1500, **raised)
            equal(answer["outcome"], "UNKNOWN", "one of three")
            check(answer["why"], "it says why")
            cluster.start_node(0)
            cluster.wait_until_ready([0])
            check(wait_for(good, "a leader"), "two of three again")


if not SERVICES:
    print("skipped: no module for etcd or Consul was built")
    sys.exit(77)
run_tests(globals())
