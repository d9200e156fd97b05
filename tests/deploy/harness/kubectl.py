"""One namespace of the cluster that KUBECONFIG names, and the questions that the tests ask of it."""

import json
import subprocess
import time


class Failed(Exception):
    """What did not hold, for people."""


def run(command, *, given=None, patience_s=120, check=True):
    """Output of a command; Failed with what it said if it ends badly or not at all."""
    try:
        done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=patience_s)
    except subprocess.TimeoutExpired:
        raise Failed(f"no end within {patience_s} s: {' '.join(map(str, command))}") from None
    if check and done.returncode != 0:
        raise Failed(f"{' '.join(map(str, command))}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def wait_until(what, condition, patience_s=120, every_s=0.5):
    """Seconds until `condition` held; Failed if it did not in time. An answer that is no answer counts as no."""
    begun = time.monotonic()
    last = None
    while time.monotonic() - begun < patience_s:
        try:
            last = condition()
            if last:
                return time.monotonic() - begun
        except Failed as failure:
            last = failure
        time.sleep(every_s)
    raise Failed(f"not within {patience_s} s: {what} (last: {last})")


class Namespace:
    """Made for a test and deleted with all that is in it."""

    def __init__(self, name, keep=False):
        self.name = name
        self.keep = keep

    def __enter__(self):
        run(["kubectl", "create", "namespace", self.name])
        return self

    def __exit__(self, *_):
        if self.keep:
            return
        run(["kubectl", "delete", "namespace", self.name, "--wait=true"], patience_s=180, check=False)
        self.free_volumes()

    def free_volumes(self):
        """Volumes that outlive their claim are handed to the next test empty: its servers begin anew."""
        for volume in json.loads(run(["kubectl", "get", "pv", "-o", "json"]))["items"]:
            claim = volume["spec"].get("claimRef")
            if not claim or claim["namespace"] != self.name:
                continue
            path = volume["spec"].get("hostPath", {}).get("path")
            if path:
                run(["find", path, "-mindepth", "1", "-delete"])
            run(["kubectl", "patch", "pv", volume["metadata"]["name"], "--type=json",
                 "-p", '[{"op":"remove","path":"/spec/claimRef"}]'])

    def kubectl(self, *words, given=None, patience_s=120, check=True):
        return run(["kubectl", "-n", self.name, *words], given=given, patience_s=patience_s, check=check)

    def apply(self, folder):
        """As a user does it: everything in a folder."""
        return self.kubectl("apply", "-f", str(folder))

    def apply_text(self, text):
        return self.kubectl("apply", "-f", "-", given=text)

    def get(self, *words):
        return json.loads(self.kubectl("get", *words, "-o", "json"))

    def pods(self, label):
        """Those that are not on their way out, by name."""
        found = self.get("pods", "-l", label)["items"]
        return sorted((pod for pod in found if "deletionTimestamp" not in pod["metadata"]),
                      key=lambda pod: pod["metadata"]["name"])

    def ready(self, label, count):
        """Whether exactly that many pods exist, all of them ready."""
        pods = self.pods(label)
        return len(pods) == count and all(is_ready(pod) for pod in pods)

    def wait_ready(self, label, count, patience_s=300):
        return wait_until(f"{count} ready pods of {label}", lambda: self.ready(label, count), patience_s)

    def execute(self, pod, *command, patience_s=60, check=True):
        return self.kubectl("exec", pod, "--", *command, patience_s=patience_s, check=check)

    def secret(self, name, key):
        return self.kubectl("get", "secret", name, "-o", f"go-template={{{{ index .data \"{key}\" | base64decode }}}}")

    def restarts(self, label):
        return sum(status["restartCount"] for pod in self.pods(label)
                   for status in pod["status"].get("containerStatuses", []))

    def tell(self, label):
        """What pods of a failed test have said last."""
        return "\n".join(self.kubectl("logs", pod["metadata"]["name"], "--tail=25", check=False)
                         for pod in self.pods(label))


def is_ready(pod):
    return any(one["type"] == "Ready" and one["status"] == "True"
               for one in pod["status"].get("conditions", []))
