# Drills of shares.
drill-started = The drill has begun (entry { $id } of the log): everybody who holds parts of keys is asked to open them.
drill-running = A drill runs already: { $name } started it on { $time }. The next one can start 7 days later.
drill-open = These have not opened their parts yet: { $names }. Their inboxes ask them to; any command that unlocks their identity is enough.
drill-group = {" "}(group { $group } of { $groups })
drill-shares = Agreement “{ $quorum }”{ $group }: working parts of keys confirmed in the last 90 days: { $confirmed } of { $of }, needed { $needed }.
drill-settling = Not counted yet: { $list }, deposited less than 7 days ago; not enough of its parts of keys have been tried.
drill-few = WARNING: without new confirmations there are too few for “{ $label }” from { $time } on. Run “sequestre drill shares”.
drill-too-few = WARNING: for “{ $label }” that is too few; nobody knows whether it can be opened. Run “sequestre drill shares” and call those who are missing. If they do not come back, deposit a new version while you can.
drill-inbox = { $name } asks everybody to open their parts of keys and to say what they find: “sequestre drill shares”.

# Drills of accounts.
drill-trial-never = never tried by anybody but the depositor
drill-trial-works = worked when { $name } tried it on { $time }
drill-trial-fails = did NOT work when { $name } tried it on { $time }
drill-accounts-never = Never tested: { $list }. Somebody other than the depositor should ask for access, log in, and run “sequestre drill account”.
drill-account-fails = “{ $label }” { $trial }. Look at the provider, then deposit what is right with --new-version.
drill-account-works = The log now says that “{ $label }” worked when you tried it.
drill-account-failed = The log now says that “{ $label }” did not work when you tried it. The depositor’s inbox says so, too.
drill-no-access = You had no access to “{ $label }” in the last 7 days, so you cannot have tried it. Ask for it with “sequestre request”, log in with what “sequestre show” gives, and say then whether it worked.
ask-drill-account = Did you log in to “{ $label }” with what the access gave you?
status-account-trial = This account: { $trial }.

# The last restore drill, for status.
drill-restore-never = Nobody has yet tried to restore the service from a copy: “sequestre drill restore”, by a trustee.
drill-restore-last = Service restored from a copy as a trial on { $time }, says { $name } (entry { $entry }): { $size } entries and { $blobs } files, everything was there.{ $trustee ->
    [yes] {""}
   *[no] {" "}WARNING: only a trustee’s copy holds everything, and { $name } is not one. Have a trustee run “sequestre drill restore”.
}
drill-restore-last-failed = WARNING: on { $time } { $name } could NOT restore the service from a copy (entry { $entry }). Ask them why, and have a trustee run “sequestre drill restore” again.

# What --help says.
help-drill = Try out what is only believed: that parts of keys still open, that accounts still work
help-drill-shares = Ask everybody to open their parts of keys, and open your own
help-drill-account = Say whether an account works, after you had access to it and logged in
help-drill-account-label = The account
help-drill-account-works = It works
help-drill-account-fails = It does not work
