#!/usr/bin/env python3
"""Verifies audit logs of the NeuralOps connector, and proofs and exports of them, offline.

It was written from docs/audit-log.md, shares no code with the connector, and needs nothing but
Python 3.8 or later. Usage:

    verify_audit_log.py [--public-key FILE] [--checkpoint FILE]... [--json] PATH...

PATH is the folder of a log, the folder of an export, or a proof. Exit code: 0 when all of them hold,
1 when one does not, 2 for wrong usage.
"""

import argparse
import base64
import functools
import hashlib
import json
import os
import re
import sys

LOG_FORMAT = "neuralops.io/audit/v1"
PROOF_FORMAT = "neuralops.io/audit-proof/v1"
EXPORT_FORMAT = "neuralops.io/audit-export/v1"
MAX_LINE_BYTES = 65_536
MAX_TORN_BYTES = 64 * MAX_LINE_BYTES
MAX_SAFE_INTEGER = 2**53 - 1
SEALS = ("audit.day_sealed", "audit.segment_sealed")
OPENINGS = ("audit.genesis", "audit.day_opened", "audit.segment_opened")
HEX = re.compile(r"[0-9a-f]{64}\Z")
DAY = re.compile(r"\d{4}-\d{2}-\d{2}\Z")
SEGMENT = re.compile(r"([0-9]{20})-([0-9]{4})([0-9]{2})([0-9]{2})\.jsonl\Z")


class Fault(Exception):
    """What is wrong, and where: file, line (from 1) and record number, as far as they are known."""

    def __init__(self, problem, code="audit_broken", file=None, line=None, sequence=None):
        super().__init__(problem)
        self.problem, self.code = problem, code
        self.file, self.line, self.sequence = file, line, sequence


