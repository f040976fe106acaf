# What kind of opening a request asks for, as trustees see it.
request-kind-person = This opens to a person: { $name } sees the secret, and counts among those who know it until it is changed.
request-kind-administrator = CAREFUL: this gives { $name } the administrator’s secret itself, with which everything can be done at { $target }, and no access of their own that the server would end there.
request-kind-codes = The secret of the one-time codes opens to the server, which shows { $name } the codes while the access runs and gives the secret to nobody.
request-kind-readable = Those who run the server can read it in that time: { $names }.
request-kind-readable-nobody = Whoever runs the server can read it in that time.
request-kind-unseal = This opens to the server, which makes and ends accesses at { $target } with it, for { $duration } from the moment it opens it.
request-kind-by-server = The server asks for this by itself, because it was restarted or has to remove an access; { $name } asked for it last.
request-kind-mint = A login is made for { $name } at { $target } for { $duration }, and removed at its end. Nothing is opened: your agreement is a signature.
request-kind-delegation = A STANDING RIGHT for { $to } (fingerprint { $code }): { $uses ->
    [one] one access
   *[other] { $uses } accesses
} without asking again, until { $until }.
request-kind-delegation-connector = Nothing is opened: your agreement is a signature, and the server makes a login at { $target } each time.
request-kind-delegation-static = To make it, the secret opens to { $name }, whose computer seals it for { $to }. { $name } counts among those who know it from then on, { $to } from the first access on. Whoever is { $to } and also runs the server could open it without an entry in the log.
proposal-vault-signed-by = Logins that the server makes are agreed to by: { $list }.
proposal-vault-unasked = WITHOUT ASKING anybody, while an account is open to the server, get a login of their own: { $who }.
status-vault-signed-by = Vault “{ $name }”: logins that the server makes are agreed to by { $list }.
status-vault-unasked = Vault “{ $name }”: get a login of their own WITHOUT ASKING, while an account is open to the server: { $who }.
request-input = What the connector is told of the person: “{ $text }”
request-connector = How the server reaches the target, and what it does there:
request-open-until = The request stays open until { $until }.
ask-approve-unseal = Hand over your part of the key, so that the server can open it?
ask-approve-signature = Do you agree?
approve-granted-unseal = Your agreement to request { $id } stands in the log. The agreement is complete: the server opens it now.
approve-granted-mint = Your agreement to request { $id } stands in the log. The agreement is complete: the server makes the login now.
approve-granted-delegation = Your agreement to request { $id } stands in the log. The agreement is complete: the computer of { $name } now puts the standing right in force.
approve-granted-delegation-connector = Your agreement to request { $id } stands in the log. The agreement is complete: the standing right is in force.
approve-done-signature = Your agreement to request { $id } stands in the log.
inbox-request-unseal = { $id } — { $name } asks that “{ $label }” be opened to the server for { $duration }: “{ $reason }”. It stays open for another { $left }.{ $denied ->
    [0] {""}
   *[other] {" "}You refused; you can still agree.
}
inbox-request-by-server = { $id } — the server asks that “{ $label }” be opened to it for { $duration }, as { $name } asked before: “{ $reason }”. It stays open for another { $left }.{ $denied ->
    [0] {""}
   *[other] {" "}You refused; you can still agree.
}
inbox-request-mint = { $id } — { $name } asks for a login of their own to “{ $label }” for { $duration }: “{ $reason }”. It stays open for another { $left }.{ $denied ->
    [0] {""}
   *[other] {" "}You refused; you can still agree.
}
inbox-request-delegation = { $id } — { $name } asks for a standing right to “{ $label }” for { $to }: “{ $reason }”. It stays open for another { $left }.{ $denied ->
    [0] {""}
   *[other] {" "}You refused; you can still agree.
}
inbox-revocation-late = { $id } — what was made for { $name } at “{ $label }” is not removed yet, although the access is over. “sequestre status” says why.
inbox-due-connector = “{ $label }”: its secret should be changed { $when }: have it opened to the server (“sequestre unseal”), then run “sequestre rotate "{ $label }"”.
inbox-due-technician = “{ $label }”: its secret should be changed { $when }. Somebody who ran the server could read it there, so do not let the server make the new one: change it at the target, then deposit it with “sequestre deposit "{ $label }" --new-version”.
inbox-due-page = Page to change it: { $page }.
inbox-due-look = What else to look at there: “sequestre exposure "{ $label }"”.

# Kinds of request in the lists.
kind-unseal = opening to the server
kind-delegation = standing right
kind-mint = login of one’s own
stage-making = being made at the target
stage-revocation-due = over, NOT yet removed at the target
stage-window = open to the server

# Deposits with a connector.
deposit-connector-shown = The server will use what you deposit at { $target } ({ $kind }), only while trustees open it:
ask-deposit-connector = Members who ask for it will get a login of their own there, which the server makes and removes. Is that right?
failed-connector = { $path } does not say how to reach a target: { $why }
failed-no-connector = “{ $label }” has no connector: the server cannot do anything there. Deposit it with --connector first.
failed-connector-secret = { $path } contains the password that is deposited. Everybody may read the connector’s text: take it out there.
failed-exclusive-needed = What this connector gives out is shared: add --exclusive, so that only one person at a time has it.

# Access that is made at a target.
request-done-mint = Request { $id } for a login of your own to “{ $label }” stands in the log.
request-granted-made = Nobody has to agree: the server makes it now. “sequestre show { $id }” shows it.
request-granted-at-once = Nobody has to agree: “sequestre show { $id }” begins your access.
request-forward-mint =
    Text to forward to the trustees:

    {"  "}{ $name } ({ $organisation }) asks for a login of their own to “{ $label }” for { $duration }.
      Reason: { $reason }
      To see it: sequestre inbox — to agree: sequestre approve { $id }
      It stays open until { $until }.
