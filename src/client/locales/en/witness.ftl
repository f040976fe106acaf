# Changing the charter.
help-charter-plan = Show the charter in force as a plan to edit
help-charter-plan-plan = New file to write it to; without it, it is shown
help-charter-amend = Propose a new charter from an edited plan
help-charter-amend-plan = File with the plan, as “sequestre charter plan” wrote it
amend-plan-written = The charter in force is written to { $path }, as the plan of version { $version }. Edit it, then run “sequestre charter amend { $path }”. Whoever is new must have joined with an invitation of yours; naming them takes them in. "all" in a group means all trustees. A vault can also have “leases_signed_by” (whose agreement logins that the server makes take) and “unasked” (who gets them without asking; written like “askers”).
amend-plan-unreadable = { $path } is no plan of a charter. Start again from what “sequestre charter plan” writes.
amend-no-charter = There is no charter to change yet. The founder proposes the first one with “sequestre charter propose”.
amend-other-version = The plan is for version { $version } of the charter, and the next one is version { $wanted }: the charter changed, or the plan is for another association. Start again from “sequestre charter plan”.
amend-nothing-changes = The plan says the same as the charter in force. Edit it first.
amend-roles-differ = { $name } was invited as: { $roles }. The plan must give exactly these offices, or { $name } must be invited anew.
amend-left-out = The charter in force still names people who left; the plan leaves them out: { $list }.
ask-amend = Do you propose this charter, with your signature?
amend-named-twice = Somebody is named twice in: { $list }. In one agreement each person counts once, in one of its groups.

# What was signed here, until it is safe.
outbox-waits = { $n ->
    [one] Something that was signed has not reached the log and waits to be sent from this computer.
   *[other] { $n } things that were signed have not reached the log and wait to be sent from this computer.
} What is too old for that you will be asked about, or have to do again, with your next command that asks for your passphrase.
outbox-waits-item = - waiting: { $what }
outbox-what = { $kind ->
    [deposit] your deposit of “{ $subject }”
    [request] your request “{ $subject }”
    [invite] your invitation of { $subject }
    [shares] your check of your shares
    [approve] your approval of request { $subject }
    [deny] your refusal of request { $subject }
    [return] your return of access { $subject }
    [revoke] your ending of access { $subject }
    [sign] your signature on proposal { $subject }
    [confirm] your confirmation of destruction { $subject }
    [veto] your veto against proposal { $subject }
    [leave] that you leave the association
    [remove] your proposal to remove { $subject }
    [admit] your proposal to take in { $subject }
    [charter] your proposal of a charter
    [destroy] your proposal to destroy something, because “{ $subject }”
    [drill] your drill
    [seal] your closing of what is open to the server, because “{ $subject }”
    [rotate] your asking for a new secret of “{ $subject }”
    [delegate] your putting standing right { $subject } in force
    [delegation-end] your ending of standing right { $subject }
    [take] your taking of an access: “{ $subject }”
    [answer] the answer of { $subject } to a recovery without a server
   *[other] one of your commands
}, signed { $time }
outbox-renewed = Signed anew, and now in the log: { $what }.
outbox-do-again = Too old to be sent, and given up: { $what }. Nothing was signed anew. If you still want it, look at where things stand and do it again.
outbox-dropped = Given up: { $what }.
outbox-entered = The server said that it refused this, and has put it into the log all the same, as entry { $index }: { $what }. Tell the others.
ask-sign-anew = This has not reached the log and is too old to be sent: { $what }. Sign it anew?
deny-withdrawn = Your approval of { $id }, which had not reached the log here, is not sent any more, and your shares are not handed over. The server may have received the approval already; then the log may still show it.
witness-clock-refused = The server says that your clock is wrong, and holds a confirmation that you signed with it. If your clock is right, the server is not telling the truth: tell the others.
outbox-delivered-answer = { $name }’s answer to a recovery without the server is now in the log.
outbox-not-taken = { $name }’s answer to a recovery without the server is not in the log: { $reason } It stays on this computer and is sent again at every contact. If that does not help, tell the others.
safety-recorded = Recorded as entry { $index }, not yet safe: { $have } of { $needed } trustees { $have ->
    [one] has
   *[other] have
} confirmed it. Until then this computer keeps it.
witness-blobs-missing = { $n ->
    [one] The server does not give one of the files that trustees must hold.
   *[other] The server does not give { $n } of the files that trustees must hold.
} Your computer does not confirm the log before it has them. Ask the technician, and tell the other trustees.

witness-seen-request = The log up to this request: confirmed by { $seen } of { $of } witnesses, as far as this computer knows.

# Where things stand: witnesses, and what could still be lost.
status-witness-all = - { $name } confirmed all of it, on { $time }.
status-witness-some = - { $name } confirmed the first { $seen } of { $size } entries, on { $time }.
status-witness-never = - { $name } has confirmed nothing that this computer saw.
status-liars = To show two different logs that both look confirmed, the server would need { $n } of { $of } witnesses to lie with it.
status-opens = Vault “{ $vault }” is opened by: { $list }
status-unsafe = { $n ->
    [one] One of your acts is in the log and not safe yet; this computer keeps it until then:
   *[other] { $n } of your acts are in the log and not safe yet; this computer keeps them until then:
}
status-never-safe = Nothing can become safe under this charter: too many of those who hold shares are technicians, who do not count. Amend the charter, or have the agreements ask for more people.
status-unsafe-entry = - entry { $index }: { $have } of { $needed } trustees { $have ->
    [one] has
   *[other] have
} confirmed it
status-unsafe-entry-charter = - entry { $index }: safe only once a charter is in force
status-lost = - { $command }: the log that the server shows now does not have it any more
status-unsent = { $n ->
    [one] One thing that was signed, and waits on this computer, has not reached the log yet.
   *[other] { $n } things that were signed, and wait on this computer, have not reached the log yet.
}