# --- Bytes and texts ------------------------------------------------------------------------------


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def unbase64(text):
    """Standard base64 with padding, in the one form that the bytes have."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (ValueError, AttributeError):
        raise Fault("expected base64", "malformed_request") from None
    if base64.b64encode(data).decode() != text:
        raise Fault("expected base64 in its one form", "malformed_request")
    return data


def utf16_length(text):
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def es_number(value):
    """A number as ECMAScript writes it, which RFC 8785 asks for."""
    if value == 0:
        return "0"
    sign = "-" if value < 0 else ""
    mantissa, _, exponent = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    fraction = "" if fraction == "0" else fraction
    point = len(whole) + int(exponent or 0)
    digits = (whole + fraction).lstrip("0")
    point -= len(whole + fraction) - len(digits)
    digits = digits.rstrip("0")
    count = len(digits)
    if count <= point <= 21:
        return sign + digits + "0" * (point - count)
    if 0 < point <= 21:
        return sign + digits[:point] + "." + digits[point:]
    if -6 < point <= 0:
        return sign + "0." + "0" * -point + digits
    power = f"e{'+' if point > 0 else '-'}{abs(point - 1)}"
    return sign + digits[0] + ("." + digits[1:] if count > 1 else "") + power


ESCAPES = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}


def es_string(text):
    escape = lambda c: ESCAPES.get(c) or (f"\\u{ord(c):04x}" if c < " " else c)
    return '"' + "".join(map(escape, text)) + '"'


def canonical(value):
    """RFC 8785."""
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode("utf-16-be", "surrogatepass"))
        return "{" + ",".join(f"{es_string(n)}:{canonical(value[n])}" for n in names) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    if isinstance(value, str):
        return es_string(value)
    if value is True or value is False or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return es_number(value)


def refuse_constant(text):
    raise ValueError(f"{text} is no JSON")


def parse_json(text):
    """Numbers become floats, as they are in ECMAScript."""
    return json.loads(text, parse_int=float, parse_float=float, parse_constant=refuse_constant)


# --- Ed25519 (RFC 8032) ---------------------------------------------------------------------------

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)


def point_add(a, b):
    """In extended homogeneous coordinates (x, y, z, t)."""
    e = (a[1] - a[0]) * (b[1] - b[0]) % P
    f = (a[1] + a[0]) * (b[1] + b[0]) % P
    g, h = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = f - e, h - g, h + g, f + e
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def point_times(scalar, point):
    result = (0, 1, 1, 0)
    while scalar > 0:
        if scalar & 1:
            result = point_add(result, point)
        point = point_add(point, point)
        scalar >>= 1
    return result


def point_from(data):
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P != 0:
        x = x * SQRT_M1 % P
    if (x * x - square) % P != 0 or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return (x, y, 1, x * y % P)


BASE = point_from((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


@functools.lru_cache(maxsize=64)  # many logs or proofs at a time are held against one checkpoint
def ed25519_verifies(key, message, signature):
    if len(key) != 32 or len(signature) != 64:
        return False
    a, r = point_from(key), point_from(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= L:
        return False
    digest = hashlib.sha512(signature[:32] + key + message).digest()
    left = point_times(s, BASE)
    right = point_add(r, point_times(int.from_bytes(digest, "little") % L, a))
    same_x = (left[0] * right[2] - right[0] * left[2]) % P == 0
    return same_x and (left[1] * right[2] - right[1] * left[2]) % P == 0


# --- The Merkle tree (RFC 6962), as the roots of its perfect subtrees ------------------------------


def leaf_hash(body):
    return sha256(b"\x00", body)


def node_hash(left, right):
    return sha256(b"\x01", left, right)


class Tree:
    """Perfect subtrees from left to right, as (leaves, root)."""

    def __init__(self, size=0, peaks=()):
        self.size, self.peaks = size, []
        widths = [1 << bit for bit in range(size.bit_length() - 1, -1, -1) if size >> bit & 1]
        if len(widths) != len(peaks):
            raise Fault(f"expected {len(widths)} hashes, found {len(peaks)}")
        self.peaks = list(zip(widths, peaks))

    def add(self, root, width=1):
        if self.size % width != 0:
            raise Fault("a subtree is out of place")
        self.size += width
        self.peaks.append((width, root))
        while len(self.peaks) > 1 and self.peaks[-1][0] == self.peaks[-2][0]:
            (width, left), (_, right) = self.peaks[-2:]
            self.peaks[-2:] = [(2 * width, node_hash(left, right))]

    def root(self):
        if not self.peaks:
            return sha256(b"")
        root = self.peaks[-1][1]
        for _, left in reversed(self.peaks[:-1]):
            root = node_hash(left, root)
        return root


def widths_between(start, end):
    """The fewest perfect subtrees that make up a range of leaves."""
    while start < end:
        width = 1
        while start % (2 * width) == 0 and start + 2 * width <= end:
            width *= 2
        yield width
        start += width


def includes(leaf, index, size, hashes, root):
    """RFC 9162, section 2.1.3.2."""
    if not 0 <= index < size:
        return False
    node, last, value = index, size - 1, leaf
    for sibling in hashes:
        if last == 0:
            return False
        if node & 1 or node == last:
            value = node_hash(sibling, value)
            while node & 1 == 0 and node != 0:
                node, last = node >> 1, last >> 1
        else:
            value = node_hash(value, sibling)
        node, last = node >> 1, last >> 1
    return last == 0 and value == root


def grew(old, new, hashes):
    """RFC 9162, section 2.1.4.2. `old` and `new` are (size, root)."""
    if old[0] > new[0]:
        return False
    if old[0] == new[0]:
        return not hashes and old[1] == new[1]
    if old[0] == 0:
        return not hashes and old[1] == sha256(b"")
    node, last = old[0] - 1, new[0] - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    path = [old[1], *hashes] if node == 0 else list(hashes)
    if not path:
        return False
    before = after = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if node & 1 or node == last:
            before, after = node_hash(sibling, before), node_hash(sibling, after)
            while node & 1 == 0 and node != 0:
                node, last = node >> 1, last >> 1
        else:
            after = node_hash(after, sibling)
        node, last = node >> 1, last >> 1
    return last == 0 and before == old[1] and after == new[1]


# --- Checkpoints (C2SP signed notes) ---------------------------------------------------------------

NOTE_BODY = re.compile(r"([^\n]+)\n(0|[1-9][0-9]{0,15})\n([A-Za-z0-9+/]{43}=)\n\Z")
NOTE_SIGNATURE = re.compile("\u2014 ([^\\s+]+) ([A-Za-z0-9+/]+={0,2})\\Z")


class Checkpoint:
    def __init__(self, note, label="the checkpoint"):
        self.note, self.label = note, label
        body, gap, trailer = note.rpartition("\n\n")
        self.body = body + "\n"
        parts = NOTE_BODY.match(self.body) if gap and len(note) <= 16_384 else None
        lines = trailer[:-1].split("\n") if trailer.endswith("\n") else []
        signatures = [NOTE_SIGNATURE.match(line) for line in lines]
        if not parts or not signatures or not all(signatures):
            raise Fault(f"{label} is no checkpoint", "malformed_request")
        self.origin, self.size = parts[1], int(parts[2])
        self.root = unbase64(parts[3])
        self.signatures = [(s[1], unbase64(s[2])) for s in signatures]

    def verify(self, key):
        """That this key signed it, and that it is of this key's log."""
        for name, blob in self.signatures:
            key_id = sha256(name.encode() + b"\n\x01" + key)[:4]
            if blob[:4] == key_id and ed25519_verifies(key, self.body.encode(), blob[4:]):
                break
        else:
            raise Fault(f"{self.label} is not signed by the expected key", "bad_signature")
        expected = f"neuralops.io/audit/{sha256(key).hex()}"
        if self.origin != expected:
            raise Fault(f"{self.label} is of {self.origin}, expected {expected}", "bad_signature")


