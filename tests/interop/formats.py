"""The file formats that verify.py reads, each from its public specification and from proto/sequestre/v1/*.proto.

Nothing in here is shared with the programs that it checks.
"""

import base64
import hashlib
import re
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


class Refused(Exception):
    """What is wrong, beginning with the file or entry that it is about."""


def require(condition, where, why):
    if not condition:
        raise Refused(f"{where}: {why}")


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def unbase64(text, where):
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        raise Refused(f"{where}: not base64") from None
    require(base64.b64encode(data).decode() == text, where, "base64 that has another spelling")
    return data


def verify_ed25519(key, signature, message):
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
        return True
    except (InvalidSignature, ValueError):
        return False


# ---- protobuf, and only what proto/sequestre/v1 uses of it ----------------------------------------------------------

class Schema:
    """Messages and enums as the .proto files define them."""

    def __init__(self, folder):
        self.messages, self.enums = {}, {}
        for path in sorted(Path(folder).glob("*.proto")):
            text = re.sub(r"//[^\n]*", "", path.read_text())
            for kind, name, body in self.blocks(text):
                if kind == "enum":
                    self.enums[name] = {int(n) for n in re.findall(r"=\s*(\d+)\s*;", body)}
                else:
                    self.messages[name] = self.fields(body)
        require(self.messages, folder, "no .proto files there")

    @staticmethod
    def blocks(text):
        for start in re.finditer(r"\b(message|enum)\s+(\w+)\s*\{", text):
            end, depth = start.end(), 1
            while depth:
                depth += {"{": 1, "}": -1}.get(text[end], 0)
                end += 1
            yield start[1], start[2], text[start.end():end - 1]

    @staticmethod
    def fields(body):
        oneof = [(match.start(), match.end()) for match in re.finditer(r"oneof\s+\w+\s*\{[^}]*\}", body)]
        found = {}
        for field in re.finditer(r"\b(repeated\s+|optional\s+)?([\w.]+)\s+(\w+)\s*=\s*(\d+)\s*;", body):
            choice = next((begin for begin, end in oneof if begin < field.start() < end), None)
            label, kind = (field[1] or "").strip(), field[2].split(".")[-1]
            explicit = choice is not None or label == "optional"
            found[int(field[4])] = (field[3], kind, label == "repeated", explicit, choice)
        return found

    def decode(self, message, data, where):
        """A dict of the fields that are there; refused unless encoding it gives the same bytes again."""
        value = self.read(message, data, where)
        require(self.write(message, value) == data, where, "not in its one spelling (canonical encoding)")
        return value

    def read(self, message, data, where):
        fields, value, at = self.messages[message], {}, 0
        while at < len(data):
            key, at = varint(data, at, where)
            number, wire = key >> 3, key & 7
            require(number in fields, where, f"{message} has no field {number}")
            name, kind, repeated, _, choice = fields[number]
            chosen = [other for other, *_, their in fields.values() if their == choice and other in value]
            require(choice is None or not chosen, where, f"{name} besides {chosen}: only one of them can be there")
            if wire == 0:
                raw, at = varint(data, at, where)
            else:
                require(wire == 2, where, f"wire type {wire} occurs nowhere in this format")
                length, at = varint(data, at, where)
                raw, at = data[at:at + length], at + length
                require(at <= len(data), where, "cut short")
            if repeated and self.is_number(kind):
                require(wire == 2, where, f"{name} is not packed")
                inner, values = 0, value.setdefault(name, [])
                while inner < len(raw):
                    number, inner = varint(raw, inner, where)
                    values.append(self.scalar(kind, number, where))
            elif repeated:
                value.setdefault(name, []).append(self.field(kind, raw, wire, where))
            else:
                value[name] = self.field(kind, raw, wire, where)
        return value

    def is_number(self, kind):
        return kind in ("uint32", "uint64", "bool") or kind in self.enums

    def scalar(self, kind, number, where):
        if kind in self.enums:
            require(number in self.enums[kind], where, f"{kind} {number} is unknown")
        limit = {"uint32": 1 << 32, "bool": 2}.get(kind, 1 << 64)
        require(number < limit, where, f"a {kind} of {number}")
        return number

    def field(self, kind, raw, wire, where):
        require((wire == 0) == self.is_number(kind), where, f"a {kind} in another wire type")
        if self.is_number(kind):
            return self.scalar(kind, raw, where)
        if kind == "string":
            try:
                return raw.decode()
            except UnicodeDecodeError:
                raise Refused(f"{where}: a text that is not UTF-8") from None
        return raw if kind == "bytes" else self.read(kind, raw, where)

    def write(self, message, value):
        out = b""
        for number, (name, kind, repeated, explicit, _) in sorted(self.messages[message].items()):
            if name not in value:
                continue
            content = value[name]
            if repeated and self.is_number(kind):
                packed = b"".join(to_varint(number) for number in content)
                out += tagged(number, packed) if packed else b""
                continue
            for one in content if repeated else [content]:
                if self.is_number(kind):
                    out += to_varint(number << 3) + to_varint(one) if one or explicit else b""
                elif kind in ("string", "bytes"):
                    raw = one.encode() if kind == "string" else one
                    out += tagged(number, raw) if raw or explicit or repeated else b""
                else:
                    out += tagged(number, self.write(kind, one))
        return out


