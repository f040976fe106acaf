progress-replay = Checking every entry

# The log as a story: one sentence for each act.
log-line = { $index }  { $time }  { $text }
log-genesis = { $who } founded the association “{ $name }” (server { $address }).
log-invite = { $who } invited { $name } as { $roles }; the invitation is good until { $time }.
log-cancel-invitation = { $who } cancelled the invitation of { $name }.
log-join = { $who } joined with the invitation of { $inviter }, as { $roles }. Fingerprint: { $fingerprint }.
log-enrol-device = { $who } added the device { $device }.
log-revoke-device = { $who } revoked the device { $device }.
log-propose = { $who } made proposal { $proposal }.
log-propose-charter = { $who } proposed version { $version } of the charter (proposal { $proposal }, code { $code }).
log-propose-admission = { $who } proposed to take in { $name } as { $roles } (proposal { $proposal }).
log-propose-removal = { $who } proposed to remove { $name } (proposal { $proposal }): “{ $reason }”.
log-sign = { $who } signed proposal { $proposal }.
log-sign-charter = { $who } signed version { $version } of the charter (proposal { $proposal }).
log-acknowledge-charter = { $who } acknowledged version { $version } of the charter (proposal { $proposal }).
log-sign-admission = { $who } agreed to take in { $name } (proposal { $proposal }).
log-sign-removal = { $who } agreed to remove { $name } (proposal { $proposal }).
log-leave = { $who } left the association.
log-deposit = { $who } put the account “{ $label }” in escrow, in vault “{ $vault }” ({ $parts }).
log-deposit-again = { $who } deposited version { $version } of “{ $label }” in vault “{ $vault }” ({ $parts }).
log-deposit-carried = { $who } deposited version { $version } of “{ $label }” in vault “{ $vault }” ({ $parts }); unchanged: { $carried }.
log-confirm = { $who } opened the parts of keys received and found them right: { $n } ({ $labels }).
log-confirm-claims = { $who } opened the parts of keys received. Right: { $n }. { $claims }
log-claim-closed = The part of the key to “{ $label }” ({ $part }) dealt by { $name } does not open.
log-claim-differs = The part of the key to “{ $label }” ({ $part }) dealt by { $name } is not the one that the log names.
log-the-server = the server
log-request = { $who } asked for access to “{ $label }” ({ $parts }) for { $duration }: “{ $reason }”.
log-request-own = { $who } asked for access to “{ $label }” ({ $parts }) for { $duration }, handing in a part of the key of their own: “{ $reason }”.
log-approve = { $who } agreed to request { $request }: access to “{ $label }” for { $name }.
log-deny = { $who } refused request { $request }: access to “{ $label }” for { $name }, because “{ $reason }”.
log-withdraw = { $who } withdrew request { $request } for “{ $label }”.
log-return = { $who } gave back the access to “{ $label }” (request { $request }).
log-record-answer = { $who } says what happened without the server: handed over to { $name }, for a recovery, { $n ->
    [one] { $n } part of a key
   *[other] { $n } parts of keys
}: { $labels }.
log-accuse-closed = { $who } says that the part of the key to “{ $label }” ({ $parts }) that { $name } handed over for request { $request } does not open. { $name }’s program will look again.
log-accuse-differs = { $who } says that the part of the key to “{ $label }” ({ $parts }) that { $name } handed over for request { $request } is not the one that the log names. { $name }’s program will look again.
log-accuse-answered-good = This answers what { $name } said about request { $request }: the part of the key is right as it was dealt.
log-accuse-answered-bad = This answers what { $name } said about request { $request }: the part of the key was bad before it was handed over.
log-start-drill = { $who } started a drill: everybody who holds parts of keys is asked to open them and to say what they find.
log-access-works = { $who } tried what the access to “{ $label }” (request { $request }) gave: it works.
log-access-fails = { $who } tried what the access to “{ $label }” (request { $request }) gave: it does NOT work.
log-restore-drill = { $who } restored the service from a copy, beside the running one: { $size } entries and { $blobs } files in { $duration }. Everything was there.
log-restore-drill-failed = { $who } tried to restore the service from a copy, beside the running one: { $size } entries and { $blobs } files in { $duration }. It did NOT work.
log-revoke = { $who } ended the access of { $name } to “{ $label }” (request { $request }), because “{ $reason }”.
log-collected = { $name } fetched “{ $label }” (request { $request }): access runs until { $time }.
log-expired = Request { $request } of { $name } for “{ $label }” ended: too few agreements in time.
log-expired-uncollected = { $name } did not fetch “{ $label }” in time (request { $request }); the access counts as running until { $time }.
log-lease-expired = The access of { $name } to “{ $label }” (request { $request }) ended: its time is over.

