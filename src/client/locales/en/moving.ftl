# Moving house: another server for the same log.

log-move = { $who } brought the move to the server { $address }, signed by { $names }: the log goes on there after { $n } entries.
log-move-gives-up = { $who } brought the move to the server { $address }, signed by { $names }: the log goes on there after { $n } entries, and GIVES UP { $lost ->
        [one] one entry that was
       *[other] { $lost } entries that were
    } known to those who signed. First agreement to that: { $first }. Second: { $second }.
audit-remark-moved = At entry { $entry } the association moved: a new key has signed since then. The move was signed as the charter asks, so the copy was checked with the new key.
audit-own-left-behind = This computer’s own replica ({ $n } entries) ends where the association moved on without its last entries.
audit-remark-given-up = { $n ->
        [one] One entry
       *[other] { $n } entries
    } of this computer’s own replica { $n ->
        [one] was
       *[other] were
    } given up by a move that says so, and that those who can destroy signed twice, with the delay of the charter in between.
failed-moved = This association has moved to { $address }, and this server has nothing more to say. Ask the others for the file of the move, then “sequestre move follow FILE”.

# What the rules say of a move.
refused-move-signature = A signature under this move does not hold: the file was damaged or changed on the way. Ask for it again.
refused-move-quorum = Too few of those who can change the charter have signed this move. Collect more signatures with “sequestre move sign”.
refused-move-not-confirmed = This move gives entries up, and too few of those who can destroy have signed it, once and again after the delay of the charter. Collect more signatures with “sequestre move sign”.
refused-move-too-early = This move gives entries up, and somebody signed it the second time too early: that holds from { $at } on. Ask for the file as it was before, and sign it again then.
refused-move-dates = Signatures under this move are dated before what they give up, or in the future. Check the date of this computer; if it is right, propose the move again.
refused-move-undeclared = STOP. This move leaves out entries that this computer knows, and does not say that it gives them up. Nothing was signed or changed. Have the technician restore again, from this computer’s longer copy; or have the move proposed again by somebody who has these entries, with --give-up. If the others have gone along already: “sequestre restore-identity --begin-anew” with a new contact card of theirs keeps what this computer has, and signs anew what you lost.
refused-move-prefix = This move does not begin at the end of this log: entries were added meanwhile, or it is another log. Compare with the others; nothing was changed.
refused-move-charter = A move changes the server and the key of the log, and nothing else of the charter. Propose it again; change the charter before or after.
refused-move-log-key = This move does not leave the key that signs the log now, or leads back to an old one. Propose it again from an up-to-date copy.
refused-not-moved = This server was restored from a copy and waits for the association to move there. Ask the trustees for the file of the move, then “sequestre move follow FILE”.
refused-moved-elsewhere = This move leads to another server than the one that was asked. Nothing was changed; check where the file says that the log goes on. If this is the server that is meant, it has got another name since: its technician gives it the name in the file again (“name” in its configuration), or sends the place again (“sequestred place”) for a new move.

# The file of a move, and of the place to move to.
move-file-header =
    The association “{ $organisation }” moves: its log goes on at { $address } after { $n } entries.
    Signed by: { $names }
    Code, to compare by voice; what counts is the code on your screen: { $code }
    Valid until: { $time }
    To sign: sequestre move sign FILE. Once enough have signed: sequestre move follow FILE
move-file-gives-up = Entries that are given up, for which those who can destroy sign twice: { $n }
move-file-none = { $path } holds neither a move nor a place to move to. Pass such files on as a whole.
move-file-kind = { $path } is another file than the one needed here: “propose” takes what the new server’s technician sent, “sign” and “follow” take the file of the move.
move-file-damaged = { $path } was damaged on the way. Ask for it again.
move-file-newer = { $path } was made by another version of this program. Update it, then try again.
move-files-differ = These files are not about the same move. Ask the others which one holds, and follow that one.

