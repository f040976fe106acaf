#!/usr/bin/python3
"""Temporary access to one mailbox of a Dovecot server that keeps its passwords in a passwd-file.

Configuration of the daemon (the technician's; a client can name only "dovecot"):

    [connect.exec.dovecot]
    program = "/usr/local/lib/sequestre/dovecot.py"
    arguments = ["--file", "/etc/dovecot/sequestre.passwd",
                 "--doveadm", "/usr/bin/doveadm", "/etc/dovecot/dovecot.conf"]
    user = "dovecot-passwd"        # who may write the folder of the file

Dovecot (2.3) reads the file as its first passdb:

    passdb {
      driver = passwd-file
      args = scheme=SSHA512 username_format=%u /etc/dovecot/sequestre.passwd
    }

The account's settings in the escrow:  {"kind": "exec", "program": "dovecot"}

What is sealed is the mailbox's own name and password. They must stand in the file, hashed as SSHA512
(`doveadm pw -s SSHA512` makes such a hash). Whoever deposits a mailbox proves with the password that it is theirs to
lend: nothing is done for a mailbox whose password is wrong.

A lease is a second line: a name of its own with a password of its own, which leads to the same mailbox. The
mailbox's own password never changes for it, and several leases may run at once. The line bears the lease's mark (in a
field that Dovecot ignores), and a line without it is not touched. At the end its password is scrambled, with --doveadm
the mailbox's open sessions are ended (the owner's programs log in again by themselves), and the line is removed. For
that the user above must be allowed to use Dovecot's anvil socket, or be root. Without Dovecot's own cache of logins
(auth_cache_size = 0, the default) a scrambled password is refused at once; with it, when the cache forgets it.

What a lease leaves: what it read, moved and deleted, and what it arranged in the mailbox. Over ManageSieve that is a
rule that sends on all further mail, with the plugin acl a folder that somebody else may read, with URLAUTH a link to a
message.
Let names that begin with seq- not log in to ManageSieve (a passdb of its own for the protocol sieve), and leave the
others out, or look through them after each lease.
"""

import argparse
import base64
import fcntl
import hashlib
import hmac
import json
import os
import re
import subprocess
import sys
import time

PROTOCOL = "sequestre-connector/1"
LEASE = re.compile(r"seq-[0-9a-f]{8}-[0-9]{1,20}")


class Failed(Exception):
    """The verb did not succeed; its argument is one of the protocol's errors."""


def hashed(password):
    salt = os.urandom(16)
    digest = hashlib.sha512(password.encode() + salt).digest()
    return "{SSHA512}" + base64.b64encode(digest + salt).decode()


def fits(password, stored):
    if not stored.startswith("{SSHA512}"):
        return False
    try:
        raw = base64.b64decode(stored[len("{SSHA512}"):], validate=True)
    except ValueError:
        return False
    digest, salt = raw[:64], raw[64:]
    return hmac.compare_digest(hashlib.sha512(password.encode() + salt).digest(), digest)


