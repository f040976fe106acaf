#!/usr/bin/python3
"""Temporary logins to a MariaDB server (10.11 or newer) on this machine: an account of its own for each lease.

What the server needs, once: the procedures of mariadb.sql beside this file, whose head shows how an association's
administrator is made and what it may lend. The administrator has the right to call two procedures and no other, so
that its password, which is in escrow, is worth nothing but leases.

Configuration of the daemon (the technician's; a client can name only "mariadb"):

    [connect.exec.mariadb]
    program = "/usr/local/lib/sequestre/mariadb.py"        # Debian: apt install python3-pymysql
    arguments = ["--socket", "/run/mysqld/mysqld.sock", "--members-host", "db.example.org"]
    user = "sequestre-mariadb"                             # any user of its own; it needs no rights

With "--port 3306" instead of a socket it connects to 127.0.0.1. Prefer the socket: while MariaDB is down, anybody on
the machine can take the port, and whoever does can try guesses of the password against what it is told (it is not told
the password). Another machine must be reached through a tunnel that begins on this one: PyMySQL would go on without
encryption where the server offers none.

The account's settings in the escrow, of which the server checks the first:

    {"kind": "exec", "program": "mariadb", "options": {"rights_of": "members_editors", "database": "members"}}

What is sealed is the administrator's name and password (of an account with mysql_native_password, MariaDB's usual
way). An account that the server lets in without asking for the password (unix_socket, as `root` usually has) is
refused: with it anybody's deposit would be proof of everything.

What ends a lease: its account is dropped, with its password and its rights; its sessions are ended, and logins that
were under way. With `event_scheduler = ON` the server does all that by itself at the end of the lease; MariaDB knows
password lifetimes in whole days only. With `performance_schema = ON` a session is also found while it is in a trigger,
where it goes by another name. Without, it is found when it comes out: within a second, or by the scheduler.

What a lease leaves, and DROP USER with it:
- what it wrote and changed, tables that it made included;
- no views, procedures, triggers, events, and nothing that it granted: a role that allows one of these is not lent
  (DROP USER would leave them, without an owner or with the role as theirs);
- XA transactions that it prepared stay, with their locks, until an administrator of the server ends them
  (XA RECOVER; XA ROLLBACK …);
- an account that an administrator of the server renamed meanwhile: it is no lease's any more.
"""

import argparse
import hashlib
import json
import re
import secrets
import sys

import pymysql

PROTOCOL = "sequestre-connector/1"
LEASE = re.compile(r"seq-[0-9a-f]{8}-[0-9]{1,20}")
# What the server says of logins that do not count: wrong password (two numbers for it), locked account.
DENIED = (1045, 1698, 4151)
# What the procedures say, by SIGNAL.
SAID = 1644


class Connection(pymysql.connections.Connection):
    """Takes no other way to log in than mysql_native_password, which does not show the password to whoever asks. By
    itself PyMySQL gives it to a server that asks for it in clear (mysql_clear_password, dialog), or encrypted with a key
    that the server names (sha256_password, caching_sha2_password)."""

    _logging_in = True
    # Where PyMySQL has another way to read, the program must not run.
    _read = pymysql.connections.Connection._read_packet

    def _read_packet(self, *arguments):
        packet = self._read(*arguments)
        # Another way, or a further question.
        other = packet.get_all_data()[:1] in (b"\xfe", b"\x01")
        if self._logging_in and other and not packet.get_all_data().startswith(b"\xfemysql_native_password\0"):
            raise OtherWay
        return packet

    def _request_authentication(self):
        super()._request_authentication()
        self._logging_in = False


class OtherWay(Exception):
    """The server asked for the password in another way."""


class Failed(Exception):
    """The verb did not succeed; its argument is one of the protocol's errors."""


def complain(what):
    """For the technician's log. Numbers and fixed texts only: what the server says may repeat what it was told."""
    print(what, file=sys.stderr)


def native(password):
    """The hash of mysql_native_password. No statement has a password in it, which the server's logs could keep."""
    return "*" + hashlib.sha1(hashlib.sha1(password.encode()).digest()).hexdigest().upper()


def connect(place, user, password):
    """A connection, or nothing where this login does not count. Until it is there, nothing was done."""
    try:
        return Connection(
            user=user, password=password, autocommit=True, charset="utf8mb4", connect_timeout=10, **place
        )
    except pymysql.err.OperationalError as error:
        if error.args[0] in DENIED:
            return None
        complain(f"no connection: error {error.args[0]}")
        raise Failed("unreachable") from None
    except OtherWay:
        complain("what answers there asks for the password in another way than mysql_native_password, and did not get it")
        raise Failed("settings") from None