# --- Records ---------------------------------------------------------------------------------------

TEXTS = {"type": 100, "actor": 300, "subject": 2000}
MEMBERS = {"type", "actor", "subject", "data", "seq", "timeMs", "prev", "hash"}


def is_count(value, least):
    return isinstance(value, float) and value.is_integer() and least <= value <= MAX_SAFE_INTEGER


def is_value(value):
    if isinstance(value, list):
        return all(isinstance(item, str) for item in value)
    if isinstance(value, float):
        return value - value == 0  # neither infinite nor NaN
    return value is None or isinstance(value, (str, bool))


def parse_record(line):
    """One line without its line feed. Raises Fault; returns the record with `leaf`, its hash."""
    try:
        text = line.decode("utf-8")
        record = parse_json(text)
    except (ValueError, RecursionError):
        raise Fault("the line is not JSON in UTF-8") from None
    if not isinstance(record, dict) or set(record) != MEMBERS:
        raise Fault("the line is no audit record: it has other members")
    for name, most in TEXTS.items():
        if not isinstance(record[name], str) or utf16_length(record[name]) > most:
            raise Fault(f"the line is no audit record: {name}")
    for name in ("prev", "hash"):
        if not isinstance(record[name], str) or not HEX.match(record[name]):
            raise Fault(f"the line is no audit record: {name}")
    data = record["data"]
    if not record["type"] or not is_count(record["seq"], 1) or not is_count(record["timeMs"], 0):
        raise Fault("the line is no audit record: type, seq or timeMs")
    if not isinstance(data, dict) or "__proto__" in data or not all(map(is_value, data.values())):
        raise Fault("the line is no audit record: data")
    try:
        is_canonical = canonical(record).encode("utf-8") == line
    except UnicodeEncodeError:  # half of a surrogate pair
        is_canonical = False
    if not is_canonical:
        raise Fault("the line is not in canonical form (RFC 8785)")
    body = {name: value for name, value in record.items() if name != "hash"}
    leaf = leaf_hash(canonical(body).encode("utf-8"))
    if leaf.hex() != record["hash"]:
        raise Fault("the content does not match its hash")
    return {**record, "seq": int(record["seq"]), "timeMs": int(record["timeMs"]), "leaf": leaf}


