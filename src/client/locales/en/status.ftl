# Words that all reading verbs share.
view-text-missing = (this text is not on this computer)
view-role-trustee = trustee
view-role-mediator = mediator
view-role-technician = technician
view-role-member = member
view-all-trustees = all trustees
view-all-mediators = all mediators
view-all-technicians = all technicians
view-all-members = all members
view-nobody = nobody
view-part-password = password
view-part-totp = one-time code secret
view-part-codes = recovery codes
view-part-notes = notes
view-standing-candidate = newcomer, not taken in yet
view-standing-admitted = taken in
view-standing-gone = gone since { $time }
view-due-now = now
view-due-later = later
view-cause-ended = { $name }’s access (request { $request }) ended
view-cause-revoked = { $name }’s access (request { $request }) was ended by a trustee
view-cause-shares = parts of the key handed over for several requests are enough together; the last one is request { $request }
view-cause-shares-recovery = parts of the key handed over for several requests or recoveries are enough together; one of them stands in the log as entry { $request }
view-cause-recovered = { $name } opened it without the server, with the answers of others (entry { $entry } of the log)
view-cause-left = { $name } knows it and left
view-unrecorded-access = The server has not recorded that { $name }’s access to “{ $label }” (request { $request }) ended on { $time }. It is over all the same: the password counts as to be changed. Ask the technician why.
view-unrecorded-request = The server has not recorded that { $name }’s request { $request } for “{ $label }” ended on { $time }. It can no longer be approved or fetched. Ask the technician why.
view-stage-waiting = { $missing ->
    [one] waiting for 1 more agreement
   *[other] waiting for { $missing } more agreements
}
view-stage-granted = granted, to be fetched
view-stage-leased = access is running
view-stage-uncollected = never fetched, counts as running
view-end-expired = too few agreements in time
view-end-withdrawn = withdrawn
view-end-lease-expired = access ended, time over
view-end-returned = given back
view-end-revoked = ended by { $name }
view-end-left = ended, the person left

# Headings of tables.
status-head-name = Name
status-head-roles = Roles
status-head-standing = Standing
status-head-devices = Devices
status-head-since = Since
status-head-fingerprint = Fingerprint (compare by voice)
status-head-device = Device
status-head-quorum = Agreement
status-head-agree = Who must agree
status-head-people = Among
status-head-vault = Vault
status-head-opened-by = Opened by (any one)
status-head-askers = May ask
status-head-depositors = May deposit
status-head-longest = Longest access
status-head-label = Account
status-head-version = Version
status-head-parts = Parts
status-head-deposited = Deposited by
status-head-confirmed = Parts of key checked
status-head-due = To be changed
status-head-asked = Asked for last
status-head-request = Request
status-head-who = Who
status-head-state = State
status-head-until = Until

# Where things stand.
status-organisation = Association “{ $name }” ({ $id })
status-log = The log has { $n ->
    [one] 1 entry
   *[other] { $n } entries
}, the last one of { $time }.
status-reachable = Synchronised just now with { $address }: everything was checked.
status-unreachable = The server { $address } cannot be reached. What is shown is what this computer knew on { $time }.
status-not-served = The server { $address } could not do its part: { $why } What is shown is what this computer knew on { $time }.
status-not-believed = The server’s answer was not accepted: see the last line. What is shown here was checked earlier.
status-clock = This computer’s clock seems to be { $by } slow: others signed later than that. Set it before going on.
status-witnesses-unknown = How many witnesses confirmed this log lately is not known without the server.
status-witnesses-none = The log has no witnesses yet: the charter names them.
status-witnesses-enough = { $fresh } of { $of } witnesses saw this log in the last 7 days ({ $needed } are needed): all is well.
status-witnesses-few = Only { $fresh } of { $of } witnesses saw this log in the last 7 days, { $needed } are needed. Ask the others to run “sequestre sync”.
status-charter = Charter: version { $version }, code { $code }
status-no-charter = There is no charter in force yet.
status-me = You are { $name }: { $roles }.
status-me-candidate = You are { $name }. You joined and are not taken in yet.
status-me-gone = You no longer belong to this association. What you read here stays readable.
status-waits = { $n ->
    [0] Nothing waits for you.
    [one] One thing waits for you:
   *[other] { $n } things wait for you:
}
status-item = - { $text }
status-due = To be changed { $when }: “{ $label }” ({ $cause })
status-running = Access running: { $name } to “{ $label }” until { $time } (request { $request })