# Watching.
help-sync-watch = Stay, and synchronise whenever something changes, in all your associations; needs no passphrase
watch-begun = { $name }: synchronised, { $size } entries. Waiting for changes.
watch-changed = { $name }: { $new ->
    [one] one new entry
   *[other] { $new } new entries
}, { $size } in all{ $confirmed ->
    [0] {""}
   *[other] , confirmed
}.
watch-away = { $name }: { $why } Trying again, less and less often.
watch-distrust = { $name }: WARNING. { $why } Nothing of this was accepted. Tell the others; trying again.
watch-back = { $name }: the server answers again; { $size } entries, nothing new.
watch-busy = { $name }: another command holds the folder, perhaps at a question; until it ends, nothing is confirmed here.
watch-ended = Stopped watching.

# Comparing what people were shown.
help-audit-checkpoint = Print your newest checkpoint with the confirmations of it, to hand to others
help-audit-compare = Compare checkpoints that others handed you, with each other and with your own copy of the log
help-audit-compare-notes = Files with checkpoints (signed notes)
help-audit-compare-log-key = The log’s key from a sure source; without it, the one that this computer knows
help-audit-compare-to = New folder for the evidence, should the log have been forked
compare-nothing = Name at least one file with a checkpoint.
compare-no-key = This computer does not know the log of association { $organisation }. Give its key with --log-key.
compare-other-log = { $path } is a checkpoint of another log, that of association { $organisation }. Compare each log by itself.
compare-unreadable = { $path } is no checkpoint. Others print theirs with “sequestre audit checkpoint”; send the text as a file, unchanged.
compare-readme-moved = Between the two sizes the association moved, and its log has had another key since. The second note is signed by that one: { $key } ({ $hex }). The entry of the move, in any copy of the log, names both keys and is signed by those who can change the charter.
compare-left-behind = { $path } is signed with a key that this log had before a move, and goes on where the move left it: what it says is not part of this log. Nothing can be compared with it here.
compare-false-note = { $path } is not signed with the key of this log. It says nothing about the log; ask again whoever gave it to you.
compare-false-cosignature = A confirmation in { $path } does not match it; it was not counted. Ask again whoever gave it to you.
compare-confirmed = confirmed by { $cosigners ->
    [0] nobody known here
    [one] one person
   *[other] { $cosigners } people
}
compare-agrees = { $path }: { $size } entries, { $confirmed }. AGREES with your own copy, which has { $own }.
compare-same = { $path }: { $size } entries. The same tree as another of these; there is no copy of the log here to compare it with.
compare-alone = { $path }: { $size } entries. NOT COMPARED: none of the others has as many entries, and there is no copy of the log here.
compare-beyond = { $path }: { $size } entries, { $confirmed }. NOT COMPARED: your own copy ends at { $own }. Run “sequestre sync”, then compare again.
compare-contradicts = { $path }: { $size } entries, { $confirmed }. CONTRADICTS another checkpoint or your own copy.
ask-compare-stop = One of these checkpoints carries no confirmation by anybody whose device stands in your log. Whoever ever copied the log’s key, or has an old backup of the server, can make such a file at home. If you stop now, this computer accepts nothing more from this server until the association moves. Stop?
compare-not-stopped = This computer goes on with the server. Show the others the evidence, and ask whether anybody’s own computer stands on the other branch (“sequestre audit checkpoint” on each).
compare-fork = STOP. The log’s key signed two logs that cannot both be true. Either the server showed people different ones, or somebody who holds or once copied its key made the second. The evidence is in { $path }. Give it to the others and to a mediator, and sign nothing more.
compare-readme =
    EVIDENCE THAT A LOG WAS FORKED

    WHAT THIS IS
    one.note and two.note are two statements signed with the key of the log of
    an association’s escrow. Each says: “the log has so many entries, and this is
    their fingerprint (root)”. They cannot both be true of one log. Whoever
    holds the log’s key, or ever copied it, signed both. That proves that the
    key was used twice; it does not prove by whom, nor that anybody was shown
    the second log. Ask who was: does a confirmation (a further signature
    line) by somebody’s own computer stand under each of the two?

    Association   { $id }
    Log key       { $key }
    the same, hex { $hex }
    one.note      { $one } entries, root { $first }
    two.note      { $two } entries, root { $second }

    HOW TO CHECK IT, WITHOUT THE SERVER AND WITHOUT THIS PROGRAM
    1. Make sure that the log key above is the association’s: several members
       have it on their contact cards and in their own copies of the log.
    2. Both files are signed notes (c2sp.org/signed-note): a text of three
       lines, an empty line, signature lines. The text is: the log’s name, the
       number of entries, the root in base64. The log’s own signature line is
       the one that begins with its name, { $id } in it and nothing behind.
    3. In that line, decode the base64 at its end: 4 bytes that name the key,
       then 64 bytes of an Ed25519 signature over the text with all its line
       feeds, without the empty line. It must hold with the log key, in both
       files. Any tool that knows Ed25519 can check that.
compare-readme-same =
    4. The number of entries is the same, the roots differ. That is all: one
       log has one root at each size.
compare-readme-sizes =
    4. The numbers of entries differ, so a proof is needed: consistency.txt. Its
       first two lines name two sizes with their roots, in hexadecimal; the
       other lines are hashes. Checked as RFC 9162, section 2.1.4.2, says, they
       prove that the log of two.note had, at the size of one.note, the root
       { $prefix }
       and not the root that one.note states.
lock-waits = Another “sequestre” is using this folder. Waiting for it to be done.