class Passwords:
    """The passwd-file, locked while this object lives. Other lines, and comments, stay as they are."""

    def __init__(self, path):
        self.path = path
        # The lock is a file of its own: the passwd-file is replaced as a whole, and a lock on it would go with it.
        self.lock = os.open(path + ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        with open(path, encoding="utf-8") as file:
            self.lines = file.read().splitlines()

    def fields_of(self, name):
        for line in self.lines:
            fields = line.split(":")
            if fields[0] == name and len(fields) > 1:
                return fields
        return None

    def hash_of(self, name):
        fields = self.fields_of(name)
        return fields and fields[1]

    def lease(self, lease):
        """The fields of this lease's line, if there is one. Another association's has another mark."""
        fields = self.fields_of(lease["name"])
        if fields and (len(fields) != 8 or fields[4] != mark_of(lease)):
            raise Failed("not_ours")
        return fields

    def without(self, name):
        return [line for line in self.lines if line.split(":")[0] != name]

    def write(self, lines):
        """On disk as a whole or not at all: Dovecot never reads half a file."""
        old = os.stat(self.path)
        new = self.path + ".new"
        with open(new, "w", encoding="utf-8") as file:
            made = os.fstat(file.fileno())
            if (made.st_uid, made.st_gid) != (old.st_uid, old.st_gid):
                # Where this is not allowed, it ends here, and the old file stays: Dovecot could not read the new one.
                os.fchown(file.fileno(), old.st_uid, old.st_gid)
            os.fchmod(file.fileno(), old.st_mode & 0o7777)
            file.write("".join(line + "\n" for line in lines))
            file.flush()
            os.fsync(file.fileno())
        # Dovecot reads a file again when its size or its modification time in whole seconds has changed. Two changes
        # in one second with hashes of one length would look the same, and the first password would go on working.
        later = max(int(time.time()), int(old.st_mtime) + 1)
        os.utime(new, (later, later))
        os.replace(new, self.path)
        folder = os.open(os.path.dirname(self.path) or ".", os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
        self.lines = lines
        # It looks at most once a second. When the answer is given, and before sessions are ended, the new file counts.
        time.sleep(1.1)


def mailbox_of(request):
    """The mailbox whose password is sealed. A colon or a line break would forge fields of the file; `doveadm kick`
    takes * and ? for any mailboxes, and a hyphen at the beginning for an option."""
    mailbox = request["login"].get("user")
    if not mailbox or re.search(r"^-|[:*?\s\x00-\x1f\x7f]", mailbox) or LEASE.fullmatch(mailbox):
        raise Failed("settings")
    return mailbox


def mark_of(lease):
    return lease["mark"].replace(":", "/")


def proven(passwords, request):
    stored = passwords.hash_of(mailbox_of(request))
    return stored is not None and fits(request["login"]["secret"], stored)


def verify(options, request):
    return {"works": proven(Passwords(options.file), request)}


def mint(options, request):
    """Called again for the same lease, it replaces the line: the password of the last call works."""
    lease, mailbox = request["lease"], mailbox_of(request)
    passwords = Passwords(options.file)
    if not proven(passwords, request):
        raise Failed("denied")
    name = lease["name"]
    if not LEASE.fullmatch(name):
        raise Failed("settings")
    passwords.lease(lease)
    # Name, password, uid, gid, what is ignored, home, shell, what else is known.
    line = f"{name}:{hashed(lease['secret'])}:::{mark_of(lease)}:::user={mailbox}"
    passwords.write(passwords.without(name) + [line])
    return {"fields": {"user": name, "password": lease["secret"]}}


def revoke(options, request):
    """Needs no proof: only a line that this program made for this lease is removed, and only the sessions of the
    mailbox in it are ended, which was proven when it was made. Whose login is sealed says nothing here: anybody can
    seal somebody else's name. The line goes last, so that a second call ends the sessions again."""
    lease = request["lease"]
    name = lease["name"]
    if not LEASE.fullmatch(name):
        raise Failed("settings")
    passwords = Passwords(options.file)
    fields = passwords.lease(lease)
    if fields is None:
        return {}
    mailbox = fields[7].removeprefix("user=")
    nobodys = base64.b64encode(os.urandom(32)).decode()
    passwords.write(passwords.without(name) + [":".join([name, hashed(nobodys)] + fields[2:])])
    if options.doveadm:
        # Dovecot knows the session by the mailbox. Exit status 68: there was none.
        doveadm, configuration = options.doveadm
        command = [doveadm, "-c", configuration, "kick", mailbox]
        if subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL).returncode not in (0, 68):
            raise Failed("unfinished")
    passwords.write(passwords.without(name))
    return {}


def rotate(options, request):
    """Also succeeds where the next password is already the one in the file."""
    mailbox = mailbox_of(request)
    passwords = Passwords(options.file)
    stored = passwords.hash_of(mailbox)
    if stored is not None and fits(request["next"], stored):
        return {}
    if not proven(passwords, request):
        raise Failed("denied")

    def changed(line):
        fields = line.split(":")
        if fields[0] == mailbox:
            fields[1] = hashed(request["next"])
        return ":".join(fields)

    passwords.write([changed(line) for line in passwords.lines])
    return {}


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--file", required=True)
    arguments.add_argument("--doveadm", nargs=2, metavar=("PROGRAM", "CONFIGURATION"))
    options = arguments.parse_args()
    request = json.load(sys.stdin)
    verbs = {"verify": verify, "mint": mint, "revoke": revoke, "rotate": rotate}
    try:
        if request.get("protocol") != PROTOCOL:
            raise Failed("protocol")
        verb = verbs.get(request["verb"])
        if verb is None:
            raise Failed("not_supported")
        answer = {"ok": True, **verb(options, request)}
    except Failed as failed:
        answer = {"ok": False, "error": failed.args[0]}
    except OSError as error:
        # Which file, not what was in it. What was done is not known: the daemon calls again.
        print(error, file=sys.stderr)
        answer = {"ok": False, "error": "unknown"}
    json.dump({"protocol": PROTOCOL, **answer}, sys.stdout)


if __name__ == "__main__":
    main()
