# Small words.
and = and
colon = :
k-of-n = { $k } of { $n }
time-days = { $n ->
    [one] 1 day
   *[other] { $n } days
}
time-hours = { $n ->
    [one] 1 hour
   *[other] { $n } hours
}
time-minutes = { $n ->
    [one] 1 minute
   *[other] { $n } minutes
}
time-seconds = { $n ->
    [one] 1 second
   *[other] { $n } seconds
}
part-user-name = User name
part-password = Password
part-totp-secret = One-time code secret
part-recovery-codes = Recovery codes
part-notes = Notes

# Waiting.
progress-entries = Checking the log
progress-blobs = Fetching
progress-shares = Checking your parts of keys
progress-unlock = Unlocking your identity…

# Identity.
ask-passphrase = Passphrase
ask-new-passphrase = New passphrase (empty takes the one proposed)
ask-passphrase-again = The same passphrase again
passphrase-proposal = Your identity will be locked with a passphrase. A good one would be:
passphrase-short = That is too short. Take at least 12 characters, or leave it empty for the one proposed.
passphrase-differs = The two are not the same. Once more.
words-intro = These 24 words are your identity. Write them on paper now; they are shown only this once. With them you can come back on any computer; so could anybody else who finds them.
words-written = The 24 words of your new identity are in { $path }. Put them on paper, check them, and delete the file. With them you can come back on any computer; so could anybody else who finds them.
ask-word = To make sure: what is word { $position }?
word-wrong = That is not the word on the list above. Look at your paper.
identity-made = Your identity was made and lies, locked, in { $path }.
ask-words = The 24 words, separated by spaces
ask-founding-code = Paste the founding code that the technician gave you, then an empty line:
ask-invitation = Paste the invitation, then an empty line:
ask-card = Paste the contact card of the association, then an empty line:
ask-unwitnessed = Only { $fresh } of { $of } witnesses confirmed this log in the last 7 days, and { $needed } are needed to rule out that the server shows you a different one. Go on all the same?
ask-no-witnesses = Nobody could witness this log yet: the charter is not in force. Go on only if you compared the charter code with the others by voice. Did everybody read the same?

# Founding and joining.
found-done = “{ $name }” is founded. Its number is { $id }.
found-next = Hand each invitation to the person whom it names, and to nobody else. When all have joined, run “sequestre charter propose”.
invite-written = The invitation for { $name } is in { $path }.
invite-next = Hand it to that person and to nobody else. When they have joined, your inbox says so.
invite-file =
    Invitation for { $name } to { $organisation }, valid until { $until }.
    Only you may use it, once. Install Séquestre, then run:
      sequestre join THIS-FILE
    Then read your fingerprint to the person who invited you, by telephone or face to face.
join-done = You have joined { $organisation }. You can read its log; the charter or your admission must still be signed.
join-fingerprint = Your fingerprint, to read by voice to the person who invited you: { $code }
restore-done = Welcome back, { $name }. { $organisation } now knows this computer.
found-newcomer = { $name } joined with the fingerprint { $code }
ask-admit = The fingerprint of { $name } is { $code }. Is that what { $name } read to you?
ask-leave = You will leave { $organisation }. The passwords that you know will have to be changed. Leave?
leave-done = You have left { $organisation }.
leave-unseen = You have left { $organisation }: the server took your command and no longer knows this computer. Its log can no longer be checked from here; ask somebody who is still there whether it shows that you left.
ask-revoke-this = This is the computer in front of you: it will be shut out. Revoke it?
device-revoked = The device { $device } is revoked.

