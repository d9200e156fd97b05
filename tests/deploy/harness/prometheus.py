"""A real Prometheus that scrapes what it is told every second."""

import json
import socket
import subprocess
import urllib.parse
import urllib.request

import yaml


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def started(words, log, **more):
    return subprocess.Popen([str(word) for word in words], stdin=subprocess.DEVNULL, stdout=log.open("a"),
                            stderr=subprocess.STDOUT, **more)


class Prometheus:
    def __init__(self, program, folder, targets, rules):
        """`targets`: addresses with ports; `rules`: the text of a file of rules."""
        folder.mkdir()
        (folder / "alerts.yaml").write_text(rules)
        (folder / "prometheus.yml").write_text(yaml.safe_dump({
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
            "rule_files": ["alerts.yaml"],
            "scrape_configs": [{"job_name": "pgweir", "static_configs": [{"targets": targets}]}]}))
        self.port = free_port()
        self.process = started([program, f"--config.file={folder}/prometheus.yml",
                                f"--storage.tsdb.path={folder}/data", f"--web.listen-address=127.0.0.1:{self.port}"],
                               folder / "log", cwd=folder)

    def ask(self, path):
        """What its API answers; None: nothing yet."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v1/{path}", timeout=5) as answer:
                return json.load(answer)["data"]
        except OSError:
            return None

    def firing(self):
        told = self.ask("alerts")
        if told is None:
            return None
        return {alert["labels"]["alertname"] for alert in told["alerts"] if alert["state"] == "firing"}

    def value(self, expression):
        """Of an expression with one result."""
        told = self.ask("query?" + urllib.parse.urlencode({"query": expression}))
        return float(told["result"][0]["value"][1]) if told and told["result"] else None

    def end(self):
        self.process.terminate()
        self.process.wait()
