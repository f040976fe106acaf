# What --help says.
help-about = Escrow for the web accounts of associations: opened by several people together, lent for a time, written in a log that everybody can check
help-exit-codes =
    Exit codes:
      0  done
      1  something on this computer is missing or unusable
      2  the command line, or what was typed, makes no sense
      3  the rules do not allow it, or not now
      4  the server cannot be reached or does not answer
      5  the server is not to be trusted: stop and talk to the others
      6  a question was not answered, or was answered no
help-help = Show this help
help-version = Show the version

# For all commands.
help-home = Folder of your identity and of what this computer knows [default: .sequestre in your home folder]
help-org = Which association, where you belong to several: the beginning of its number
help-lang = Language: en or fr [default: the language of your system]
help-json = Answer in JSON, for programs
help-passphrase-file = File that holds your passphrase, for scripts
help-yes = Answer yes to the questions of this command, for scripts
help-accept-unwitnessed = Go on even if too few witnesses confirmed the log lately

# Founding and joining.
help-demo = Watch the whole story played on this computer, with a real server
help-demo-keep = Leave all files of the demonstration in this new folder
help-found = Found an association and write the first invitations
help-found-name = Name of the association
help-found-me = Your own name; you become a trustee
help-found-trustee = Name of a trustee, who holds parts of keys and agrees to requests (repeat for each)
help-found-mediator = Name of a mediator, who reads the log and judges (repeat for each)
help-found-technician = Name of a technician, who runs the server (repeat for each)
help-found-member = Name of a member, who may ask for access (repeat for each)
help-found-quorum = An agreement and how many trustees it takes: everyday=2, or two groups: both=2:Alice,Bob,Carl+2:Dan,Eve,Fred
help-found-vault = A vault and the agreements that open it: main=everyday,vital
help-found-admission = The agreement that takes members in [default: everyday]
help-found-code-file = File with the technician’s founding code; - reads it from standard input
help-found-invitations = Folder to write the invitations to
help-invite = Write an invitation for somebody
help-invite-name = Name of the person
help-invite-roles = Role: trustee, mediator, technician or member (repeat to combine)
help-invite-invitations = Folder to write the invitation to
help-join = Join an association with an invitation
help-join-invitation = File with the invitation; - reads it from standard input; without it, you are asked to paste it
help-admit = Propose to take in somebody who joined with your invitation
help-admit-name = Name of the person
help-remove = Propose to remove a member
help-remove-name = Name of the person
help-remove-reason = Why; the trustees read it
help-leave = Leave the association

# What waits for you.
help-inbox = Show what waits for you, in all your associations
help-approve = Agree to a request, or sign a proposal
help-approve-id = Number shown by “sequestre inbox”
help-deny = Refuse a request; you can still agree later
help-deny-id = Number shown by “sequestre inbox”
help-deny-reason = Why; the others read it

# Accounts.
help-deposit = Put an account in escrow, or its new password
help-deposit-label = What people call the account, for example “domain name”
help-deposit-vault = Vault for the account [default: the first of the charter]
help-deposit-new-version = Replace the password of an account that is in escrow already
help-deposit-from = JSON file with the secrets and the account sheet; - reads it from standard input
help-credentials = List the accounts, or show what is known about one
help-credentials-label = The account to show

# Access.
help-request = Ask for access to an account for a time
help-request-label = The account
help-request-duration = How long, from the moment you fetch the password: 30m, 2h or 3d
help-request-reason = Why; the trustees read it before they agree
help-request-part = Which part of the account: password, totp-secret, recovery-codes or notes (repeat for several) [default: all but recovery codes]
help-request-open-for = How long the request waits for agreement, at most 7d [default: 72h]
help-leases = List your requests and accesses
help-leases-all = Those of everybody
help-show = Show the password of a request that was granted; the first time begins your access
help-show-id = Number of the request
help-show-copy = Copy it for a short time instead of showing it: the password, or the part that you name
help-return = Give an access back early, or take back a request
help-return-id = Number of the request
help-revoke = End somebody’s access, as a trustee
help-revoke-id = Number of the request
help-revoke-reason = Why; the others read it

# The association.
help-people = List the people, with the fingerprints to compare by voice
help-charter = Show the charter in force and the open proposals
help-charter-propose = Propose the first charter, once everybody invited has joined
help-charter-propose-drop = Leave this invited person out (repeat for each)
help-status = Show where things stand: log, server, witnesses, what waits for you
help-sync = Fetch and check the log, and send what waits to be sent
help-device = List your computers
help-device-revoke = Shut out a computer that was lost or stolen
help-device-revoke-device = The computer: the beginning of its number in “sequestre device”
help-found-words-file = Write a new identity’s 24 words into this new file, for you alone, instead of showing them
help-join-words-file = Write a new identity’s 24 words into this new file, for you alone, instead of showing them
help-join-begin-anew = Put what this computer has of this association aside and begin anew, if the others left its log
help-join-charter-code = With --begin-anew: the charter code as somebody read it to you; without it, you are asked
help-restore-identity = Bring your identity to a new computer, with your 24 words and the association’s contact card
help-restore-identity-words-file = File with the 24 words; - reads them from standard input; without it, you are asked to type them
help-restore-identity-card-file = File with the contact card; - reads it from standard input; without it, you are asked to paste it
help-restore-identity-begin-anew = Put what this computer has of this association aside and begin anew, if the others left its log; needs no words where your identity is
help-restore-identity-charter-code = With --begin-anew: the charter code as somebody read it to you; without it, you are asked
help-card = Print the contact card of the association, to keep with your 24 words

# For mediators, and for everybody who wants to check.
help-audit = Read the log, check it, take it away
help-audit-log = Tell what happened, entry by entry
help-audit-log-from = First entry to tell: its number, or a date such as 2027-01-15
help-audit-log-to = Last entry to tell: its number, or a date
help-audit-log-person = Only what concerns this person
help-audit-log-account = Only what concerns this account
help-audit-export = Write the log to a folder that others can check without the server
help-audit-export-dir = New folder
help-audit-verify = Check an exported log: every signature, and that every act was allowed
help-audit-verify-dir = Folder of the exported log
help-audit-verify-log-key = The log key, from somebody you trust
help-audit-proof = Print the proof that an entry is in the log
help-audit-proof-index = Number of the entry
help-deposit-without = With --new-version: a part that the account no longer has; or: connector, exclusive
help-request-of-version = Which version of the account [default: the newest]