# Proposals.
proposal-by = Proposal { $index } by { $name }.
proposal-charter = Charter, version { $version }.
proposal-trustees = Trustees: { $list }
proposal-mediators = Mediators: { $list }
proposal-technicians = Technicians: { $list }
proposal-quorum = Agreement “{ $name }”: { $words }
proposal-vault = Vault “{ $name }” is opened by: { $list }. May ask: { $askers }. May deposit: { $depositors }. Longest access: { $longest }.
proposal-roll = Taken in with it. Each must have read you this fingerprint:
proposal-newcomer = - { $name } as { $roles }, fingerprint { $code }
proposal-first = No charter is in force yet: all of this is new.
proposal-is-in-force = This charter is in force already: you only acknowledge it.
proposal-changes = What changes against version { $version }, which is in force:
proposal-no-changes = - nothing but its number
proposal-where-trustees = Trustees
proposal-where-mediators = Mediators
proposal-where-technicians = Technicians
proposal-where-quorum = Agreement “{ $name }”
proposal-added = - { $place }: NEW { $name }, fingerprint { $code }
proposal-removed = - { $place }: NO LONGER { $name }, fingerprint { $code }
proposal-new = - new: { $text }
proposal-gone = - no longer: { $text }
proposal-before = - until now: { $text }
proposal-leavers = - these people leave the association with it: { $list }
proposal-never-safe = WARNING: under this charter nothing that is entered ever becomes safe from a loss of the server: too many of those who hold shares are technicians, who do not count for that.
proposal-lookalike = WARNING: “{ $name }” (fingerprint { $code }) can be mistaken for “{ $other }” (fingerprint { $known }). They are two different keys. Ask by voice before you agree.
proposal-charter-code = Charter code, to be read aloud by everybody and compared: { $code }
proposal-admission = Take in { $name } as { $roles }. Their fingerprint is { $code }.
proposal-removal = Remove { $name } (fingerprint { $code }). Reason: “{ $reason }”
proposal-in-force = This is now decided and in force.
proposal-superseded = A newer proposal took its place.
proposal-open = Proposal { $index } waits for: { $list }
ask-sign-charter = Did everybody read the same charter code aloud, did those shown as new read you their fingerprints, and do you agree?
ask-sign-admission = Did you compare the fingerprint by voice, and do you agree?
ask-sign-removal = Do you agree?

# Inbox.
inbox-head = { $organisation }: { $count ->
    [0] nothing waits for you.
    [one] one thing waits for you.
   *[other] { $count } things wait for you.
}
inbox-request = { $id } — { $name } asks for “{ $label }” for { $duration }: “{ $reason }”. It stays open for another { $left }.{ $denied ->
    [0] {""}
   *[other] {" "}You refused; you can still agree.
}
inbox-granted = { $id } — your request for “{ $label }” is granted: “sequestre show { $id }” begins your access.
inbox-charter-sign = { $id } — { $name } proposes charter version { $subject }; it needs your signature.
inbox-charter-acknowledge = { $id } — { $name } proposes charter version { $subject }; please acknowledge it.
inbox-admission = { $id } — { $name } proposes to take in { $subject }.
inbox-removal = { $id } — { $name } proposes to remove { $subject } from the association.
inbox-candidate = { $name } has joined with your invitation. Compare fingerprints by voice, then run “sequestre admit "{ $name }"”.
inbox-due-now = “{ $label }”: change this password NOW at the provider, then deposit the new one with --new-version.
inbox-due-later = “{ $label }”: this password should be changed at the provider, then deposited with --new-version.
inbox-next = To agree: “sequestre approve NUMBER”. To refuse: “sequestre deny NUMBER --reason …”.

# Requests, as trustees see them.
request-head = Request { $id }: { $name } asks for “{ $label }”.
request-version = This is version { $version }; the newest is version { $current }.
request-fingerprint = Fingerprint of the person: { $code }
request-reason = Reason: “{ $reason }”
request-duration = For { $duration } from the moment the password is fetched; the request stays open until { $until }.
request-part = { $part } (parts of its key handed over so far, in all requests: { $released }; enough to open it: { $needed })
request-agreed = Agreed so far: { $list }
ask-approve = Hand over your part of the key for this?
approve-done = Your agreement to request { $id } stands in the log, and your part of the key is handed over.
approve-granted = Your agreement to request { $id } stands in the log. The agreement is complete: the person can fetch the password.
deny-done = Your refusal of request { $id } stands in the log. You can still agree later.
show-accused = The log now says that the part of the key from { $name } for request { $id } was not usable. { $name }’s program will look again.
shares-checked = { $good ->
    [one] One of your parts of keys was checked: it opens and matches.
   *[other] { $good } of your parts of keys were checked: they open and match.
}
shares-bad = WARNING: { $bad } of your parts of keys cannot be used. The log now says so; tell the depositor.