# What followed from an act.
log-then-charter = With that, version { $version } of the charter is in force.
log-then-admitted = Taken in: { $names }.
log-then-gone = No longer belong to the association: { $names }.
log-then-granted = With that, “{ $quorum }” agreed and request { $request } is granted.
log-then-ended = { $n ->
    [one] With that, request { $requests } ended.
   *[other] With that, requests { $requests } ended.
}
log-then-due-now = The password of “{ $label }” is to be changed now.
log-then-due-later = The password of “{ $label }” is to be changed later.
log-then-settled = With that, the change of password due for “{ $label }” is on record as done.

# Copies for others.
audit-bad-moment = “{ $text }” is neither an entry’s number nor a date. Write for example 120, 2027-01-15 or 2027-01-15 18:30.
audit-folder-not-empty = { $path } already holds something. Choose an empty or a new folder: a copy must not be mixed with older files.
audit-copy-differs = The entries are not those of the checkpoint. Run “sequestre sync” and try again.
audit-no-entry = There is no entry { $index }: the log has { $size }, counted from 0.
audit-exported = { $entries } entries, { $cosignatures } countersignatures and { $texts } texts were written to { $path }. It holds names and reasons, but no password and no part of a key: give it only to those who may read the log. README.txt says how to check it.
audit-readme =
    COPY OF THE LOG OF “{ $name }”
    made on { $time }

    WHAT THIS IS
    Everything that was done in this association’s escrow, in order: who put
    which account in escrow, who asked for access and why, who agreed, when
    access ended. It holds names and reasons: treat it as confidential.
    It holds no password, no part of a key and no account sheet.

    Association   { $id }
    Entries       { $entries }
    Root          { $root }
    Log key       { $key }
    Charter       version { $version }
    Charter code  { $code }

    HOW TO CHECK IT
    1. Install Séquestre. Neither an account nor a network is needed.
    2. Run:  sequestre audit verify FOLDER
       Every entry is replayed from the first one on. The answer names the
       first entry that does not hold and says why, or that everything holds.
    3. Compare the charter code and the log key above with somebody whom you
       trust, by voice. Whoever made a false copy could have written false
       ones here. With a log key from a sure source, run:
       sequestre audit verify FOLDER --log-key 'THE LOG KEY'
    4. Ask several trustees and mediators for a copy. Two copies must agree
       up to the end of the shorter one; if they do not, keep both.

    WITH OTHER TOOLS
    The files are in the formats of C2SP (c2sp.org): “checkpoint” is a signed
    note (signed-note, tlog-checkpoint) with countersignatures
    (tlog-cosignature), “tile/” is laid out as tlog-tiles, hashes are those
    of RFC 6962. “cosignatures/” holds countersignatures of earlier states of
    the log, “blobs/” the texts, each named by its SHA-256, 32 random bytes
    before the text.

# The verdict on a copy.
audit-bad-key = This is not a log key. Copy the whole line “sequestre/…+…+…” or the 64 characters of the key.
audit-holds = { $n ->
    [one] Everything holds: the entry was allowed, and it is what the log signed.
   *[other] Everything holds: each of the { $n } entries was allowed, and together they are what the log signed.
}
audit-fails-because = { $n ->
    [one] This copy does not hold. One thing is wrong:
   *[other] This copy does not hold. { $n } things are wrong:
}
audit-fails = { $more ->
    [0] This copy does not hold: { $first } Do not rely on it; show it to the others.
    [one] This copy does not hold: { $first } One more thing is wrong. Do not rely on it; show it to the others.
   *[other] This copy does not hold: { $first } { $more } more things are wrong. Do not rely on it; show it to the others.
}
audit-item = - { $text }
audit-id = Association: { $id }
audit-head = The checkpoint says: { $n } entries, root { $root }.
audit-key-given = Log key, as you gave it: { $key }
audit-key-pinned = Log key, as this computer knows it since it joined: { $key }
audit-key-copy = Log key, as only this copy states it: { $key }
    Compare it, or the charter code, with somebody whom you trust: a wholly invented log would look just as sound.
