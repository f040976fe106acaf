# Destroying, confirming, objecting.
destroy-version = What is lost: version { $version } of “{ $label }” ({ $id }), for ever.
destroy-account = What is lost: the account “{ $label }” ({ $id }, vault “{ $vault }”) with { $n ->
    [one] its only version
   *[other] all of its { $n } versions
}, for ever.
destroy-text = What is lost: the text { $id }, for ever. The log keeps only its digest. The text:
destroy-organisation = What is lost: EVERYTHING of “{ $name }”, for ever: all accounts, all texts, all names. Nothing can be added to its log any more.
destroy-one-version = - version { $version } of { $time }, deposited by { $name }: { $parts }, with label, account sheet and all parts of its keys
destroy-remains = What remains: version { $version }, “{ $label }”, deposited by { $name } on { $time }: { $parts }
destroy-remains-part = - - { $part }: { $good } good and { $bad } bad reports about its parts of the key; { $tested ->
    [works] somebody else used it, and it worked
    [fails] CAREFUL: somebody else used it, and it did NOT work
   *[never] CAREFUL: nobody else ever tried whether it works
}
destroy-known = -   known to: { $names }. They still know it afterwards.
destroy-due = - CAREFUL: its password is due to be changed ({ $cause }); nobody will be reminded of that any more
destroy-quorum = “{ $name }” ({ $words })
destroy-ends = - request { $id } of { $name } ends
destroy-reason = Reason: “{ $reason }”
destroy-stays = What stays: the log, so that everybody can check who decided this. Passwords at the provider are not changed by it.
destroy-what-version = version { $version } of “{ $label }”
destroy-what-account = the account “{ $label }”
destroy-what-text = the text { $id }
destroy-what-organisation = the whole association
destroy-what-charter = charter version { $version }
brake-two = This takes two agreements: { $quorums } now, and as many again, not necessarily the same people, once { $delay } are over, in the 30 days after that. Until it is done, any trustee can object, once: “sequestre destroy veto”.
brake-vetoed = OBJECTION by { $name } on { $time }: “{ $reason }”. Without it, { $before } would have to confirm; with it: { $after }. Whoever had confirmed before must do so again.
brake-agreed = Agreed a first time on { $time } by { $names }. It happens only if { $quorums } confirm it between { $from } and { $until }. Confirmed so far: { $confirmed }
proposal-weakens = - This changes who destroys or amends, or how soon. It takes two agreements with a delay between them.
proposal-everybody = - CAREFUL: “{ $name }” needs everybody whom it names. If one of them is lost, nobody can do any more what it is for.
proposal-agreed = Proposal { $index } is agreed a first time. Nothing happens before it is confirmed: “sequestre destroy confirm { $index }”, from { $from } until { $until }.
ask-destroy = Do you agree that this is destroyed for ever?
ask-confirm = This is the second agreement: with the last one it happens, and cannot be undone. Do you confirm it?
veto-done = Your objection to proposal { $id } stands in the log. It does not end it. Whoever had confirmed must do so again, and who must confirm now is shown by “sequestre destroy confirm { $id }”.
inbox-destruction = { $id } — { $name } proposes to destroy { $subject }.
inbox-agreed = { $id } — agreed a first time: { $what }. It can be confirmed from { $from } until { $until }; to object: “sequestre destroy veto { $id } --reason …”.
inbox-confirm = { $id } — waits for your second agreement until { $until }: { $what }. “sequestre destroy confirm { $id }”
inbox-confirmable = { $id } — can be confirmed by others until { $until }: { $what }. To object: “sequestre destroy veto { $id } --reason …”.
inbox-vetoed = { $name } objects: “{ $reason }”.
status-destroy-delay = Destroying takes two agreements, { $delay } apart at least.
status-proposal-destruction = - { $proposal }: { $proposer } proposes to destroy { $what }: “{ $reason }”. Open until { $time }. Agreed: { $signed }. Could still agree: { $others }. Missing: { $missing }
status-destroyed = This association was destroyed on { $time }. Its log can be read and checked; nothing can be added.
status-destroyed-kept = { $n } files of what was destroyed stay on this computer until { $time }, in case it was done behind people’s backs. No screen shows them; “sequestre recover” opens them with the log of before.
view-end-destroyed = ended, what was asked for was destroyed
view-end-sealed = ended, { $name } closed what was open to the server
view-end-closed = ended, the server no longer has the keys to which it opened
view-end-not-used = ended, it was agreed to but did not come about in time
view-end-replaced = ended, a newer version took its place
view-end-delegated = became a standing right
view-text-destroyed = (destroyed)
log-propose-destruction = { $who } proposed to destroy { $what } (proposal { $proposal }): “{ $reason }”.
log-sign-destruction = { $who } agreed to destroy { $what } (proposal { $proposal }).
log-confirm-again = { $who } confirmed proposal { $proposal } ({ $what }).
log-destroyed = { $who } confirmed proposal { $proposal }, and with that it was done: { $what } is destroyed.
log-veto = { $who } objected to proposal { $proposal } ({ $what }), because “{ $reason }”.
log-then-agreed = With that, proposal { $proposal } is agreed a first time; it can be confirmed from { $time }.
failed-text-unknown = No text has the number “{ $text }”, or several do. Take the whole one that “sequestre audit log --json” shows.
failed-destroy-delay = The time between the two agreements to destroy something must lie between 1 hour and 90 days.
help-destroy = Propose to destroy something for ever; it takes two agreements with a delay between them
help-destroy-label = The account
help-destroy-version = Only this version of it
help-destroy-organisation = The whole association
help-destroy-text = A text: the number that “sequestre audit log --json” shows
help-destroy-reason = Why; the others read it
help-destroy-confirm = Agree the second time, once the delay is over (also to a charter that makes destroying easier)
help-destroy-confirm-id = Number shown by “sequestre inbox”
help-destroy-veto = Object to what was proposed or agreed: they must confirm again, and more of them where there are more
help-destroy-veto-id = Number shown by “sequestre inbox”
help-destroy-veto-reason = Why; the others read it
help-found-destroy-delay = Time between the two agreements that destroying something needs [default: 7d]