# --- Logs ------------------------------------------------------------------------------------------


class Log:
    """Where a log stands between two records."""

    def __init__(self, key=None):
        self.key, self.day, self.sealed_by = key, None, None
        self.sequence, self.time_ms, self.tree = 0, 0, Tree()
        self.hash = sha256(key).hex() if key else None

    @classmethod
    def from_base(cls, text):
        try:
            base = parse_json(text)
            key, sequence = unbase64(base["publicKey"]), int(base["sequence"])
            log = cls(key)
            log.day, log.sealed_by = base["day"], base["sealedBy"]
            log.sequence, log.hash, log.time_ms = sequence, base["hash"], int(base["timeMs"])
            log.tree = Tree(sequence, [bytes.fromhex(peak) for peak in base["peaks"]])
            names = "format publicKey day sealedBy sequence hash timeMs peaks".split()
            good = set(base) == set(names) and base["format"] == LOG_FORMAT
            good = good and is_count(base["sequence"], 1) and is_count(base["timeMs"], 0)
            good = good and base["sealedBy"] in SEALS and DAY.match(base["day"])
            good = good and all(HEX.match(text) for text in [base["hash"], *base["peaks"]])
            if good:
                return log
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError, Fault):
            pass
        raise Fault("it does not say where the local log begins", file="base.json")

    def follow(self, line, first_sequence, day, opens):
        """The next record of a segment. Raises Fault; nothing has changed then."""
        if self.sealed_by is not None and not opens:
            raise Fault(f"expected the end of the file after {self.sealed_by}")
        record = parse_record(line)
        key = self._genesis_key(record) if self.sequence == 0 else self.key
        prev = sha256(key).hex() if self.sequence == 0 else self.hash
        if record["seq"] != self.sequence + 1:
            raise Fault(f"expected sequence {self.sequence + 1}, found {record['seq']}")
        if record["prev"] != prev:
            raise Fault(f"expected prev {prev}, found {record['prev']}")
        if record["timeMs"] < self.time_ms and record["type"] != "audit.clock_stepped":
            raise Fault(f"expected a time of {self.time_ms} or later, found {record['timeMs']}")
        sealed_by = None
        if opens:
            self._expect(record, *self._opening(key, first_sequence, day))
        elif record["type"] in SEALS:
            sealed_by = record["type"]
            records = record["seq"] - first_sequence + 1
            data = {"day": day, "firstSequence": float(first_sequence), "records": float(records)}
            self._expect(record, sealed_by, day, data)
        elif record["type"] in OPENINGS:
            raise Fault(f"{record['type']} may stand only at the beginning of a file")
        self.key, self.day, self.sealed_by = key, day, sealed_by
        self.sequence, self.hash, self.time_ms = record["seq"], record["hash"], record["timeMs"]
        self.tree.add(record["leaf"])

    def _genesis_key(self, record):
        data = record["data"]
        if record["type"] != "audit.genesis" or data.get("format") != LOG_FORMAT:
            raise Fault(f"expected an audit.genesis record of {LOG_FORMAT}")
        key = unbase64(data.get("publicKey"))
        if self.key is not None and data.get("chain") != sha256(self.key).hex():
            raise Fault(f"expected the chain {sha256(self.key).hex()}, found {data.get('chain')}")
        return key

    def _opening(self, key, first_sequence, day):
        """What the first record of a segment must be: type, subject, data."""
        if first_sequence != self.sequence + 1:
            raise Fault(f"the file name says {first_sequence}, expected {self.sequence + 1}")
        if self.day is None:
            chain = sha256(key).hex()
            public_key = base64.b64encode(key).decode()
            data = {"format": LOG_FORMAT, "chain": chain, "publicKey": public_key, "day": day}
            return "audit.genesis", chain, data
        if self.sealed_by is None:
            raise Fault("the file before this one does not end with a seal")
        goes_on = self.sealed_by == "audit.segment_sealed"
        if day < self.day or (day == self.day) != goes_on:
            raise Fault(f"the file is of {day}, but follows a {self.sealed_by} of {self.day}")
        kind = "audit.segment_opened" if goes_on else "audit.day_opened"
        return kind, day, {"day": day, "previousDay": self.day}

    @staticmethod
    def _expect(record, kind, subject, data):
        wanted = {"type": kind, "actor": "connector", "subject": subject, "data": data}
        found = {name: record[name] for name in wanted}
        if canonical(found) != canonical(wanted):
            raise Fault(f"expected {canonical(wanted)}, found {canonical(found)}")


