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