def varint(data, at, where):
    number = 0
    for shift in range(0, 70, 7):
        require(at < len(data), where, "cut short")
        byte, at = data[at], at + 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            require(number < 1 << 64, where, "a number beyond 64 bits")
            return number, at
    raise Refused(f"{where}: a number beyond 64 bits")


def to_varint(number):
    out = b""
    while number >= 0x80:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def tagged(number, content):
    return to_varint(number << 3 | 2) + to_varint(len(content)) + content


# ---- Merkle tree: RFC 6962 ------------------------------------------------------------------------------------------

EMPTY_ROOT = sha256(b"")


def leaf_hash(entry):
    return sha256(b"\0", entry)


def node_hash(left, right):
    return sha256(b"\1", left, right)


def levels(leaves):
    """Row l holds the roots of the full subtrees of 2^l leaves."""
    rows = [leaves]
    while len(rows[-1]) > 1:
        row = rows[-1]
        rows.append([node_hash(row[i], row[i + 1]) for i in range(0, len(row) - 1, 2)])
    return rows


def root(rows, size):
    """The root over the first `size` leaves: their full subtrees, from the right."""
    result, level = None, 0
    while size >> level:
        if size >> level & 1:
            subtree = rows[level][(size >> level) - 1]
            result = subtree if result is None else node_hash(subtree, result)
        level += 1
    return EMPTY_ROOT if result is None else result


def root_of_path(index, size, leaf, path, where):
    """RFC 9162, section 2.1.3.2."""
    require(index < size, where, "the entry is not below the tree's size")
    fn, sn, current = index, size - 1, leaf
    for sibling in path:
        require(sn > 0, where, "the path is too long")
        if fn & 1 or fn == sn:
            current = node_hash(sibling, current)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            current = node_hash(current, sibling)
        fn, sn = fn >> 1, sn >> 1
    require(sn == 0, where, "the path is too short")
    return current


# ---- c2sp.org: signed-note, tlog-checkpoint, tlog-cosignature, tlog-tiles, tlog-proof ---------------------------------

NOTE_ED25519, NOTE_COSIGNATURE = 1, 4


def key_id(name, kind, key):
    return sha256(name.encode(), b"\n", bytes([kind]), key)[:4]


