# Standing rights.
delegate-done = Request { $id } stands in the log: { $to } is to have a standing right to “{ $label }”, { $uses ->
    [one] for one access
   *[other] for { $uses } accesses
}, until { $until }.
delegate-forward =
    Text to forward to the trustees:

    {"  "}{ $name } ({ $organisation }) asks for a standing right for { $to } to “{ $label }”, until { $until }, { $uses ->
          [one] for one access.
         *[other] for { $uses } accesses.
      }
      Reason: { $reason }
      To see it: sequestre inbox — to agree: sequestre approve { $id }
delegate-finish-later = When it is granted, finish it from this computer: “sequestre delegate --finish { $id }”. Until then { $to } cannot use it.
delegate-finished = The standing right { $id } is in force: { $to } takes an access with “sequestre request "{ $label }" …”. You count among those who know the password from now on, { $to } from the first access on.
ask-delegate-end = End the standing right { $id } of { $name } to “{ $label }”?
delegate-ended = The standing right { $id } has ended. What { $name } saw through it stays known until it is changed.
delegate-ended-runs = Access { $id }, which { $name } took by it, goes on until { $until }. A trustee ends it with “sequestre revoke { $id } --reason …”.
delegate-none = There is no standing right.
delegate-connector = There is nothing to finish: it is in force with the last agreement.
delegate-left = Taken by your standing right { $id }; { $left ->
    [0] that was the last access.
    [one] one more access is left.
   *[other] { $left } more accesses are left.
}
delegate-renewed = { $n ->
    [one] The standing right goes on with the new version.
   *[other] The { $n } standing rights go on with the new version.
}
delegate-not-renewed = These standing rights ended with the new version: { $list }.
ask-deposit-ending = These standing rights end with the new version: { $list }. With --keep-delegations they would go on. Deposit, and let them end?
ask-deposit-cannot-keep = These standing rights end with the new version, although you gave --keep-delegations: { $list }. A right goes on only if all that it gives is deposited anew, and the account has a connector now if and only if it had one before. Deposit, and let them end?
inbox-delegation-granted = { $id } — the standing right of { $name } to “{ $label }” is granted: “sequestre delegate --finish { $id }” puts it in force.

# Headings and standing.
delegate-head-id = Number
delegate-head-to = For
delegate-head-by = Asked for by
delegate-head-left = Accesses left
delegate-head-state = State
delegate-live = in force
delegate-to-finish = granted; not in force before { $name } finishes it
delegate-over-time = over
delegate-over-uses = used up
delegate-over-ended = ended by { $name }
delegate-over-version = ended with a new version
delegate-over-left = ended, the person left
delegate-over-moved = ended, the association moved to another server
delegate-over-destroyed = ended, the account was destroyed

# What --help says.
help-delegate = Ask that somebody may take accesses to an account without asking each time, finish such a right, or end it
help-delegate-label = The account
help-delegate-to = Name of the person
help-delegate-duration = How long the right lasts: 7d, 30d
help-delegate-uses = How many accesses
help-delegate-reason = Why; the trustees read it before they agree
help-delegate-open-for = How long the request waits for agreement, at most 7d [default: 72h]
help-delegate-finish = Put a right that was granted in force: number of its request
help-delegate-end = End a right, as trustee, as whoever asked for it, or as the person who has it: its number
help-delegations = List the standing rights
help-delegations-all = Those that ended, too