# People and devices.
status-this-is-you = { $name } (you)
status-device-this = this computer
status-device-other = in use
status-device-revoked = revoked on { $time }

# The charter.
status-trustees = Trustees: { $names }
status-mediators = Mediators: { $names }
status-technicians = Technicians: { $names }
status-quorums = Agreements (how many must agree):
status-admission = Members are taken in and removed by “{ $quorum }”.
status-vaults = Vaults:
status-limits = Each person may add { $entries } entries and { $kibibytes } KiB to the log in a day.
status-proposals = Open proposals:
status-no-proposals = Nothing is proposed.
status-proposal-charter = - { $proposal }: charter version { $version }, proposed by { $proposer }, open until { $time }. Code { $code }. Signed: { $signed }. Signatures still needed: { $missing }, from { $others }.
status-proposal-admission = - { $proposal }: take in { $name } as { $roles }, proposed by { $proposer }, open until { $time }. Fingerprint { $fingerprint }. Signed: { $signed }. Signatures still needed: { $missing }, from { $others }.
status-proposal-removal = - { $proposal }: remove { $name } (“{ $reason }”), proposed by { $proposer }, open until { $time }. Signed: { $signed }. Signatures still needed: { $missing }, from { $others }.

# Accounts and accesses.
status-no-accounts = No account is in escrow yet. Begin with “sequestre deposit”.
status-who-when = { $name }, { $time }
status-confirmed = { $good } of { $holders }
status-confirmed-faulty = { $good } of { $holders }; bad: { $bad }
status-account = “{ $label }” in vault “{ $vault }” ({ $id })
status-account-version = - version { $version }: { $parts }, deposited by { $name } on { $time }
status-account-version-server = - version { $version }: { $parts }, made by the server on { $time }, as { $name } asked
status-account-quorum = Opened by “{ $quorum }”: { $agree } ({ $names })
status-account-confirmed = Parts of the key that trustees opened and found right: { $confirmed }
status-account-released = Parts of the key handed over so far ({ $part }): { $n }, by { $names }
status-account-known = Known to { $name }, who deposited version { $version }
status-account-made = The server made the secret of version { $version }; it was shown to nobody.
status-account-could-read = Could have been read by { $name } ({ $parts }) since { $time }: runs the server, where it was open (entry { $request } of the log)
status-account-exposed = Known to { $name } ({ $parts }) since { $time }, through request { $request }
status-account-recovered = Known to { $name } ({ $parts }) since { $time } at the latest, through a recovery without the server (entry { $request } of the log)
status-account-carried = Known to { $name } ({ $parts }) since { $time }: deposited it earlier, unchanged since
status-account-due = To be changed { $when }: { $cause }
status-account-not-due = Nothing has to be changed.
status-account-requests = The last requests:
status-account-sheet = Account sheet:
status-account-no-sheet = The account sheet is not on this computer: trustees and mediators hold it.
status-sheet-field = - { $name }: { $text }
status-sheet-odd = (contains characters that cannot be shown)
status-no-leases = No request and no access.

# Fields of the account sheet.
sheet-kind = Kind
sheet-url = Address to log in
sheet-legal-holder = Legal holder
sheet-recovery-mailbox = Mailbox for “forgot my password”
sheet-recovery-mailbox-by = Who reads that mailbox
sheet-recovery-telephone = Telephone for codes
sheet-recovery-telephone-by = Who holds that telephone
sheet-other-administrators = Other administrators
sheet-renewal-date = Renewal date
sheet-paid-by = Who pays
sheet-change-password-page = Page to change the password
