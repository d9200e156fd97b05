"""Tables: plain text for a terminal, Markdown for a note. Every figure is a median with its range."""

from statistics import median

TARGETS = {"pgbouncer": 1.2, "pgpool": 0.35}
IDLE_TARGET_BYTES = 8192


def number(value):
    if value >= 1000:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def spread(values):
    if not values:
        return "–"
    if len(values) == 1:
        return number(values[0])
    return f"{number(median(values))} ({number(min(values))}–{number(max(values))})"


def text_table(head, rows):
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()
             for row in [head, *rows]]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def markdown_table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def calls_cell(calls):
    if not calls:
        return "–"
    parts = sorted(((count, name) for name, count in calls.items() if name != "total"), reverse=True)
    named = ", ".join(f"{count:.1f} {name}" for count, name in parts[:3] if count >= 0.05)
    return f"{calls['total']:.1f} ({named})" if named else f"{calls['total']:.1f}"


class Results:
    """What the rounds gave: samples[(mode, clients)][peer] is a list with one Sample a round."""

    def __init__(self, title, peers, notes):
        self.title, self.peers, self.notes = title, peers, notes
        self.samples, self.calls, self.idle = {}, {}, {}

    def add(self, mode, clients, peer, sample):
        self.samples.setdefault((mode, clients), {}).setdefault(peer.name, []).append(sample)

    def cell_rows(self):
        rows = []
        for (mode, clients), by_peer in self.samples.items():
            for peer in self.peers:
                what = [f"{mode} {clients}", peer.name]
                if mode in peer.cannot:
                    rows.append([*what, peer.cannot[mode], "", "", "", "", ""])
                    continue
                samples = by_peer.get(peer.name, [])
                good = [sample for sample in samples if not sample.problem]
                if not good:
                    problem = samples[0].problem if samples else "did not run"
                    rows.append([*what, problem, "", "", "", "", ""])
                    continue
                rows.append(what + self._figures(good, peer, mode, clients))
        return rows

    def _figures(self, good, peer, mode, clients):
        cells = [spread([sample.tps for sample in good])]
        cells += [spread([sample.latency_ms[p] for sample in good]) for p in (50, 95, 99)]
        if not peer.pids:
            return [*cells, "–", "–"]
        parts = (f" u{median(s.user_us for s in good):.1f}"
                 f" s{median(s.system_us for s in good):.1f}")
        return [*cells, spread([sample.cpu_us for sample in good]) + parts,
                calls_cell(self.calls.get((mode, clients, peer.name)))]

    def ratio_rows(self):
        """pgweir's CPU per transaction over a peer's, paired round by round."""
        rows = []
        for (mode, clients), by_peer in self.samples.items():
            for name, target in TARGETS.items():
                pairs = zip(by_peer.get("pgweir", []), by_peer.get(name, []))
                ratios = [ours.cpu_us / theirs.cpu_us for ours, theirs in pairs
                          if ours.cpu_us and theirs.cpu_us]
                if ratios:
                    met = "met" if median(ratios) <= target else "MISSED"
                    rows.append([f"{mode} {clients}", f"pgweir / {name}", spread(ratios),
                                 f"≤ {target}", met])
        return rows

    def idle_rows(self):
        rows = []
        for name, figures in self.idle.items():
            if isinstance(figures, str):
                rows.append([name, figures, "", "", ""])
                continue
            target = f"≤ {IDLE_TARGET_BYTES}" if name == "pgweir" else ""
            rows.append([name, f"{figures['clients']:.0f}", f"{figures['bytes']:.0f} {figures['how']}",
                         f"{figures['login_us']:.0f}", target])
        return rows

    def render(self, table, heading):
        parts = [heading(title, note) + table(head, rows) for title, note, head, rows in [
            (self.title, "latency in ms; proxy CPU in µs per transaction, u user, s system",
             ["mode, clients", "target", "tps", "p50", "p95", "p99", "proxy CPU", "system calls"],
             self.cell_rows()),
            ("Proxy CPU per transaction, ratios", "paired within each round",
             ["mode, clients", "ratio", "median (range)", "target", ""], self.ratio_rows()),
            ("Idle clients", "logged in, no query yet, no TLS",
             ["target", "clients", "bytes per client", "login CPU µs", "target value"],
             self.idle_rows())] if rows]
        return "\n\n".join(["\n".join(self.notes), *parts]) + "\n"

    def text(self):
        return self.render(text_table, lambda title, note: f"{title} ({note})\n\n")

    def markdown(self):
        return self.render(markdown_table, lambda title, note: f"### {title}\n\n{note}\n\n")
