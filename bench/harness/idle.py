"""What idle clients cost a proxy: thousands of logins that then do nothing."""

from harness.programs import program, run_and_read


def measure(peer, cluster, options, directory):
    """A dict of figures, or the reason as a string why there are none."""
    clients = min(options.idle_clients, peer.idle_clients or options.idle_clients)
    command = [program("idle_clients", directory), "--clients", str(clients),
               "--conninfo", cluster.conninfo(peer.port)]
    for pid in peer.pids:
        command += ["--proxy-pid", str(pid)]
    figures, problem = run_and_read(command, cluster.environment())
    if problem:
        return problem
    if peer.idle_clients:
        # One process a client, forked beforehand: what it has for itself is the client's.
        bytes_each = figures.get("unshared_bytes_of_median_process", float("nan"))
        how = "(unshared memory of the median process)"
    else:
        bytes_each, how = figures["rss_bytes_per_client"], "(RSS growth)"
    return {"clients": clients, "bytes": bytes_each, "how": how,
            "login_us": figures["proxy_cpu_us_per_login"]}
