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