# Deposits.
deposit-intro = What you type now is sealed on this computer. Leave empty what does not exist.
ask-user-name = User name
ask-password = Password (hidden)
ask-totp-secret = Secret of the one-time codes (hidden)
ask-recovery-codes = Recovery codes (hidden)
ask-notes = Notes that must stay secret (hidden)
deposit-sheet-intro = Now the account sheet. The server can read it: no secrets here.
ask-kind = Kind of account (registrar, hosting, mailbox, …)
ask-url = Address to log in
ask-legal-holder = Legal holder
ask-recovery-mailbox = Mailbox for “forgot my password”
ask-recovery-mailbox-by = Who reads that mailbox
ask-recovery-telephone = Telephone for codes
ask-recovery-telephone-by = Who holds that telephone
ask-other-administrators = Other administrators
ask-renewal-date = Renewal date (2027-03-09, or day/month/year)
ask-paid-by = Who pays
ask-change-password-page = Page to change the password
deposit-done = “{ $label }” is in escrow, version { $version }. This computer has already forgotten the key to it.

# Access.
request-done = Request { $id } for “{ $label }” stands in the log and stays open until { $until }.
request-forward =
    Text to forward to the trustees:

    {"  "}{ $name } ({ $organisation }) asks for access to “{ $label }” for { $duration }.
      Reason: { $reason }
      To see it: sequestre inbox — to agree: sequestre approve { $id }
      It stays open until { $until }.
show-head = “{ $label }” — { $left } left, until { $until }:
show-foot = When you are done: “sequestre return { $id }”. Until the password is changed, you count among those who know it.
clipboard-lent = The password is in the clipboard for { $seconds } seconds.
clipboard-cleared = The clipboard was cleared.
clipboard-other = Something else was copied meanwhile, so the clipboard was left as it is; the password is no longer in it.
clipboard-gone = The password is no longer in the clipboard.
return-done-made = Access { $id } is given back: the server removes what it made for it at the target.
return-done = Request { $id } is given back. If you had seen the password, it is now due to be changed.
revoke-done = Access { $id } has ended. The password must now be changed, at once.
outbox-delivered = Something that you signed earlier has now reached the log.
outbox-refused = Refused, and not sent again: { $what }.
sync-done = The log is verified; entries: { $size }.
request-account = {"  "}Vault “{ $vault }”, account { $id }
request-sealed-as = {"  "}CAREFUL: what is asked for was sealed under another name: { $list }

# Beginning anew.
anew-screen-new = The log to begin with: { $n } entries, at { $address } (log key { $key })
anew-screen-old = The log that this computer verified has { $own } entries; { $common } of them are in the other one too, and { $lost } are not:
anew-screen-damaged = What this computer had of the log cannot be read: nothing can be compared with it, and nothing taken along.
ask-anew-code = The charter code, 35 digits, as somebody reads it to you whose voice you know (on their computer: sequestre status)
anew-code-differs = STOP. This is not the code of the charter that this server shows. Nothing was changed. Have it read again, by somebody whose voice you know; if it still differs, this is not their association.
anew-no-charter = STOP. The log that this server shows ends before the association had a charter: there is no code that somebody could read to you. Nothing was changed. Ask the others for a new contact card, and tell them what this server shows.
anew-not-left = STOP. { $n ->
        [one] One entry
       *[other] { $n } entries
    } that this computer verified { $n ->
        [one] is
       *[other] are
    } not in the log that this server shows, and no move of the association led away from { $n ->
        [one] it
       *[other] them
    }: the server lost or replaced what it once showed. Nothing was changed; this computer’s copy may be the only one. Show it to the others and to a mediator; if they agree, have it restored and move (“sequestred restore”, “sequestre move propose”).
anew-stopped = STOP. This computer caught the log contradicting itself, and no move of the association has led away from it since. Nothing was changed. Show the others and a mediator what lies in evidence/; what ends this is a move (“sequestre move follow”), and then, where it leads away from what this computer has, a new beginning.
ask-begin-anew = From now on this computer believes this server and this log of { $organisation }, as on its first day, and no longer what it verified itself. Only the voice that read the charter code to you vouches for it. What this computer had is put aside, and not deleted. Begin anew?
anew-nothing = This computer has not joined this association: there is nothing to put aside. Leave --begin-anew out.
anew-done = What this computer had of the association lies in { $path }, as it was: entries, signed notes and files. Show it to a mediator. Delete it once nobody needs it: sealed parts of keys in it stay there also when they are destroyed elsewhere.
