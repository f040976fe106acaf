#!/usr/bin/env python3
"""An independent check of a log's copy: Python's standard library and `cryptography`, none of the programs' own code.

    verify.py [--log-key VKEY] [--proof FILE]... [--shares FILE]... EXPORT

EXPORT is a folder that `sequestre audit export` wrote; FILE of --proof what `sequestre audit proof N` printed; FILE of
--shares one opened share envelope a line. Checked: the signed note, cosignatures, tiles and tree, inclusion proofs, the
canonical form and the signature of every command, daemon act and move, the organisation's id, what commands refer to,
texts against their names, shares against their logged digests, and what enough shares give against the logged public
key. Not checked: whether each act was *allowed*; that takes the rules.

Prints what holds. Exit code 1 and the first thing that does not, by file or entry, otherwise.
"""

import argparse
import base64
import json
import re
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

import formats
from formats import EMPTY_ROOT, Note, Refused, Schema, key_id, leaf_hash, require, sha256, verify_ed25519

PROTO = Path(__file__).resolve().parents[2] / "proto" / "sequestre" / "v1"
# Acts of people whom the log does not know before, and what was said while there was no log: built on nothing.
NEWCOMERS = ("genesis", "join", "enrol_device")
BASELESS = (*NEWCOMERS, "record_answer")


def person_id(key):
    return sha256(bytes([key["algorithm"]]), key["key"])


def ed25519(message, field, where, length):
    require(message.get("algorithm") == 1 and len(message.get(field, b"")) == length, where, f"no Ed25519 {field}")
    return message[field]


