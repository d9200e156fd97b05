"""Programs that Debian does not have, fetched once into a folder outside the repository."""

import os
import shutil
import subprocess
from pathlib import Path

from harness.cases import Skipped

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pgweir-tests"
MODELS = {"kubernetes-models": "5.1.0", "@kubernetes-models/prometheus-operator": "6.0.0", "typescript": "5.9.3"}
GO_PROGRAMS = {"kustomize": "sigs.k8s.io/kustomize/kustomize/v5@v5.6.0", "helm": "helm.sh/helm/v3/cmd/helm@v3.17.3"}


def fetch(command, what, **more):
    try:
        subprocess.run(["nice", "-n", "19", *command], check=True, capture_output=True, text=True, timeout=1800, **more)
    except subprocess.SubprocessError as error:
        raise Skipped(f"{what} cannot be fetched: {getattr(error, 'stderr', None) or error}") from None


def models():
    """The folder node_modules with the models of Kubernetes objects."""
    folder = CACHE / "npm"
    wanted = [f"{name}@{version}" for name, version in MODELS.items()]
    done = folder / ("done-" + "-".join(wanted).replace("/", "_"))
    if not done.exists():
        if not shutil.which("npm"):
            raise Skipped("npm is not here")
        folder.mkdir(parents=True, exist_ok=True)
        fetch(["npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder), *wanted], "kubernetes-models")
        done.touch()
    return folder / "node_modules"


def go_program(name):
    """Its path: the user's own, or one built with a Go toolchain where one is at hand."""
    if path := shutil.which(name):
        return path
    path = CACHE / "go" / "bin" / name
    if not path.exists():
        if not shutil.which("go"):
            raise Skipped(f"{name} is not here, and no Go toolchain to build it with")
        fetch(["go", "install", GO_PROGRAMS[name]], name,
              env={**os.environ, "GOBIN": str(path.parent), "CGO_ENABLED": "0"})
    return str(path)