# What a move would do.
move-screen-head = The association “{ $organisation }” moves to another server. This makes version { $version } of the charter, and changes nothing else in it.
move-screen-from = From { $address } (log key { $key })
move-screen-to = To { $address } (log key { $key })
move-screen-server = Key of the new server: { $key }
move-screen-prefix = The log goes on after its first { $n } entries (root { $root }). This computer’s copy has { $own } entries.
move-screen-all = Nothing that this computer knows of is given up.
move-screen-lost = { $n ->
    [one] This entry is given up, as if it had
   *[other] These { $n } entries are given up, as if they had
} not happened. A copy of them stays on this computer:
move-screen-gives-up =
    { $n ->
        [one] One entry would be lost, as if it had never happened
       *[other] { $n } entries would be lost, as if they had never happened
    } – by { $names }, since { $since }. { $unknown ->
        [0] This computer has a copy of all of it.
        [one] This computer has no copy of one of them.
       *[other] This computer has no copy of { $unknown } of them.
    } That takes the agreement of those who can destroy twice, with the delay of the charter in between.
move-screen-first = Agreed to what is lost: { $names }
move-screen-due = A second signature can be given from { $time } on.
move-screen-second = Agreed a second time: { $names }
move-screen-expires = This file can be used until { $time }.
move-lost-server = the server ({ $n })
move-lost-unknown = not known here
move-screen-behind = This computer’s copy lacks { $n ->
    [one] one
   *[other] { $n }
} of the entries with which the log would go on: what it lacks cannot be shown here, nor whether that continues this copy.
move-screen-differs = STOP: the log that would go on is not the one that this computer verified. Somebody showed different people different logs. Talk to the others before you go on.
move-screen-signed = Signed so far by: { $names }
move-screen-unchecked = Names in the file, whose signatures cannot be checked before the log there was fetched: { $names }
move-screen-code = Code of this move, to compare by voice: { $code }

# Proposing and signing.
ask-move-second = You have already signed another move to version { $version } of the charter. If both are used, the log splits in two, and you will have signed it. Have every copy of the other file destroyed; it stays valid until it is 30 days old, or as many more as the delay if it gives entries up. Are you sure that the other one is never used?
ask-move-place = The code of 35 digits that the new server’s technician reads to you
move-place-differs = This is not the code of this file. Nothing was signed. Have it read again; if it still differs, somebody exchanged the file: tell the others.
ask-move-give-up = Do you agree that { $n ->
        [one] this entry is
       *[other] these { $n } entries are
    } lost, and sign this move? It needs your group’s signatures a second time, after the delay of the charter.
ask-move-give-up-again = For the second time: do you agree that { $n ->
        [one] this entry is
       *[other] these { $n } entries are
    } lost for good?
ask-move-sign = Do you sign this move?
move-behind = This computer’s copy lacks { $n ->
    [one] one entry that was
   *[other] { $n } entries that were
} restored on the new server. Let a trustee with a longer copy propose the move.
move-expired = This move was not used in time: its file was valid until { $time }. Nothing was signed or changed. Propose it again if it is still wanted.
move-second-early = Nothing to sign yet: this move gives entries up, and you can sign it a second time from { $time } on. Until then everybody can think about it.
move-gives-up-more = This computer’s copy has { $n ->
    [one] one entry
   *[other] { $n } entries
} beyond where the log would go on, and the move says that it gives up { $said }. Nothing was signed. Have the technician restore again from this copy; or propose the move yourself, with --give-up { $n }.
move-unseen-lost = This move gives up { $n ->
    [one] one entry
   *[other] { $n } entries
} that this computer has no copy of: what is said there cannot be shown here. Let others sign, or add --unseen if you trust what they saw.
move-unseen = This computer’s copy lacks { $n ->
    [one] one
   *[other] { $n }
} of the entries with which the log would go on; whether that continues it cannot be told here. Let others sign, or add --unseen if you trust what they saw.
move-differs = STOP. The log that would go on is not the one that this computer verified. Nothing was signed or changed. Compare with the others, and show this to a mediator. If all agree that yours is the log that was left: “sequestre restore-identity --begin-anew” with a new contact card of theirs, or “sequestre join --begin-anew” with a new invitation.
move-charter-given-up = STOP. This move goes back behind version { $version } of the charter, which this computer knows to be in force, and too few of those who can change that version, and destroy by it, signed it. Nothing was changed. Show the file to the others and to a mediator; if it is meant, let them sign, too, with “sequestre move sign”.
move-give-up = Moving there gives up { $n ->
    [one] one entry
   *[other] { $n } entries
} of this computer’s copy. If a longer copy is nowhere to be found, repeat with --give-up { $n }.
move-not-signer = Only those who can change the charter sign a move, and those who can destroy one that gives entries up. Once they have, follow it with “sequestre move follow”.
move-signed = Written to { $path }. Signatures still missing: { $n }. Send it to the next person; the code is { $code }.
move-signed-gives-up = Written to { $path }. Signatures still missing before the delay begins: { $first } of those who can destroy; and at any time { $n } of those who can change the charter. Send it to the next person; the code is { $code }.
move-signed-first = Written to { $path }. Keep it: a second signature is due from { $time } on, of { $n } of those who can destroy, with “sequestre move sign”. Missing besides, at any time, of those who can change the charter: { $amend }. The code is { $code }.
move-signed-complete = Written to { $path }. Enough people have signed. Send it to everybody: “sequestre move follow FILE”. The code is { $code }.

