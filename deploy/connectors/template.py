#!/usr/bin/python3
"""A connector to be filled in: see README.md in this folder for the protocol and for what it promises.

Copy it, fill in the four verbs, and try it by hand before the daemon does:

    echo '{"protocol": "sequestre-connector/1", "verb": "verify", "options": {},
           "login": {"user": "chef", "secret": "…"}}' | ./my-connector.py

It needs Python 3.9 and nothing else.
"""

import json
import sys

PROTOCOL = "sequestre-connector/1"


class Failed(Exception):
    """The verb did not succeed. The argument is one of the protocol's errors; choose "unknown" when in doubt."""


def verify(request):
    """Does the sealed login work now? Try it at the target; do not compare with something remembered."""
    # user, secret = request["login"].get("user"), request["login"]["secret"]
    # return {"works": target_accepts(user, secret)}
    raise Failed("not_supported")


def mint(request):
    """Make what the member gets. First prove that the login may do so ("denied" if it does not count); then make it,
    or, if it is there from an earlier call, set this call's secret. It should end by itself at lease["until"] if the
    target can do that."""
    # lease = request["lease"]
    # if not target_accepts(…):
    #     raise Failed("denied")
    # target_create_or_change(name=lease["name"], password=lease["secret"], expires=lease["until"])
    # return {"fields": {"user": lease["name"], "password": lease["secret"]}}
    raise Failed("not_supported")


def revoke(request):
    """Take it away, and end its sessions. If it is not there (any more), that is success. For a shared account set
    lease["secret"], which nobody knows. Look again some seconds later: the member's requests may have undone it."""
    # target_delete(name=request["lease"]["name"])
    # target_end_sessions(…)
    # return {}
    raise Failed("not_supported")


def rotate(request):
    """Change the login's own secret to request["next"]. If that already works, it is done."""
    # if target_accepts(user, request["next"]):
    #     return {}
    # target_change(user, request["login"]["secret"], request["next"])
    # return {}
    raise Failed("not_supported")


VERBS = {"verify": verify, "mint": mint, "revoke": revoke, "rotate": rotate}


def main():
    request = json.load(sys.stdin)
    try:
        if request.get("protocol") != PROTOCOL:
            raise Failed("protocol")
        verb = VERBS.get(request.get("verb"))
        if verb is None:
            raise Failed("not_supported")
        answer = {"ok": True, **verb(request)}
    except Failed as failed:
        answer = {"ok": False, "error": failed.args[0]}
    except OSError as error:
        # Whether it was done is not known. Print what happened, and never what was asked for.
        print(type(error).__name__, error.errno, file=sys.stderr)
        answer = {"ok": False, "error": "unknown"}
    json.dump({"protocol": PROTOCOL, **answer}, sys.stdout)


if __name__ == "__main__":
    main()
