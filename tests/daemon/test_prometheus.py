#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""deploy/prometheus and deploy/grafana, with Prometheus and a daemon that it scrapes."""
import contextlib
import json
import os
import re
import subprocess
import urllib.error
import urllib.parse
import urllib.request

from harness import (
    DEADLINE,
    DEPLOY,
    Daemon,
    check,
    equal,
    free_port,
    read_text,
    run_command,
    run_tests,
    scratch,
    skip_unless_found,
    wait_for,
    write_scratch,
)

RULES = os.path.join(DEPLOY, "prometheus", "snowid.rules.yml")
RULE_TESTS = os.path.join(DEPLOY, "prometheus", "snowid.rules.test.yml")
CONFIG = """global: {{scrape_interval: 100ms}}
rule_files: ['{rules}']
scrape_configs:
  - job_name: snowid
    static_configs: [{{targets: ['127.0.0.1:{port}']}}]
  - job_name: snowid-tls
    scheme: https
    tls_config: {{insecure_skip_verify: true}}
    static_configs: [{{targets: ['127.0.0.1:{tls_port}']}}]
"""
# 51 IDs of kind snowflake, one of another kind, two errors.
REQUESTS = (
    "/api/v1/ids?count=50",
    "/v1/next_id",
    "/api/v1/id?kind=ulid",
    "/nowhere",
    "/api/v1/parse?id=x",
)
DAY = 86400
# What only a store with a coordinator has (test_coordinators.py).
COORDINATED = "snowid_worker_renewal", "snowid_worker_losses", "snowid_workers_free"


def metrics_in(text):
    return set(re.findall(r"(?:snowid|process)_\w+", text))


def metrics_of_rules():
    return metrics_in("\n".join(re.findall(r"expr: (.*)", read_text(RULES))))


def test_rules():
    for command, path in ("check", RULES), ("test", RULE_TESTS):
        got = run_command("promtool", command, "rules", path)
        check(got.returncode == 0, f"promtool {command} rules succeeds", got.stdout + got.stderr)
    # The second test is one in which no alert fires.
    quiet, loud = read_text(RULE_TESTS).split("- name: ")[1:]
    alerts = re.findall(r"alert: (\w+)", read_text(RULES))
    missing = [name for name in alerts if f'alertname="{name}"' not in loud]
    equal(missing, [], f"the tests make all {len(alerts)} alerts fire")
    missing = sorted(name for name in metrics_of_rules() if f"'{name}{{" not in quiet)
    equal(missing, [], "where no alert fires, each metric of the alerts has a value")


class Prometheus:
    """A running one; `with` ends it."""

    def __init__(self, daemon, tls_daemon):
        self.port = free_port()
        text = CONFIG.format(rules=RULES, port=daemon.port, tls_port=tls_daemon.port)
        files = "--config.file", write_scratch("prometheus.yml", text)
        files += "--storage.tsdb.path", scratch("tsdb"), "--log.level=error"
        command = "prometheus", *files, "--web.listen-address", f"127.0.0.1:{self.port}"
        silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen(command, **silent)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(DEADLINE)

    def query(self, query):
        """The result; what is said about a query that is bad; nothing before it answers."""
        arguments = urllib.parse.urlencode({"query": query})
        url = f"http://127.0.0.1:{self.port}/api/v1/query?{arguments}"
        try:
            with urllib.request.urlopen(url, timeout=DEADLINE) as response:
                return json.load(response)["data"]["result"]
        except urllib.error.HTTPError as error:
            return error.read()
        except OSError:
            return []


@contextlib.contextmanager
def daemons():
    """One in the clear and one with TLS, and with a certificate of three days."""
    certificate, key = scratch("certificate.pem"), scratch("key.pem")
    options = "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3"
    files = "-keyout", key, "-out", certificate
    run_command("openssl", "req", "-x509", *options, *files, "-subj", "/CN=localhost", check=True)
    tls = "--tls-certificate", certificate, "--tls-key", key
    kinds = "--kinds", "snowflake ulid"
    with Daemon(*kinds, "--worker-id", "1", "--reserve", "100ms", "--hold", "30ms") as daemon:
        with Daemon("--worker-id", "2", "--reserve", "100ms", "--hold", "30ms", *tls) as tls_daemon:
            yield daemon, tls_daemon


def test_scraping():
    with daemons() as (daemon, tls_daemon):
        for path in REQUESTS:
            daemon.request(path)
        text = daemon.text("/metrics")
        got = run_command("promtool", "check", "metrics", input=text)
        lines = (got.stdout + got.stderr).splitlines()
        # promtool would have seconds; milliseconds are what users asked for.
        complaints = [x for x in lines if x and "snowid_clock_drift_ms" not in x]
        equal(complaints, [], "promtool check metrics succeeds")
        with Prometheus(daemon, tls_daemon) as prometheus:
            query = prometheus.query
            scraped = wait_for(lambda: len(query("snowid_healthy == 1")) == 2, "a scrape")
            check(scraped, "Prometheus scrapes the daemon, with TLS and without")
            made = query('snowid_ids_generated_total{job="snowid",kind="snowflake"}')
            equal([x["value"][1] for x in made], ["51"], "Prometheus has the number of IDs")
            end = query("snowid_tls_certificate_end_timestamp_seconds - time()")
            left = float(end[0]["value"][1])
            check(2 * DAY < left <= 3 * DAY, "Prometheus has the end of the certificate", left)
            check_dashboard(query, set(re.findall(r"^# TYPE (\S+)", text, re.M)))


def check_dashboard(query, exported):
    """Grafana's dashboard asks for what exists, and for all of it."""
    text = read_text(DEPLOY, "grafana", "snowidd.json")
    names = metrics_in(text) | metrics_of_rules()
    missing = sorted(x for x in names if not x.startswith(COORDINATED) and not query(x))
    equal(missing, [], f"all {len(names)} metrics of the dashboard and the alerts exist")
    panels = [panel for panel in json.loads(text)["panels"] if panel["type"] != "row"]
    equal([x["title"] for x in panels if lacks_unit(x)], [], "each panel has queries and a unit")
    queries = {target["expr"] for panel in panels for target in panel["targets"]}
    failed = {}

    def all_succeed():
        failed.clear()
        for text in queries:
            result = query(with_values(text))
            # Comparisons and ALERTS may have nothing to show.
            may_be_empty = re.search("[<>]|ALERTS|" + "|".join(COORDINATED), text)
            if isinstance(result, bytes) or not (result or may_be_empty):
                failed[text] = result
        return not failed

    good = wait_for(all_succeed, "the dashboard")
    check(good, f"all {len(queries)} queries of the dashboard succeed and have a result", failed)
    shown = {re.sub("_(bucket|sum|count)$", "", name) for name in names}
    exported = {name for name in exported if not name.startswith("process_")}
    equal(sorted(exported - shown), [], "the dashboard or an alert uses each metric")


def lacks_unit(panel):
    has_unit = "unit" in panel["fieldConfig"]["defaults"] or panel["type"] == "heatmap"
    return not panel["targets"] or not has_unit


def with_values(query):
    """With what Grafana puts in the place of variables."""
    return re.sub(r"\$__rate_interval", "10s", re.sub(r"\$\w+(?=\")", ".*", query))


if __name__ == "__main__":
    skip_unless_found("prometheus", "promtool")
    run_tests(globals())
