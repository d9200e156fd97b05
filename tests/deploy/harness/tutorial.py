"""The manifests in the text of the tutorial whose readers pgweir serves: taken out as they stand there, with only
the `image:` lines changed."""

import re
import textwrap

# An object begins with its apiVersion and ends where a line is indented less than it; the text escapes underscores.
BEGIN = re.compile(r"^(\s*)(?:---\s*)?apiVersion:")


def manifests(text):
    """kind/name -> YAML, of every object in the text."""
    lines = text.replace("\\_", "_").splitlines()
    found = {}
    at = 0
    while at < len(lines):
        begin = BEGIN.match(lines[at])
        if not begin:
            at += 1
            continue
        end = object_end(lines, at, len(begin.group(1)))
        body = textwrap.dedent("\n".join(lines[at:end])) + "\n"
        kind = re.search(r"^kind:\s*(\S+)", body, re.M)
        name = re.search(r"^metadata:\s*\n\s+name:\s*(\S+)", body, re.M)
        if kind and name:
            found.setdefault(f"{kind.group(1)}/{name.group(1)}", body)
        at = end
    return found


def object_end(lines, begin, margin):
    for at in range(begin + 1, len(lines)):
        line = lines[at]
        if not line.strip():
            continue
        indent = len(line) - len(line.lstrip())
        is_field = re.match(r"\s*(kind|metadata|spec|data|type|stringData):", line)
        if indent < margin or line.lstrip().startswith("```"):
            return at
        if indent == margin and not is_field:
            return at
    return len(lines)


def with_images(manifest, pgpool, postgres):
    """The manifest with other images, and nothing else changed."""
    manifest = re.sub(r"(image:\s*)\S*bitnami/pgpool:\S+", rf"\g<1>{pgpool}", manifest)
    return re.sub(r"(image:\s*)\S*bitnami/postgresql(-repmgr)?:\S+", rf"\g<1>{postgres}", manifest)
