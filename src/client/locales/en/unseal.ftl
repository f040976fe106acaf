# Opening to the server, for connector work.
unseal-done = Request { $id } stands in the log: “{ $label }” is to be opened to the server for { $duration }. It stays open for agreement until { $until }.
unseal-forward =
    Text to forward to the trustees:

    {"  "}{ $name } ({ $organisation }) asks that “{ $label }” be opened to the server for { $duration }.
      Reason: { $reason }
      To see it: sequestre inbox — to agree: sequestre approve { $id }
      It stays open until { $until }.
ask-seal = Close at once all that is open to the server: { $list }. An access with one-time codes ends with it. Accesses that were made at a target go on until their end, and what must be removed at a target then waits until it is opened again. Close it?
seal-done = { $n ->
    [one] Closed: what was open to the server is wiped from its memory.
   *[other] Closed: the { $n } accounts that were open to the server, or about to be, are wiped from its memory.
}
seal-nothing = Nothing is open to the server, and nothing was granted to be.
seal-stays = STAYS OPEN: “{ $label }” (request { $id }) { $open ->
    [0] was granted, and the server is about to open it
   *[other] is open to the server until { $until }
}. { $rests ->
    [0] The others agreed to it just now: run “sequestre seal” once more.
   *[other] You closed this account only a short while ago, and the others have agreed anew; you can close it again from { $from } on.{ $n ->
        [0] {" "}No other trustee can close it before, either.
       *[other] {" "}Can close it now, with “sequestre seal”: { $names }.
    }
}
failed-seal-stays = { $n ->
    [one] Not everything is closed: one opening to the server stays, as said above.
   *[other] Not everything is closed: { $n } openings to the server stay, as said above.
}
verify-works = “{ $label }”: what is in escrow works there.
verify-fails = “{ $label }”: what is in escrow does NOT work there. Somebody changed it at the target, or it was never right: look there, then deposit what is right with --new-version.
rotate-asked = “{ $label }” is to get a new secret (entry { $index } of the log). The server seals it for the trustees before it touches the target.
rotate-staged = The new secret, version { $version }, is sealed and in escrow; now the target gets it.
rotate-done = “{ $label }” has a new secret: version { $version }. It was shown to nobody.
rotate-dropped = The target kept what it had, so the new secret was given up. “sequestre verify” says whether the old one works.
rotate-goes-on = The server is still at it, and goes on by itself: “sequestre status” says how it stands.

# What the server has open, and what it still has to do.
open-window = Open to the server until { $until }: “{ $label }” (request { $id } by { $name }; agreed: { $list })
open-window-by-server = Open to the server until { $until }: “{ $label }” (request { $id }, asked for by the server itself for { $name }; agreed: { $list })
open-readable = Those who run the server can read it in that time: { $names }.
open-codes = Open to the server until { $until }, for one-time codes: “{ $label }” (request { $id } by { $name })
open-granted = About to be opened to the server: “{ $label }” (request { $id })
open-revocation = NOT REMOVED YET: { $name }’s access to “{ $label }” (request { $id }) is over since { $since }, and what was made for it is still there at the target.
open-revocation-window = To remove it, the server needs “{ $label }” open: “sequestre unseal "{ $label }" --for 1h --reason …”, or agree to the server’s own request.
open-mint = Being made at the target: { $name }’s access to “{ $label }” (request { $id })
open-rotation = A new secret for “{ $label }” is on its way: version { $version } is sealed; the target has either this or the current one.
open-rotation-asked = A new secret for “{ $label }” was asked for.
open-tries = The server tried { $n ->
    [one] once
   *[other] { $n } times
}, next at { $next }. The last time: { $why }
open-tries-none = The server has not tried yet.
open-waits = The server waits: { $why }
open-delegation = Standing right { $id }: { $name } may take “{ $label }” { $left ->
    [one] once more
   *[other] { $left } more times
}, until { $until }