def lines_of(path):
    """Yields (line without line feed, whether one was there)."""
    with open(path, "rb") as file:
        while line := file.readline(MAX_TORN_BYTES + 2):
            yield (line[:-1], True) if line.endswith(b"\n") else (line, False)


def require_whole(file, log, empty, torn):
    if torn:
        raise Fault("expected a line feed at the end", file=file, sequence=log.sequence + 1)
    if empty:
        raise Fault("expected records, found an empty file", file=file, sequence=log.sequence + 1)


def verify_log(folder, key, checkpoints):
    base = os.path.join(folder, "base.json")
    log = Log(key)
    if os.path.exists(base):
        with open(base, encoding="utf-8", errors="surrogateescape") as file:
            log = Log.from_base(file.read())
        if key is not None and key != log.key:
            raise Fault(f"expected the chain {sha256(key).hex()}", file="base.json")
    start = log.sequence
    waiting = {}
    for checkpoint in checkpoints:
        waiting.setdefault(checkpoint.size, []).append(checkpoint)
    agreed = 0

    def compare():
        nonlocal agreed
        for checkpoint in waiting.pop(log.sequence, []):
            checkpoint.verify(log.key)
            if checkpoint.root != log.tree.root():
                raise Fault(f"expected another root after {log.sequence} records")
            agreed += 1

    last = None
    for file in sorted(os.listdir(folder)):
        name = SEGMENT.match(file)
        if not name or int(name[1]) <= start:
            continue
        if last:
            require_whole(*last)
        count, torn = 0, False
        for line, complete in lines_of(os.path.join(folder, file)):
            if not complete and len(line) <= MAX_TORN_BYTES:
                torn = True
                break
            count, sequence = count + 1, log.sequence + 1
            try:
                if len(line) >= MAX_LINE_BYTES:
                    raise Fault(f"expected a line of less than {MAX_LINE_BYTES} bytes")
                day = f"{name[2]}-{name[3]}-{name[4]}"
                log.follow(line, int(name[1]), day, count == 1)
                compare()
            except Fault as fault:
                if fault.code != "bad_signature":
                    fault.code, fault.file, fault.line = "audit_broken", file, count
                    fault.sequence = sequence
                raise
        last = (file, log, count == 0, torn)
        if log.sealed_by is not None and count > 0:
            require_whole(*last)
    if last:
        require_whole(*last)
    if start > 0:
        # The tree where the local log begins: a checkpoint of just that size can be compared, too.
        for checkpoint in waiting.pop(start, []):
            checkpoint.verify(log.key)
            with open(base, encoding="utf-8") as file:
                if checkpoint.root != Log.from_base(file.read()).tree.root():
                    raise Fault(f"expected another root after {start} records", file="base.json")
            agreed += 1
    if log.sequence == 0:
        raise Fault(f"there is no audit log in {folder}", "not_found")
    for size, (checkpoint, *_) in sorted(waiting.items()):
        checkpoint.verify(log.key)
        if size > log.sequence:
            problem = f"expected {size} records, as {checkpoint.label} says; it ends after {log.sequence}"
            raise Fault(problem, file=folder, sequence=log.sequence + 1)
        raise Fault(f"{checkpoint.label} covers {size} records, before what is kept here", "not_found")
    return {
        "chain": sha256(log.key).hex(),
        "records": log.sequence,
        "removedRecords": start,
        "lastDay": log.day,
        "root": log.tree.root().hex(),
        "checkpoints": agreed,
    }


