"""Logs in by asyncpg (a driver with a protocol of its own) as each line of the standard input says,
a JSON object: host, port, user, password, tls (bool), certificate and key (files, may be empty).
Prints a line each: `in`, the SQLSTATE of the refusal, or `tls` where it did not come to a login.
"""

import asyncio
import json
import ssl
import sys

import asyncpg


def context_of(wanted):
    if not wanted["tls"]:
        return False
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if wanted["certificate"]:
        context.load_cert_chain(wanted["certificate"], wanted["key"])
    return context


async def attempt(wanted):
    try:
        session = await asyncpg.connect(
            host=wanted["host"], port=wanted["port"], user=wanted["user"], database="app",
            password=wanted["password"], ssl=context_of(wanted), timeout=20)
    except asyncpg.ConnectionDoesNotExistError:  # closed under it: an alert of TLS came
        return "tls"
    except asyncpg.PostgresError as refused:
        return refused.sqlstate
    except (ssl.SSLError, ConnectionError, OSError):
        return "tls"
    try:
        answer = await session.fetchval("select 1")
        return "in" if answer == 1 else f"answered {answer}"
    finally:
        await session.close()


async def main():
    for line in sys.stdin:
        try:
            print(await attempt(json.loads(line)), flush=True)
        except Exception as other:  # a finding: it is no outcome that a table could expect
            print(f"{type(other).__name__}: {other}".replace("\n", " "), flush=True)


asyncio.run(main())