request-window-missing = “{ $label }” is not open to the server now. What you ask for can only be made once it is: “sequestre unseal "{ $label }" --for 8h --reason …”.
failed-ssh-key-needed = “{ $label }” gives out SSH certificates: name the file of your public key with --ssh-key.
failed-ssh-key = { $path } is not an OpenSSH public key (an RSA key may have 8192 bits at most). Give the file that ends in .pub.
failed-not-for-connector = --{ $option } is for accounts whose password opens to a person; “{ $label }” has a connector. With --secret you ask for the administrator’s secret itself.
failed-only-for-connector = --{ $option } is for accounts with a connector; “{ $label }” has none.
failed-made-damaged = What the server made cannot be opened with the key of your request. Give it back with “sequestre return { $id }” and ask again.
failed-no-codes = Request { $id } has no one-time codes that the server shows.
codes-head = One-time codes for “{ $label }”; Ctrl-C ends.
codes-code = { $code } — still { $seconds } s
show-codes-hint = The one-time codes come from the server while your access runs: “sequestre show { $id } --codes”.
show-foot-made = When you are done: “sequestre return { $id }”. This login stops working then, or on { $until }.
made-host = Host
made-port = Port
made-database = Database
made-url = Address
made-user = User name
made-dn = Distinguished name
made-password = Password
made-token = Token
made-certificate = Certificate

# Commands that are run with an access.
exec-waits = { $missing ->
    [0] Request { $id } is granted
    [one] Request { $id } waits for 1 more agreement
   *[other] Request { $id } waits for { $missing } more agreements
}
exec-begins = Your access runs until { $until }; it is given back when the command ends.
exec-returned = The access { $id } is given back.
exec-not-returned = CAREFUL: { $id } could not be given back, and stays until its time is over or you run “sequestre return { $id }”.
exec-taken-back = Request { $id } is taken back.
exec-interrupted-asking = Interrupted. The request is on its way: when the server has answered, it is taken back. (Ctrl-C once more does not wait for that.)
exec-perhaps-asked = CAREFUL: your request may still come into the log, because the server has not answered; it is sent again with the next command. If you do not want it: “sequestre leases” shows it, “sequestre return” with its number takes it back.
exec-return-again = CAREFUL: { $id } is not given back yet. It is tried again; Ctrl-C ends that.
failed-exec = The command could not be run.
failed-exec-descriptor = File descriptors can be handed to commands on Unix only. Leave --fd out.
failed-exec-ended = Request { $id } was not granted: it ended.
failed-exec-interrupted = Interrupted: the command was not begun.

# Who knows what.
exposure-head = What { $name } knows or could know, and what has to be changed if { $name } goes:
exposure-head-how = How
exposure-nothing = Nobody who is meant knows anything that is in escrow now.
exposure-sealed = sealed it
exposure-opened = opened it
exposure-could-read = runs the server, while it was open there
exposure-staged = { $how }; this is version { $version }, which is being set and is NOT the current password yet
exposure-account = “{ $label }”
exposure-known = {"  "}{ $parts }: { $how }, since { $time } (entry { $entry } of the log)
exposure-assigned = {"  "}To be done by: { $names }
exposure-check-password = [ ] Change the password, then deposit the new one with --new-version{ $what ->
    [empty] .
   *[other] . Page: { $what }
}
exposure-check-rotate = [ ] Give it a new secret: have it opened to the server (“sequestre unseal "{ $label }" …”), then “sequestre rotate "{ $label }"”. If it is about somebody who runs or ran the server, change it at the target by hand instead, and deposit it with --new-version.
exposure-check-sessions = [ ] End all sessions that are logged in, and devices that are remembered{ $what ->
    [empty] .
   *[other] : { $what }
}
exposure-check-mailbox = [ ] Mailbox for “forgot my password”: { $what ->
    [empty] is it one that stays with the association?
   *[other] { $what }, read by { $by }
}
exposure-check-telephone = [ ] Telephone for codes: { $what ->
    [empty] is there one, and who holds it?
   *[other] { $what }, held by { $by }
}
exposure-check-administrators = [ ] Other administrators: { $what ->
    [empty] are there any?
   *[other] { $what }
} Remove those who do not belong there.
exposure-check-keys = [ ] API keys, tokens, application passwords, forwarding rules: revoke what nobody needs.

# What --help says.
help-exposure = List who knows what is in escrow; with --person: what to do when that person goes
help-exposure-label = Only this account
help-exposure-person = Only what this person knows, with the list of what to change and look at
help-deposit-connector = JSON file that says how the server reaches the account’s target; what you deposit is then the administrator’s password there
help-deposit-exclusive = Only one person at a time has access
help-deposit-keep-delegations = With --new-version: standing rights go on with the new password
help-request-exec = Wait for the access, run this command line with it in its environment (SEQUESTRE_PASSWORD, SEQUESTRE_USER, …), and give it back
help-request-fd = With --exec: the secret is not in the environment, but can be read from this file descriptor (3 to 9)
help-request-ssh-key = File of your SSH public key, for accounts that give out certificates
help-request-secret = Of an account with a connector: ask for the administrator’s secret itself
help-request-totp-to-me = Have the secret of the one-time codes opened to you, not to the server
help-request-ask = Ask the trustees even if you have a standing right
help-show-codes = Show the one-time codes as they change, as long as your access runs