class Log:
    """The copy in a folder, checked as it is read."""

    def __init__(self, folder):
        self.folder, self.schema = Path(folder), Schema(PROTO)
        self.note = Note(self.read("checkpoint"), "checkpoint")
        self.read_tiles()
        self.read_genesis()
        self.keys, self.devices, self.deposits, self.quorums = {}, {}, {}, {}
        last = 0
        for index, entry in enumerate(self.entries):
            where = f"entry {index}"
            require(entry["index"] == index if index else "index" not in entry, where, "it counts otherwise")
            require(entry["time"] >= last, where, "earlier than the entry before it")
            last = entry["time"]
            if "act" in entry:
                self.check_act(index, entry)
            else:
                self.check_command(index, entry["command"], where)
        self.note.require_signed(self.key_at(self.note.size))

    def key_at(self, size):
        """The log key that signs a tree of this size: after a move another one than before."""
        return [key for index, key in self.log_keys if index < size][-1]

    def read(self, path):
        try:
            return (self.folder / path).read_bytes()
        except OSError as error:
            raise Refused(f"{path}: {error.strerror}") from None

    def read_tiles(self):
        raw, hashes = [], []
        for path, level, _, width in formats.tile_paths(self.note.size):
            data = self.read(path)
            if level is None:
                raw += formats.bundle(data, width, path)
            else:
                require(len(data) == 32 * width, path, "of another length than its name says")
                hashes.append((path, level, [data[i:i + 32] for i in range(0, len(data), 32)]))
        self.leaves = [leaf_hash(entry) for entry in raw]
        self.rows = formats.levels(self.leaves)
        taken = {}
        for path, level, nodes in hashes:
            first = taken.get(level, 0)
            taken[level] = first + len(nodes)
            require(self.rows[8 * level][first:first + len(nodes)] == nodes, path, "other hashes than the entries have")
        require(formats.root(self.rows, len(raw)) == self.note.root, "checkpoint", "another root than the entries have")
        self.entries = [self.schema.decode("Entry", entry, f"entry {i}") for i, entry in enumerate(raw)]

    def read_genesis(self):
        require(self.entries and "command" in self.entries[0], "entry 0", "not a genesis")
        genesis = self.entries[0]["command"].get("command", b"")
        command = self.schema.decode("Command", genesis, "entry 0")
        require("genesis" in command, "entry 0", "not a genesis")
        self.organisation = sha256(b"sequestre/genesis/v1\0", genesis)
        self.origin = f"sequestre/{self.organisation.hex()}"
        require(self.note.origin == self.origin, "checkpoint", "of another organisation than the genesis founds")
        self.log_keys = [(0, ed25519(command["genesis"]["log_key"], "key", "entry 0", 32))]

    def check_act(self, index, entry):
        where, act = f"entry {index}", entry["act"]
        self.schema.decode("Act", act.get("act", b""), where)
        place = index.to_bytes(8, "big") + entry["time"].to_bytes(8, "big")
        message = b"sequestre/act/v1\0" + self.organisation + place + act["act"]
        signature = ed25519(act["signature"], "signature", where, 64)
        require(verify_ed25519(self.key_at(index), signature, message), where, "the daemon's signature is false")

    def check_command(self, index, signed, where):
        data = signed.get("command", b"")
        command = self.schema.decode("Command", data, where)
        key = ed25519(signed["signer"], "key", where, 32)
        domain = bytes(32) if "genesis" in command else self.organisation
        message = b"sequestre/command/v1\0" + domain + person_id(signed["signer"]) + data
        signature = ed25519(signed["signature"], "signature", where, 64)
        require(verify_ed25519(key, signature, message), where, "the command's signature is false")
        require(len(command.get("nonce", b"")) == 16, where, "a nonce of another length")
        base = command["base"]
        size = base.get("size", 0)
        require(size <= index, where, "built on a longer log than there was")
        require(formats.root(self.rows, size) == base["root"], where, "built on another log")
        require(("genesis" in command) == (index == 0), where, "a genesis belongs at the beginning, and only there")
        name, act = next((name, act) for name, act in command.items() if name not in ("created", "nonce", "base"))
        require(size or name in BASELESS, where, "built on nothing")
        self.check_references(act, index, where)
        self.remember(name, act, person_id(signed["signer"]), where)
        self.keys[person_id(signed["signer"])] = key
        if name == "move":
            self.check_move(index, act, where)
        if name == "record_answer":
            message = b"sequestre/recovery-request/v1\0" + self.organisation + act["recovery"]
            require(act["starter"] in self.keys, where, "an answer to somebody whom the log does not know")
            asked = ed25519(act["request"], "signature", where, 64)
            require(verify_ed25519(self.keys[act["starter"]], asked, message), where, "the starter did not ask for this")

    def check_move(self, index, act, where):
        """The log goes on under another key. Whether those who signed may say so is for the rules."""
        statement = self.schema.decode("MoveStatement", act["statement"], where)
        require(statement["organisation"] == self.organisation, where, "a move of another organisation")
        prefix = (statement["prefix"]["size"], statement["prefix"]["root"])
        require(prefix == (index, formats.root(self.rows, index)), where, "a move of another log")
        old = ed25519(statement["old_log_key"], "key", where, 32)
        require(old == self.key_at(index), where, "a move from another log key")
        signers = [person_id(signature["signer"]) for signature in act["signatures"]]
        require(signers == sorted(set(signers)), where, "signers who are not in order, or twice")
        for signature in act["signatures"]:
            message = b"sequestre/move/v1\0" + self.organisation + person_id(signature["signer"]) + act["statement"]
            key, bytes_ = signature["signer"]["key"], signature["signature"]["signature"]
            require(verify_ed25519(key, bytes_, message), where, "a signature of the move is false")
        self.check_rounds(act, statement, where)
        self.log_keys.append((index, ed25519(statement["charter"]["log_key"], "key", where, 32)))

    def check_rounds(self, act, statement, where):
        """Who gives entries up signs twice, the charter's delay apart; the second time over the first signatures."""
        first, second = act.get("first", []), act.get("second", [])
        asked = statement.get("gives_up", 0) > 0
        require(bool(first) == bool(second) == asked, where, "signatures of what is given up, missing or not asked for")
        due = max((one["time"] for one in first), default=0) + statement["charter"]["destroy_delay"]
        require(all(one["time"] >= due for one in second), where, "a second signature before the delay was over")
        digest = sha256(b"sequestre/move-first-round/v1\0", *(self.round_part(one) for one in first))
        for label, signed, extra in ((b"", first, b""), (b"-again", second, digest)):
            signers = [person_id(one["signer"]) for one in signed]
            require(signers == sorted(set(signers)), where, "signers who are not in order, or twice")
            for one in signed:
                place = self.organisation + person_id(one["signer"]) + one["time"].to_bytes(8, "big")
                message = b"sequestre/move-give-up" + label + b"/v1\0" + place + extra + act["statement"]
                key, bytes_ = one["signer"]["key"], one["signature"]["signature"]
                require(verify_ed25519(key, bytes_, message), where, "a signature of what is given up is false")

    @staticmethod
    def round_part(one):
        return person_id(one["signer"]) + one["time"].to_bytes(8, "big") + one["signature"]["signature"]

    def check_references(self, act, index, where):
        """Whoever refers to an entry names its index and its hash."""
        for message in [act] + act.get("roll", []) + [act[name] for name in ("admission",) if name in act]:
            for field in [field for field in message if field.endswith("_leaf")]:
                target = message.get(field.replace("_leaf", "_index"), 0)
                require(target < index and self.leaves[target] == message[field], where, "refers to another entry")

    def remember(self, name, act, signer, where):
        if name in NEWCOMERS:
            person = act["founder" if name == "genesis" else "person"]
            require(person_id(person["signing"]) == signer, where, "keys of somebody else than the signer")
            self.devices[person_id(act["device"])] = (signer, ed25519(act["device"], "key", where, 32))
        elif name == "deposit":
            for part in act["parts"]:
                self.deposits[act["credential"], act["version"], part["kind"]] = part

    def vkey(self, key):
        text = base64.b64encode(bytes([formats.NOTE_ED25519]) + key).decode()
        return f"{self.origin}+{key_id(self.origin, formats.NOTE_ED25519, key).hex()}+{text}"

    def check_texts(self):
        texts = sorted((self.folder / "blobs").glob("*"))
        for path in texts:
            where, blob = f"blobs/{path.name}", path.read_bytes()
            require(sha256(blob).hex() == path.name, where, "not what its name says")
            try:
                require(len(blob) > 32 and blob[32:].decode(), where, "no text")
            except UnicodeDecodeError:
                raise Refused(f"{where}: not UTF-8") from None
        return len(texts)

    def check_cosignatures(self):
        notes = [self.note]
        for path in sorted((self.folder / "cosignatures").glob("*/*")):
            where = str(path.relative_to(self.folder))
            note = Note(path.read_bytes(), where)
            require(note.origin == self.origin and str(note.size) == path.parent.name, where, "about something else")
            require(note.size <= self.note.size, where, "about a longer log than this one")
            require(formats.root(self.rows, note.size) == note.root, where, "about another log")
            require(note.cosignatures(), where, "nobody signed it")
            notes.append(note)
        people = set()
        for note in notes:
            for name, kid, signature in note.cosignatures():
                cosigner = re.fullmatch("(.*)/([0-9a-f]{64})/([0-9a-f]{64})", name)
                require(cosigner and cosigner[1] == self.origin, note.where, f"{name} is no cosigner of this log")
                person, device = cosigner[2], cosigner[3]
                known = self.devices.get(bytes.fromhex(device))
                require(known and known[0].hex() == person, note.where, f"nobody certified the device of {name}")
                require(kid == key_id(name, formats.NOTE_COSIGNATURE, known[1]), note.where, f"another key of {name}")
                require(len(signature) == 72, note.where, f"{name}: no cosignature/v1")
                time = int.from_bytes(signature[:8], "big")
                message = formats.cosigned_message(note, time)
                require(verify_ed25519(known[1], signature[8:], message), note.where, f"{name}: the cosignature is false")
                people.add(person)
        return len(people)

    def check_proof(self, path):
        index, nodes, note = formats.proof(Path(path).read_bytes(), path)
        require(note.origin == self.origin, path, "of another organisation")
        require(0 < note.size <= len(self.leaves), path, "of a longer log than this copy")
        note.require_signed(self.key_at(note.size))
        require(index < len(self.leaves), path, "of an entry that this copy does not have")
        found = formats.root_of_path(index, note.size, self.leaves[index], nodes, path)
        require(found == note.root, path, "does not lead from the entry to the root")

    def check_shares(self, path):
        """Each line against its digest; then what each k of a group give against the part's public key."""
        splits = {}
        for number, line in enumerate(Path(path).read_bytes().splitlines()):
            where = f"{path}, line {number + 1}"
            try:
                share = json.loads(line)
                kind = ["password", "totp-secret", "recovery-codes", "notes"].index(share["part"]) + 1
                credential, y = bytes.fromhex(share["credential"]), bytes.fromhex(share["y"])
            except (ValueError, KeyError):
                raise Refused(f"{where}: not a share's envelope") from None
            part = self.deposits.get((credential, share["version"], kind))
            require(part and share["organisation"] == self.organisation.hex(), where, "of a part that the log does not have")
            deal = next((deal for deal in part["deals"] if deal["quorum"] == share["quorum"]), None)
            require(deal and share["group"] <= len(deal["groups"]), where, "of another quorum")
            dealt = deal["groups"][share["group"] - 1]["shares"]
            require(1 <= share["x"] <= len(dealt), where, "of somebody who was dealt nothing")
            require(dealt[share["x"] - 1]["digest"] == sha256(line), where, "its digest is not the one in the log")
            split = splits.setdefault((id(part), share["quorum"], share["group"]), (part, share["k"], share["groups"], {}))
            split[3][share["x"]] = y
        keys = 0
        for part, k, groups, points in splits.values():
            # With several groups one group's shares give only its part of the key.
            if len(points) < k or groups != 1:
                continue
            key = X25519PrivateKey.from_private_bytes(formats.interpolate(sorted(points.items())[-k:]))
            public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
            require(public == part["master_key"]["key"], path, "the shares give another key than the log names")
            keys += 1
        return sum(len(split[3]) for split in splits.values()), keys


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--log-key", help="the verifier key (name+id+key) that somebody trustworthy gave")
    parser.add_argument("--proof", action="append", default=[])
    parser.add_argument("--shares", action="append", default=[])
    parser.add_argument("export")
    given = parser.parse_args()
    try:
        log = Log(given.export)
        vkeys = [log.vkey(key) for _, key in log.log_keys]
        require(given.log_key in [None] + vkeys, "checkpoint", "another log key than the one given")
        texts, witnesses = log.check_texts(), log.check_cosignatures()
        for path in given.proof:
            log.check_proof(path)
        shares = [log.check_shares(path) for path in given.shares]
    except Refused as refused:
        sys.exit(f"REFUSED {refused}")
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        sys.exit(f"REFUSED {given.export}: something is missing that must be there ({error!r})")
    print(f"organisation {log.organisation.hex()}")
    print(f"log key {vkeys[-1]}")
    print(f"root {log.note.root.hex()}")
    print(f"entries {len(log.entries)}")
    print(f"cosigners {witnesses}")
    print(f"texts {texts}")
    print(f"proofs {len(given.proof)}")
    print(f"shares {sum(s for s, _ in shares)}")
    print(f"keys {sum(k for _, k in shares)}")


if __name__ == "__main__":
    main()