# --- Proofs and exports ----------------------------------------------------------------------------


def members(document, types):
    if not isinstance(document, dict) or set(document) != set(types):
        raise Fault("this is no proof: it has other members", "malformed_request")
    for name, kind in types.items():
        if not isinstance(document[name], kind):
            raise Fault(f"this is no proof: {name}", "malformed_request")


def hash_list(texts):
    hashes = [unbase64(text) for text in texts if isinstance(text, str)]
    if len(hashes) != len(texts) or any(len(one) != 32 for one in hashes):
        raise Fault("this is no proof: expected hashes of 32 bytes", "malformed_request")
    return hashes


def own_checkpoint(note, key):
    checkpoint = Checkpoint(note)
    checkpoint.verify(key)
    return checkpoint


def verify_proof(text, key):
    try:
        document = parse_json(text)
        kind = document.get("kind")
    except (ValueError, AttributeError, RecursionError):
        raise Fault("a proof must be a JSON object", "malformed_request") from None
    common = {"format": str, "kind": str, "publicKey": str, "hashes": list}
    if kind == "consistency":
        members(document, {**common, "from": str, "to": str})
    else:
        members(document, {**common, "record": str, "index": float, "size": float, "checkpoint": str})
    if document["format"] != PROOF_FORMAT or kind not in ("inclusion", "consistency"):
        raise Fault("this is no proof: format or kind", "malformed_request")
    (named,) = hash_list([document["publicKey"]])
    key = key or named
    hashes = hash_list(document["hashes"])
    result = {"kind": kind, "chain": sha256(key).hex()}
    if kind == "consistency":
        old, new = own_checkpoint(document["from"], key), own_checkpoint(document["to"], key)
        if not grew((old.size, old.root), (new.size, new.root), hashes):
            raise Fault(f"the log of {new.size} records did not grow out of the one of {old.size}")
        return {**result, "from": old.size, "to": new.size}
    checkpoint = own_checkpoint(document["checkpoint"], key)
    record = parse_record(document["record"].encode("utf-8", "surrogatepass"))
    if record["seq"] != document["index"] + 1 or document["size"] != checkpoint.size:
        raise Fault("record, index, size and checkpoint do not fit together")
    index = record["seq"] - 1
    if not includes(record["leaf"], index, checkpoint.size, hashes, checkpoint.root):
        raise Fault(f"record {record['seq']} is not in the log of the checkpoint")
    return {**result, "sequence": record["seq"], "size": checkpoint.size}