# Why the server did not get through, or what it waits for: one sentence for each word of the server.
work-unreachable = the target cannot be reached
work-refused = the target refuses it
work-not-allowed = the technician’s configuration does not allow this target
work-settings = the connector’s text is not usable
work-denied = the target does not let the administrator’s secret do this
work-not-ours = something of that name is there and was not made for this
work-unfinished = it is begun at the target and not finished
work-unknown = the target did not say whether it did it
work-not-supported = this kind of account cannot do that
work-no-randomness = the server’s computer gave no random numbers; the technician must look
work-closed = the account is not open to the server; ask for it with “sequestre unseal”
work-sealed = the account was closed while the server was at it
work-other-version = a newer version is in escrow than the one that is open to the server; ask for it again with “sequestre unseal”
work-other-target = the account is open to the server with another connector than the one this was made with
work-shares-missing = the computers of those who agreed have not all delivered their parts of the key; they run “sequestre sync”
work-shares-bad = the parts of the key that were delivered do not give the key; another trustee’s agreement can help
work-key-gone = the server no longer has the key that this was to open to, because it was restarted; it must be asked for and agreed to again
work-damaged = what the key opens is not what was deposited; deposit it again with --new-version
work-not-taken = the target took the new secret, and it does not work there
work-dealing = the new secret could not be dealt to the trustees; the technician’s log says why
work-sealing = what was made could not be sealed for whoever asked for it
work-rules = the rules do not allow it at this moment
work-stopping = the server is being stopped
work-storage = the server’s disk does not work as it should; the technician must look
work-inside = something failed inside the server; the technician’s log says it
work-window-too-short = the account is not open to the server for long enough; ask for it again with “sequestre unseal”
work-checked-out = somebody else is using the account, and only one person at a time can
work-still-at-target = what was made at the target for somebody before is not removed yet
work-version-conflict = somebody deposited a new version in the meantime
work-unchecked = the target lets in with any password: none can be verified, and none counts there
work-needs-exclusive = its leases share one account: deposit it anew with --exclusive
work-input = what the target would be told is not one line of text, which nobody could read before agreeing; the one who asks must ask again
work-krl-folder = the list of revoked SSH certificates could not be written on the server
work-staged-not-open = the new secret is not open to the server: open the account anew
work-busy = others are at the target, or this secret is being tried already
work-may-be-late = it is not there now, but the target once gave no answer when it was to be made; for an hour it may still come, and is looked for again
work-other = another reason; the technician’s log says it

# What --help says.
help-unseal = Ask that accounts with a connector be opened to the server for a time, so that it can make accesses there
help-unseal-labels = The accounts
help-unseal-duration = How long, from the moment the agreement is complete: 2h, 8h, 3d; at most 7d
help-unseal-reason = Why; the trustees read it before they agree
help-unseal-open-for = How long the request waits for agreement, at most 7d [default: 72h]
help-seal = Close at once all that is open to the server, as a trustee
help-seal-reason = Why; the others read it
help-verify = Ask the server whether an account’s secret works at its target, while it is open to the server
help-verify-label = The account
help-rotate = Have the server give an account a new secret, while it is open to the server
help-rotate-label = The account
help-ssh = For accounts that are SSH authorities
help-ssh-krl = Write the revocation list (KRL) of an authority’s certificates, made from the log that this computer verified
help-ssh-krl-label = The account
help-ssh-krl-output = New file to write it to
krl-written = The revocation list is in { $path }; certificates in it: { $n }. Put it where sshd’s RevokedKeys points.
failed-no-authority = “{ $label }” is no SSH authority: there are no certificates of it to revoke.
failed-opens-to-server = Request { $id } opens to the server, not to you. “sequestre status” shows what is open.
failed-is-delegation = Request { $id } is for a standing right. When it is granted: “sequestre delegate --finish { $id }”.
connector-unreadable = a target that cannot be read here
request-connector-unreadable = WARNING: how the server reaches the target cannot be read on this computer. Do not agree before you know.
progress-making = The server is making it…
recover-staged = { $label } (or this one: the server was about to set it)
progress-agreement = Waiting for agreement
