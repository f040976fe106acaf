#!/usr/bin/env python3
"""Opens accounts without Séquestre: Python's standard library, and the command `age` for the rest.

    (age -d awa/identity.age; age -d bruno/identity.age) | python3 recover.py REPLICA

REPLICA is the folder organisations/<id> of any trustee; identities come on standard input, as many as needed. Prints
one JSON object a line, in the clear: change every password. SECURITY.md, section 4, has the formats."""
import collections, hmac, json, pathlib, re, subprocess, sys
def age_key(secret):  # 32 bytes in age's own form: bech32 (BIP-173), in capitals
    name, bits = "age-secret-key-", "".join(f"{byte:08b}" for byte in secret) + "0000"
    data, check = [int(bits[i:i + 5], 2) for i in range(0, 260, 5)], 1
    for value in [ord(c) >> 5 for c in name] + [0] + [ord(c) & 31 for c in name] + data + [0] * 6:
        top, check = check >> 25, (check & 0x1ffffff) << 5 ^ value
        for i, generator in enumerate((0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3)):
            check ^= generator * (top >> i & 1)
    data += [(check ^ 1) >> 5 * i & 31 for i in range(5, -1, -1)]
    return (name + "1" + "".join("qpzry9x8gf2tvdw0s3jn54khce6mua7l"[value] for value in data)).upper()
def age_open(keys, path):  # what one of these keys opens, or nothing
    run = subprocess.run(["age", "-d", "-i", "-", path], input="\n".join(keys).encode(), capture_output=True)
    return json.loads(run.stdout) if keys and run.returncode == 0 else None
powers = [1]  # of 2 in GF(2^8) with x^8 + x^4 + x^3 + x^2 + 1: multiplying is adding exponents
while len(powers) < 255:
    powers.append(powers[-1] << 1 ^ 0x11d * (powers[-1] >> 7))
def at_zero(shares):  # Lagrange's interpolation of {x: bytes}, byte by byte
    log, secret = powers.index, bytearray(len(list(shares.values())[0]))
    for x, ys in shares.items():
        weight = sum(log(other) - log(x ^ other) for other in shares if other != x)
        secret = bytearray(s ^ (y and powers[(weight + log(y)) % 255]) for s, y in zip(secret, ys))
    return bytes(secret)
def fields(message, at=0):  # of a protobuf message: {number: its last value}
    found = {}
    def number(value=0, shift=0):
        nonlocal at
        value, at = value | (message[at] & 127) << shift, at + 1
        return number(value, shift + 7) if message[at - 1] > 127 else value
    while at < len(message):
        tag, size = number(), number()
        found[tag >> 3], at = (message[at:at + size], at + size) if tag & 7 == 2 else (size, at)
    return found

blobs = {path.name: path for path in pathlib.Path(sys.argv[1], "blobs").iterdir()}
text = lambda name: blobs[name.hex()].read_bytes()[32:].decode() if name.hex() in blobs else None
entries, labels = pathlib.Path(sys.argv[1], "entries").read_bytes(), {}
while len(entries) >= (end := 4 + int.from_bytes(entries[:4], "big")) > 4:
    entry, entries = entries[4:end], entries[end:]  # entry > signed command > command > deposit > account, label, sheet
    if deposit := fields(fields(fields(fields(entry).get(3, b"")).get(1, b"")).get(21, b"")):
        labels[deposit[1].hex()] = {"label": text(deposit[4]), "sheet": text(deposit[5])}
seeds = [bytes.fromhex(line) for line in sys.stdin.read().split() if re.fullmatch("[0-9a-f]{64}", line)]
hkdf = lambda seed: hmac.digest(hmac.digest(bytes(32), seed, "sha256"), b"sequestre/identity/recipient/v1\1", "sha256")
sealed = [path for path in blobs.values() if path.read_bytes().startswith(b"age-encryption.org/v1")]
splits, masters = collections.defaultdict(dict), []
for share in filter(None, (age_open([age_key(hkdf(seed)) for seed in seeds], path) for path in sealed)):
    split = splits[share["master_key"], share["quorum"], share["epoch"], share["groups"]]
    split.setdefault((share["group"], share["k"]), {})[share["x"]] = bytes.fromhex(share["y"])
for (*_, count), groups in splits.items():
    inner = [at_zero(dict(list(shares.items())[:k])) for (_, k), shares in groups.items() if len(shares) >= k]
    if len(inner) == count:  # of several groups, each gives x and y of an outer share
        masters.append(age_key(inner[0] if count == 1 else at_zero({outer[0]: outer[1:] for outer in inner})))
for secret in filter(None, (age_open(masters, path) for path in sealed)):
    print(json.dumps({**secret, **labels[secret["credential"]], "padding": ""}, ensure_ascii=False))
