demo-intro =
    The Friends of the Lake put their domain name in escrow. Everything that follows really happens: a daemon, encrypted
    connections, a disk. Seven trustees hold the parts of the keys; the technician runs the server and has every right on it.
demo-end =

    Everything happened as told, in { $seconds } seconds.
demo-kept = All files are left in { $path }.
demo-reason = renew the domain name
demo-denial = not convinced yet
demo-daemon = { $name }, the technician, starts the server.
demo-daemon-done = It answers at { $address } and has printed a code that permits one founding.
demo-found = { $name } founds the association and invites the others.
demo-found-done = { $count } invitations written; only the people who hold them can use them, once each.
demo-join = Everybody joins on their own computer: an identity with a passphrase and 24 words, and a key for the computer.
demo-join-done = { $count } people joined. A stolen copy of a used invitation was refused.
demo-charter = { $name } proposes the charter. { $absent } never came, so the proposal waits, then goes on without them.
demo-charter-done = Everybody reads the charter code aloud and hears the same: { $code }
demo-sign = The trustees sign the charter, the others acknowledge it.
demo-sign-done = In force with the last of { $trustees } signatures: { $everyday } of { $trustees } open everyday things, { $vital } of { $trustees } vital ones.
demo-deposit = { $name } deposits the account “{ $label }” and forgets the key to it.
demo-deposit-done = { $confirmed } of 7 trustees opened their part of the key, compared it with the log and confirmed it there.
demo-request = { $name } asks for “{ $label }” for one hour: “{ $reason }”.
demo-request-done = Each trustee's inbox says: { $inbox }
demo-approve = { $first } refuses, { $second } and { $third } agree.
demo-approve-done = With { $second } alone nothing opened. With { $third } the agreement is complete.
demo-show = { $name }'s computer fetches the two parts, puts the key together and opens.
demo-show-done = The password is “{ $password }”; { $left } left.
demo-return = { $name } gives the access back early.
demo-return-done = It cannot be shown again, and “{ $label }” is marked: this password must be changed, because somebody knows it.
demo-refusals = { $technician } (technician), { $mediator } (mediator) and { $member } (member) try to agree to a request; a trustee tries to agree twice.
demo-refusals-done = All refused, by their own programs already and by the same rules on the server.
demo-revoke = { $name } gets access, and { $trustee } ends it.
demo-revoke-done = It ended at once, and “{ $label }” must be changed now.
demo-rotate = { $name } changes the password at the registrar and deposits the new one.
demo-rotate-done = Version { $version } is in escrow; nothing is due any more.
demo-technician = { $name } uses the rights of a technician and reads every file on the server.
demo-technician-done = { $kilobytes } KiB read: neither password is in them.
demo-mediator = { $name }, the mediator, exports the log and checks it without the server.
demo-mediator-done = All { $entries } entries hold: each signature, and that each act was allowed.
demo-restore = { $name } has lost the computer and comes back with 24 words on a new one.
demo-restore-done = Recognised as { $name }, with the whole log of { $entries } entries checked.
demo-tamper = { $name } changes one entry in the server's database, before { $victim } has seen it.
demo-tamper-done = { $victim }'s computer notices: “{ $told }”
failed-not-empty = { $path } is not empty. Choose an empty or a new folder.
