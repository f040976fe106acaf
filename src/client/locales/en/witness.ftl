# Changing the charter.
help-charter-plan = Show the charter in force as a plan to edit
help-charter-plan-plan = New file to write it to; without it, it is shown
help-charter-amend = Propose a new charter from an edited plan
help-charter-amend-plan = File with the plan, as “sequestre charter plan” wrote it
amend-plan-written = The charter in force is written to { $path }, as the plan of version { $version }. Edit it, then run “sequestre charter amend { $path }”. Whoever is new must have joined with an invitation of yours; naming them takes them in. A group without members means all trustees.
amend-plan-unreadable = { $path } is no plan of a charter. Start again from what “sequestre charter plan” writes.
amend-no-charter = There is no charter to change yet. The founder proposes the first one with “sequestre charter propose”.
amend-other-version = The plan is for version { $version } of the charter, and the next one is version { $wanted }: the charter changed, or the plan is for another association. Start again from “sequestre charter plan”.
amend-nothing-changes = The plan says the same as the charter in force. Edit it first.
amend-roles-differ = { $name } was invited as: { $roles }. The plan must give exactly these offices, or { $name } must be invited anew.
amend-named-twice = Somebody is named twice in: { $list }.

# What was signed here, until it is safe.
outbox-waits = { $n ->
    [one] Something that you signed waits in the outbox and is too old to be sent.
   *[other] { $n } things that you signed wait in the outbox and are too old to be sent.
} It will be signed anew with your next command that asks for your passphrase.
outbox-renewed = Something that you signed earlier was too old. It is signed anew and has reached the log.
safety-recorded = Recorded as entry { $index }, not yet safe: { $have } of { $needed } trustees have confirmed it. Until then this computer keeps it.
witness-blobs-missing = { $n ->
    [one] The server does not give one of the files that trustees must hold.
   *[other] The server does not give { $n } of the files that trustees must hold.
} Your computer does not confirm the log before it has them. Ask the technician, and tell the other trustees.

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
status-unsafe-entry = - entry { $index }: { $have } of { $needed } trustees have confirmed it
status-unsafe-entry-charter = - entry { $index }: safe only once a charter is in force
status-lost = - { $command }: the log that the server shows now does not have it any more
status-unsent = { $n ->
    [one] One thing that you signed has not reached the log yet.
   *[other] { $n } things that you signed have not reached the log yet.
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
watch-back = { $name }: the server answers again; { $size } entries, nothing new.
watch-ended = Stopped watching.