# What status says of a move that was signed here.
status-move = You signed a move to { $address }, which nobody here has followed yet; its file is valid until { $time }.
status-move-first = The first agreement is not complete yet.
status-move-second = Your second signature is due from { $time } on, and until { $until }: “sequestre move sign FILE”.

# Following.
ask-move-follow = From now on, do you trust the server { $address }, and no longer the old one?
move-followed = Moved: the log goes on at { $address } and has { $n } entries.
move-followed-already = You have already moved to { $address }. There is nothing to do.
move-kept = What this computer had before, with { $n ->
    [one] one entry that was
   *[other] { $n } entries that were
} given up, is kept in { $path }.
move-signed-anew = Of what was given up, this was signed anew for you:
move-do-again = This was given up too, or could not be signed anew. Nothing of it was deleted: deposits are tried again when you follow the move again, the rest lies in evidence/given_up. Do it again if it is still wanted; an invitation needs a new code:
move-pending = What had been signed and was not in the log yet.
move-not-there = STOP. The log that { $address } shows does not go on as the move says. Nothing was changed. Talk to the technician there and to the others.
move-other-key = The server { $address } does not sign with the key that this move names. Either the log has moved on since, or it is another server. Nothing was changed. Ask the others for the newest file of a move, and follow that one.
move-others-first = The new server does not know this computer yet, and nobody has brought the move there. Somebody whose computer was known when the log was copied must follow the move first; then try again.
move-follow-give-up = STOP. { $n ->
    [one] One entry of this computer’s copy is
   *[other] { $n } entries of this computer’s copy are
} not in the log that would go on, which the file alone could not tell. Nothing was changed. Talk to the others; if all of you accept to give that up, repeat with --give-up { $n }.
distrust-two-moves = STOP. Two different moves of this association were signed: the log would go on at two places. Both files are kept in { $path }. Show them to the others and to a mediator.

# Help.
help-move = Move the association to another server, when the old one is lost or not to be trusted
help-move-propose = Write the file of a move to a server that was prepared with “sequestred restore”; needs no server
help-move-propose-place = The file that the new server’s technician sent
help-move-propose-output = Where to write the file of the move
help-move-propose-give-up = Give up exactly so many entries of this computer’s copy
help-move-propose-place-code = The code that the new server’s technician read to you
help-move-sign = Check a move, and add your signature to its file; needs no server
help-move-sign-file = The file of the move
help-move-sign-unseen = Sign although this computer’s copy of the log is shorter than what the move names
help-move-follow = Go along with a signed move
help-move-follow-files = The file of the move, or several copies of it with different signatures
help-move-follow-give-up = Give up exactly so many entries of this computer’s copy, where that was found only in the new log

# The restore drill.
progress-drill-restore = Restoring a server from this computer’s copy
help-drill-restore = Restore a server from this computer’s copy, beside the running one, and sign the result into the log
help-drill-restore-daemon = The program sequestred, if it does not lie beside this one
drill-restore-init = A new data folder: { $seconds } s
drill-restore-restore = Restored from this computer’s copy: { $seconds } s
drill-restore-fsck = Every entry and every file checked: { $seconds } s
drill-restore-run = Served, and answered: { $seconds } s
drill-restore-works = It works: { $n } entries and { $blobs } files, in { $steps } steps. The result stands in the log as entry { $entry }.
drill-restore-fails = The restore drill did not work, and that stands in the log as entry { $entry }. What happened: { $trouble }
drill-restore-trustee = Only a trustee’s copy holds everything that a new server needs. Ask a trustee to run this drill.
drill-restore-no-daemon = There is no program { $path }. Name the program sequestred with --daemon FILE.