class Note:
    """A signed note that states a checkpoint. Nothing in it is verified yet."""

    def __init__(self, data, where):
        try:
            text = data.decode()
        except UnicodeDecodeError:
            raise Refused(f"{where}: not UTF-8") from None
        self.where = where
        body, found, tail = text.rpartition("\n\n")
        require(found and tail.endswith("\n"), where, "not a signed note")
        self.body, self.lines = body + "\n", []
        for line in tail[:-1].split("\n"):
            match = re.fullmatch("\u2014 ([^ +]+) (\\S+)", line)
            require(match, where, "a signature line that is none")
            raw = unbase64(match[2], where)
            require(len(raw) > 4, where, "a signature line without signature")
            self.lines.append((match[1], raw[:4], raw[4:]))
        rows = self.body.split("\n")
        require(len(rows) == 4 and re.fullmatch("0|[1-9][0-9]*", rows[1]), where, "not a checkpoint")
        self.origin, self.size, self.root = rows[0], int(rows[1]), unbase64(rows[2], where)
        require(len(self.root) == 32, where, "a root of another length")

    def require_signed(self, key):
        mine = [sig for name, kid, sig in self.lines if (name, kid) == (self.origin, key_id(self.origin, NOTE_ED25519, key))]
        require(mine, self.where, "not signed by the log key")
        for signature in mine:
            require(verify_ed25519(key, signature, self.body.encode()), self.where, "the log key's signature is false")

    def cosignatures(self):
        return [line for line in self.lines if line[0] != self.origin]


def cosigned_message(note, time):
    return f"cosignature/v1\ntime {time}\n{note.body}".encode()


def tile_paths(size):
    """Path, level (None: entries), index and width of every tile of a tree."""
    rows, level, count = [("entries", None, size)], 0, size
    while count:
        rows.append((str(level), level, count))
        level, count = level + 1, count >> 8
    for name, level, count in rows:
        for index in range((count + 255) // 256):
            width = min(256, count - 256 * index)
            digits = re.findall("...", f"{index:0{(len(str(index)) + 2) // 3 * 3}}")
            path = "/".join(["x" + group for group in digits[:-1]] + digits[-1:])
            partial = f".p/{width}" if width < 256 else ""
            yield f"tile/{name}/{path}{partial}", level, index, width


def bundle(data, width, where):
    entries, at = [], 0
    for _ in range(width):
        length = int.from_bytes(data[at:at + 2], "big")
        require(at + 2 + length <= len(data), where, "cut short")
        entries.append(data[at + 2:at + 2 + length])
        at += 2 + length
    require(at == len(data), where, "something stands after the last entry")
    return entries


def proof(data, where):
    """Index, path and note of a tlog-proof file."""
    head, found, note = data.partition(b"\n\n")
    require(found, where, "not a proof file")
    try:
        lines = head.decode().split("\n")
    except UnicodeDecodeError:
        raise Refused(f"{where}: not UTF-8") from None
    require(lines.pop(0) == "c2sp.org/tlog-proof@v1", where, "not a proof file of version 1")
    if lines and lines[0].startswith("extra "):
        lines.pop(0)
    require(lines and re.fullmatch("index (0|[1-9][0-9]*)", lines[0]), where, "no index")
    path = [unbase64(line, where) for line in lines[1:]]
    require(all(len(node) == 32 for node in path), where, "a hash of another length")
    return int(lines[0][6:]), path, Note(note, where)


# ---- Shamir's scheme over GF(256), polynomial x^8 + x^4 + x^3 + x^2 + 1 ------------------------------------------------

def gf_multiply(a, b):
    product = 0
    while b:
        product ^= a if b & 1 else 0
        a = a << 1 ^ (0x11D if a & 0x80 else 0)
        b >>= 1
    return product


def gf_invert(a):
    result = 1
    for _ in range(254):
        result = gf_multiply(result, a)
    return result


def interpolate(points):
    """The value at 0 of the polynomials through (x, bytes)."""
    out = bytearray(len(points[0][1]))
    for i, (x, y) in enumerate(points):
        weight = 1
        for j, (other, _) in enumerate(points):
            if i != j:
                weight = gf_multiply(weight, gf_multiply(other, gf_invert(other ^ x)))
        for at, byte in enumerate(y):
            out[at] ^= gf_multiply(byte, weight)
    return bytes(out)