def verify_export(folder, key):
    with open(os.path.join(folder, "proof.json"), encoding="utf-8") as file:
        try:
            proof = parse_json(file.read())
        except (ValueError, RecursionError):
            raise Fault("proof.json must be JSON", "malformed_request") from None
    texts = {"format": str, "publicKey": str, "checkpoint": str}
    period = {"sinceMs": (float, type(None)), "untilMs": (float, type(None))}
    counts = {"firstSequence": float, "records": float, "before": list, "after": list}
    members(proof, {**texts, **period, **counts})
    good = proof["format"] == EXPORT_FORMAT and is_count(proof["firstSequence"], 1)
    good = good and is_count(proof["records"], 1)
    if not good or not all(proof[n] is None or is_count(proof[n], 0) for n in period):
        raise Fault("this is no export: format, period or counts", "malformed_request")
    (named,) = hash_list([proof["publicKey"]])
    key = key or named
    checkpoint = own_checkpoint(proof["checkpoint"], key)
    first, records = int(proof["firstSequence"]), proof["records"]
    tree = Tree(first - 1, hash_list(proof["before"]))
    prev = sha256(key).hex() if first == 1 else None
    sequence = first - 1
    for line, complete in lines_of(os.path.join(folder, "records.jsonl")):
        if not complete:
            raise Fault("records.jsonl does not end with a line feed")
        record = parse_record(line)
        sequence += 1
        if record["seq"] != sequence or prev not in (None, record["prev"]):
            raise Fault(f"expected record {sequence} after the one before", sequence=sequence)
        prev = record["hash"]
        tree.add(record["leaf"])
    if sequence - first + 1 != records:
        raise Fault(f"expected {records:.0f} records, found {sequence - first + 1}")
    after = hash_list(proof["after"])
    widths = list(widths_between(tree.size, checkpoint.size))
    if tree.size > checkpoint.size or len(widths) != len(after):
        raise Fault("the hashes after the records do not lead to the checkpoint")
    for width, root in zip(widths, after):
        tree.add(root, width)
    if tree.root() != checkpoint.root:
        raise Fault("the records are not those of the log that the checkpoint stands for")
    chain = sha256(key).hex()
    return {"kind": "export", "chain": chain, "firstSequence": first, "lastSequence": sequence}


# --- The command line ------------------------------------------------------------------------------


def read_text(path):
    try:
        with open(path, encoding="utf-8", newline="") as file:
            return file.read()
    except UnicodeDecodeError:
        raise Fault(f"{path} is not text in UTF-8", "malformed_request") from None
    except OSError as error:
        raise Fault(f"cannot read {path}: {error.strerror}", "not_found") from None


def read_key(path):
    text = read_text(path).strip()
    pem = re.search(r"-----BEGIN PUBLIC KEY-----(.*)-----END", text, re.S)
    data = unbase64("".join((pem[1] if pem else text).split()))
    prefix = bytes.fromhex("302a300506032b6570032100")  # RFC 8410
    if pem and data.startswith(prefix):
        data = data[len(prefix):]
    if len(data) != 32:
        raise Fault(f"{path} is no Ed25519 key: expected PEM, or its 32 bytes in base64", "malformed_request")
    return data


def verify(path, key, checkpoints):
    if not os.path.isdir(path):
        return verify_proof(read_text(path), key)
    if os.path.exists(os.path.join(path, "proof.json")):
        return verify_export(path, key)
    return verify_log(path, key, checkpoints)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("paths", nargs="+", metavar="PATH")
    parser.add_argument("--public-key", help="the connector's key: PEM, or 32 bytes in base64")
    parser.add_argument("--checkpoint", action="append", default=[], help="kept elsewhere; again for each")
    parser.add_argument("--json", action="store_true", help="one object a line")
    options = parser.parse_args()
    exit_code = 0
    for path in options.paths:
        try:
            key = read_key(options.public_key) if options.public_key else None
            checkpoints = [Checkpoint(read_text(file), file) for file in options.checkpoint]
            verdict = {"ok": True, **verify(path, key, checkpoints)}
            text = f"ok: {path}: " + ", ".join(f"{n} {v}" for n, v in verdict.items() if n != "ok")
        except Fault as fault:
            exit_code = 1
            place = {"file": fault.file, "line": fault.line, "sequence": fault.sequence}
            known = {name: value for name, value in place.items() if value is not None}
            verdict = {"ok": False, "code": fault.code, "message": fault.problem, **known}
            where = "".join(f", {name} {value}" for name, value in known.items())
            text = f"NOT ok: {path}{where}: {fault.code}: {fault.problem}"
        print(json.dumps(verdict) if options.json else text, flush=True)
    if not options.public_key:
        note = "the key is the log's own word: pass --public-key to be sure whose it is"
        print(note, file=sys.stderr)
    return exit_code


if __name__ == "__main__":
    sys.exit(main())