def administrator(request):
    """The sealed login. A lease is no administrator, and what is missing must not become somebody by default."""
    user, password = request["login"].get("user"), request["login"]["secret"]
    if not user or not password or LEASE.fullmatch(user):
        raise Failed("settings")
    return user, password


def proven(place, request):
    """A connection of the administrator's, or nothing; the password must be what lets it in. The server's log shows
    one refused login for each call."""
    user, password = administrator(request)
    if connect(place, user, secrets.token_urlsafe(24)):
        complain("the server lets this administrator in with any password; make one that has to give its own")
        raise Failed("settings")
    return connect(place, user, password)


def call(connection, procedure, *values):
    """Calls a procedure. What it refuses was not done; of anything else that goes wrong nobody knows."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"CALL sequestre.{procedure}({', '.join(['%s'] * len(values))})", values)
    except pymysql.err.MySQLError as error:
        number, text = (*error.args, "", "")[:2]
        if number == SAID and text.startswith("sequestre: "):
            complain(text)
            raise Failed(text.split(": ")[1]) from None
        complain(f"{procedure}: error {number}")
        # There is no such procedure, or this administrator may not call it.
        raise Failed("settings" if number in (1044, 1049, 1305, 1370) else "unknown") from None


def option(request, name, needed):
    """A short text of the account's settings. What it names is for the server to refuse; here it has to be a name."""
    value = request["options"].get(name)
    if value is None and not needed:
        return None
    if not isinstance(value, str) or not re.fullmatch(r"[^\x00-\x1f\x7f]{1,64}", value):
        raise Failed("settings")
    return value


def verify(arguments, place, request):
    return {"works": proven(place, request) is not None}


def mint(arguments, place, request):
    lease, rights, database = request["lease"], option(request, "rights_of", True), option(request, "database", False)
    if set(request["options"]) - {"rights_of", "database"}:
        raise Failed("settings")
    connection = proven(place, request)
    if connection is None:
        raise Failed("denied")
    call(connection, "make_lease", lease["name"], lease["mark"], rights, native(lease["secret"]), lease["until"])
    fields = {"host": arguments.members_host, "user": lease["name"], "password": lease["secret"]}
    if arguments.members_port:
        fields["port"] = str(arguments.members_port)
    if database:
        fields["database"] = database
    return {"fields": fields}


def revoke(arguments, place, request):
    """The options say nothing here: what was made for the lease stands at the server."""
    connection = proven(place, request)
    if connection is None:
        raise Failed("denied")
    call(connection, "end_lease", request["lease"]["name"], request["lease"]["mark"])
    return {}


def rotate(arguments, place, request):
    user, _ = administrator(request)
    connection = proven(place, request)
    if connection is None:
        if connect(place, user, request["next"]):
            return {}
        raise Failed("denied")
    try:
        with connection.cursor() as cursor:
            cursor.execute("SHOW CREATE USER")
            if " IDENTIFIED BY PASSWORD '*" not in cursor.fetchone()[0]:
                raise Failed("not_supported")
            cursor.execute("SET PASSWORD = %s", (native(request["next"]),))
    except pymysql.err.MySQLError as error:
        complain(f"SET PASSWORD: error {error.args[0] if error.args else '?'}")
        raise Failed("unknown") from None
    return {}


def main():
    arguments = argparse.ArgumentParser()
    where = arguments.add_mutually_exclusive_group(required=True)
    where.add_argument("--socket")
    where.add_argument("--port", type=int)
    arguments.add_argument("--members-host", default="localhost")
    arguments.add_argument("--members-port", type=int)
    arguments = arguments.parse_args()
    place = {"unix_socket": arguments.socket} if arguments.socket else {"host": "127.0.0.1", "port": arguments.port}
    request = json.load(sys.stdin)
    verbs = {"verify": verify, "mint": mint, "revoke": revoke, "rotate": rotate}
    try:
        if request.get("protocol") != PROTOCOL:
            raise Failed("protocol")
        verb = verbs.get(request["verb"])
        if verb is None:
            raise Failed("not_supported")
        answer = {"ok": True, **verb(arguments, place, request)}
    except Failed as failed:
        answer = {"ok": False, "error": failed.args[0]}
    except OSError as error:
        complain(f"{type(error).__name__} {error.errno}")
        answer = {"ok": False, "error": "unknown"}
    json.dump({"protocol": PROTOCOL, **answer}, sys.stdout)


if __name__ == "__main__":
    main()