audit-replayed = Replayed: “{ $name }”, { $n } entries, the last one of { $time }.
audit-charter = Charter: version { $version }, code { $code }
audit-nobody-cosigned = Nobody’s countersignature is in this copy: only the log itself vouches for its end.
audit-cosigned = { $of ->
    [0] Confirmed by these people:
   *[other] Confirmed by { $n } of { $of } witnesses:
}
audit-cosigned-by = Who
audit-cosigned-device = Device
audit-cosigned-up-to = Entries seen
audit-cosigned-on = When (their clock)
audit-cosigned-witness = Witness
audit-witness-yes = yes
audit-witness-no = no
audit-texts = Texts in this copy: { $n } of { $of } that the log names. Texts may be missing; those that are here are the right ones.
audit-own-none = This computer has no replica of this log to compare with.
audit-own-agrees = This computer’s own replica ({ $n } entries) agrees with it.
audit-own-contradicts = This computer’s own replica ({ $n } entries) CONTRADICTS it.
audit-own-unknown = It could not be compared with this computer’s own replica.
audit-remarks = Note also:
audit-fault-no-checkpoint = There is no file “checkpoint”: this is no complete copy of a log.
audit-fault-checkpoint-form = The file “checkpoint” is not a checkpoint of such a log, or is damaged.
audit-fault-no-key = The log key is not known: the first entry is missing or damaged. Give the key with --log-key.
audit-fault-signature = The log key did not sign this checkpoint: it was changed, or comes from another log.
audit-fault-other-key = The first entry states another log key than the one that it was checked with.
audit-fault-other-log = The key that you gave belongs to the log of { $wanted }; this is the log of { $found }.
audit-fault-no-bundle = Entry { $entry } and what follows are missing: there is no file { $path }.
audit-fault-bundle = Entry { $entry } and what follows cannot be read: the file { $path } is damaged or cut short.
audit-fault-no-tile = The file { $path } is missing.
audit-fault-tile = The hashes in { $path } are not those of the log: this file was changed.
audit-fault-altered = Entry { $entry } was changed in this copy: it is not the one that the log signed.
audit-fault-forbidden = Entry { $entry } stands in the log although it must not: the server accepted what it should have refused.
audit-fault-entry = Entry { $entry } does not hold.
audit-fault-root = The entries are not those that the log signed: together they give another root.
audit-fault-cosignature = The countersignature by device { $device } of { $size } entries is false.
audit-fault-cosignature-form = { $path } is not a countersignature of this log.
audit-fault-cosigned-other = Device { $device } confirmed another log of { $size } entries under this name. Keep this copy: it is evidence.
audit-fault-text = The text { $path } was changed: it is not the one that its name says.
audit-fault-fork = { $why }
audit-fault-not-ours = It contradicts what this computer replayed itself.
audit-remark-text = { $path } is a text that the log does not name.
audit-remark-foreign = { $path } does not belong to the copy and was not checked.
audit-remark-foreign-more = { $n ->
    [one] One more file does not belong to the copy and was not checked.
   *[other] { $n } more files do not belong to the copy and were not checked.
}
audit-remark-unknown-device = A countersignature of { $size } entries is by a device that this log does not know ({ $device }); it does not count.
audit-remark-revoked-device = A countersignature of { $size } entries is by a device that was revoked ({ $device }); it does not count.
audit-remark-own-damaged = This computer’s own replica could not be read.
audit-remark-unrecorded = { $text }
audit-why-malformed = It is no readable entry ({ $detail }).
audit-why-genesis = The log does not begin as that of this association.
audit-why-index = It calls itself entry { $index }.
audit-why-time = It is dated before the entry that precedes it.
audit-why-signature = The person named in it did not sign it.
audit-why-daemon = The server did not sign it.
audit-why-repeated = The same act stands in the log already, as entry { $index }.
audit-why-refused = The rules did not allow it: { $rule }

# What happens at targets.
log-seal = { $who } closed everything that was open to the server, because “{ $reason }”.
log-rotate = { $who } asked the server to give “{ $label }” a new password.
log-request-unseal = { $who } asked that “{ $label }” be opened to the server for { $duration }, because “{ $reason }”.
log-request-mint = { $who } asked for access of their own to “{ $label }” for { $duration }, because “{ $reason }”.
log-request-delegation = { $who } asked that { $name } may use “{ $label }” { $uses ->
    [one] once
   *[other] { $uses } times
} until { $time } without asking again, because “{ $reason }”.
log-delegate = { $who } completed the standing right { $delegation } of { $name } for “{ $label }”.
log-end-delegation = { $who } ended the standing right { $delegation } of { $name } for “{ $label }”, because “{ $reason }”.
log-take = { $who } took access to “{ $label }” for { $duration } by standing right { $delegation } (request { $request }), because “{ $reason }”.
log-opened = The server opened “{ $label }” (request { $request } of { $name }) to itself: until { $time }.
log-window-over = “{ $label }” is no longer open to the server (request { $request } of { $name }): the time is over.
log-closed = The server no longer holds the keys of request { $request } of { $name } for “{ $label }”: it was restarted, or moved.
log-mint-started = The server began to make access to “{ $label }” for { $name } (request { $request }), until { $time }.
log-minted = The server made access to “{ $label }” for { $name } (request { $request }): it runs until { $time }.
log-revoked-at-target = What was made at “{ $label }” for { $name } (request { $request }) is gone from there: that access has ended.
log-unseal-filed = The server asked that “{ $label }” be opened to it for { $duration } (request { $request }), because of entry { $because }.
log-staged = The server sealed a new password for “{ $label }” (version { $version }) and is about to set it.
log-rotated = “{ $label }” has the new password (version { $version }).
log-staged-dropped = The new password for “{ $label }” (version { $version }) did not come into use; the old one is still valid.
