# Moving house: another server for the same log.

log-move = { $who } brought the move to the server { $address }, signed by { $names }: the log goes on there after { $n } entries.
audit-remark-moved = At entry { $entry } the association moved: a new key has signed since then. The move was signed as the charter asks, so the copy was checked with the new key.
failed-moved = This association has moved to { $address }, and this server has nothing more to say. Ask the others for the file of the move, then “sequestre move follow FILE”.

# What the rules say of a move.
refused-move-signature = A signature under this move does not hold: the file was damaged or changed on the way. Ask for it again.
refused-move-quorum = Too few of those who can change the charter have signed this move. Collect more signatures with “sequestre move sign”.
refused-move-prefix = This move does not begin at the end of this log: entries were added meanwhile, or it is another log. Compare with the others; nothing was changed.
refused-move-charter = A move changes the server and the key of the log, and nothing else of the charter. Propose it again; change the charter before or after.
refused-move-log-key = This move does not leave the key that signs the log now, or leads back to an old one. Propose it again from an up-to-date copy.
refused-not-moved = This server was restored from a copy and waits for the association to move there. Ask the trustees for the file of the move, then “sequestre move follow FILE”.
refused-moved-elsewhere = This move leads to another server than the one that was asked. Nothing was changed; check where the file says that the log goes on.

# The file of a move, and of the place to move to.
move-file-header =
    The association “{ $organisation }” moves: its log goes on at { $address } after { $n } entries.
    Signed by: { $names }
    Code, to compare by voice; what counts is the code on your screen: { $code }
    To sign: sequestre move sign FILE. Once enough have signed: sequestre move follow FILE
move-file-none = { $path } holds neither a move nor a place to move to. Pass such files on as a whole.
move-file-kind = { $path } is another file than the one needed here: “propose” takes what the new server’s technician sent, “sign” and “follow” take the file of the move.
move-file-damaged = { $path } was damaged on the way. Ask for it again.
move-file-newer = { $path } was made by another version of this program. Update it, then try again.
move-files-differ = These files are not about the same move. Ask the others which one holds, and follow that one.

# What a move would do.
move-screen-place = The new server’s technician reads this code to you: { $code }
move-screen-head = The association “{ $organisation }” moves to another server. This makes version { $version } of the charter, and changes nothing else in it.
move-screen-from = From { $address } (log key { $key })
move-screen-to = To { $address } (log key { $key })
move-screen-server = Key of the new server: { $key }
move-screen-prefix = The log goes on after entry { $n } (root { $root }). This computer’s copy has { $own } entries.
move-screen-all = Nothing that this computer knows of is given up.
move-screen-lost = These { $n } entries are given up, as if they had not happened. A copy of them stays on this computer:
move-screen-behind = This computer’s copy lacks { $n } of the entries with which the log would go on: what they say cannot be shown here, nor whether they continue this copy.
move-screen-differs = STOP: the log that would go on is not the one that this computer verified. Somebody showed different people different logs. Talk to the others before you go on.
move-screen-signed = Signed so far by: { $names }
move-screen-unchecked = Names in the file, whose signatures cannot be checked before the log there was fetched: { $names }
move-screen-code = Code of this move, to compare by voice: { $code }

# Proposing and signing.
ask-move-second = You have already signed another move to version { $version } of the charter. If both are used, the log splits in two, and you will have signed it. Are you sure that the other one is never used?
ask-move-sign = Do you sign this move?
move-behind = This computer’s copy lacks { $n } entries that were restored on the new server. Let a trustee with a longer copy propose the move.
move-unseen = This computer’s copy lacks { $n } of the entries with which the log would go on; whether they continue it cannot be told here. Let others sign, or add --unseen if you trust what they saw.
move-differs = STOP. The log that would go on is not the one that this computer verified. Nothing was signed or changed. Compare with the others, and show this to a mediator. If all agree that yours is the log that was left: “sequestre restore-identity --begin-anew” with a new contact card of theirs, or “sequestre join --begin-anew” with a new invitation.
move-charter-given-up = STOP. This move goes back behind version { $version } of the charter, which this computer knows to be in force, and too few of those who can change that version signed it. Nothing was changed. Show the file to the others and to a mediator; if it is meant, let them sign, too, with “sequestre move sign”.
move-give-up = Moving there gives up { $n } entries of this computer’s copy. If a longer copy is nowhere to be found, repeat with --give-up { $n }.
move-not-signer = Only those who can change the charter sign a move. Once they have, follow it with “sequestre move follow”.
move-signed = Written to { $path }. Signatures still missing: { $n }. Send it to the next person; the code is { $code }.
move-signed-complete = Written to { $path }. Enough people have signed. Send it to everybody: “sequestre move follow FILE”. The code is { $code }.

# Following.
ask-move-follow = From now on, do you trust the server { $address }, and no longer the old one?
move-followed = Moved: the log goes on at { $address } and has { $n } entries.
move-followed-already = You have already moved to { $address }. There is nothing to do.
move-kept = What this computer had before, with { $n } entries that were given up, is kept in { $path }.
move-signed-anew = Of what was given up, this was signed anew for you:
move-do-again = This was given up too, or could not be signed anew. Nothing of it was deleted: deposits are tried again when you follow the move again, the rest lies in evidence/given_up. Do it again if it is still wanted; an invitation needs a new code:
move-pending = What had been signed and was not in the log yet.
move-not-there = STOP. The log that { $address } shows does not go on as the move says. Nothing was changed. Talk to the technician there and to the others.
move-other-key = The server { $address } does not sign with the key that this move names. Either the log has moved on since, or it is another server. Nothing was changed. Ask the others for the newest file of a move, and follow that one.
move-others-first = The new server does not know this computer yet, and nobody has brought the move there. Somebody whose computer was known when the log was copied must follow the move first; then try again.
move-follow-give-up = STOP. { $n } entries of this computer’s copy are not in the log that would go on, which the file alone could not tell. Nothing was changed. Talk to the others; if all of you accept that these entries are given up, repeat with --give-up { $n }.
distrust-two-moves = STOP. Two different moves of this association were signed: the log would go on at two places. Both files are kept in { $path }. Show them to the others and to a mediator.

# Help.
help-move = Move the association to another server, when the old one is lost or not to be trusted
help-move-propose = Write the file of a move to a server that was prepared with “sequestred restore”; needs no server
help-move-propose-place = The file that the new server’s technician sent
help-move-propose-output = Where to write the file of the move
help-move-propose-give-up = Give up exactly so many entries of this computer’s copy
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
