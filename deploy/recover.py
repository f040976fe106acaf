"""Opens accounts without Séquestre: Python's standard library, and the command `age` for the rest:
    (age -d awa/identity.age; age -d bruno/identity.age) | python3 recover.py REPLICA
REPLICA is the folder organisations/<id> of any trustee; identities come on standard input, as many as needed. Prints
one JSON object a line, in the clear: change every password. Says what stays closed. SECURITY.md, section 4: formats."""
import collections, hmac, io, json, pathlib, re, subprocess, sys
def age_key(secret):  # 32 bytes in age's own form: bech32 (BIP-173), in capitals
    name, bits = "age-secret-key-", "".join(f"{byte:08b}" for byte in secret) + "0000"
    data, check = [int(bits[i:i + 5], 2) for i in range(0, 260, 5)], 1
    for value in [ord(c) >> 5 for c in name] + [0] + [ord(c) & 31 for c in name] + data + [0] * 6:
        top, check = check >> 25, (check & 0x1ffffff) << 5 ^ value
        for i, generator in enumerate((0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3)):
            check ^= generator * (top >> i & 1)
    data += [(check ^ 1) >> 5 * i & 31 for i in range(5, -1, -1)]
    return (name + "1" + "".join("qpzry9x8gf2tvdw0s3jn54khce6mua7l"[value] for value in data)).upper()
def age_open(keys, blob, *expected):  # what one of these keys opens, if it says that it belongs here; else nothing
    run = subprocess.run(["age", "-d", "-i", "-", blob], input="\n".join(keys).encode(), capture_output=True)
    found = json.loads(run.stdout) if keys and run.returncode == 0 else {}
    return found if [found.get(field) for field in ("label", "credential", "version", "part")] == [*expected] else {}
powers = [1]  # of 2 in GF(2^8) with x^8 + x^4 + x^3 + x^2 + 1: multiplying is adding exponents
while len(powers) < 255: powers.append(powers[-1] << 1 ^ 0x11d * (powers[-1] >> 7))
def at_zero(shares):  # Lagrange's interpolation of {x: bytes}, byte by byte
    log, secret = powers.index, bytearray(33)
    for x, ys in shares.items():
        weight = sum(log(other) - log(x ^ other) for other in shares if other != x)
        secret = bytearray(s ^ (y and powers[(weight + log(y)) % 255]) for s, y in zip(secret, ys))
    return bytes(secret)
def fields(message):  # of a protobuf message: {number: its values}
    found, rest = collections.defaultdict(list), io.BytesIO(message)
    number = lambda: (byte := rest.read(1)[0]) & 127 | (byte > 127 and number() << 7)
    while rest.tell() < len(message):
        tag, size = number(), number()
        found[tag >> 3].append(rest.read(size) if tag & 7 == 2 else size)
    return found
path = lambda name: pathlib.Path(sys.argv[1], "blobs", name.hex())
text = lambda name: path(name).read_bytes()[32:].decode(errors="replace") if path(name).exists() else None
def secrets(part, splits, *context):  # of one part, from the blobs that its deposit in the log names and no others
    for share in (fields(share) for deal in part[4] for group in fields(deal)[2] for share in fields(group)[2]):
        if share := age_open(keys, path(share[2][0]), "sequestre/share/v1", *context):
            splits[share["quorum"], share["groups"]][share["group"], share["k"]][share["x"]] = bytes.fromhex(share["y"])
    for (_, count), groups in splits.items():
        inner = [at_zero(dict(list(shares.items())[:k])) for (_, k), shares in groups.items() if len(shares) >= k]
        if len(inner) == count:  # of several groups, each gives x and y of an outer share
            key = age_key(inner[0] if count == 1 else at_zero({outer[0]: outer[1:] for outer in inner}))
            yield age_open([key], path(part[3][0]), "sequestre/secret/v1", *context)
entries, labels, parts = pathlib.Path(sys.argv[1], "entries").read_bytes(), {}, []
while len(entries) >= (end := 4 + int.from_bytes(entries[:4], "big")) > 4:
    deposit, entries = entries[4:end], entries[end:]
    for number in (3, 1, 21): deposit = (fields(deposit)[number] or [b""])[-1]  # signed command > command > deposit
    if deposit := fields(deposit):
        labels[deposit[1][0].hex()] = {"label": text(deposit[4][0]), "sheet": text(deposit[5][0]), "padding": ""}
        parts += [(fields(part), deposit[1][0].hex(), deposit[2][0]) for part in deposit[6]]
hkdf = lambda seed: hmac.digest(hmac.digest(bytes(32), seed, "sha256"), b"sequestre/identity/recipient/v1\1", "sha256")
keys = [age_key(hkdf(bytes.fromhex(line))) for line in sys.stdin.read().split() if re.fullmatch("[0-9a-f]{64}", line)]
for part, *version in parts:  # whoever deposited one may have sealed anything in it: that must not cost the others
    context = *version, ("password", "totp-secret", "recovery-codes", "notes")[part[1][0] - 1]
    label, splits = labels[version[0]], collections.defaultdict(lambda: collections.defaultdict(dict))
    try: print(json.dumps({**next(filter(None, secrets(part, splits, *context))), **label}, ensure_ascii=False))
    except Exception:
        have = [f"{len(shares)} of {k}" for groups in splits.values() for (_, k), shares in groups.items()]
        print(f"closed: {label['label']!r}", *context, *have or ["no part of its key"], file=sys.stderr)
