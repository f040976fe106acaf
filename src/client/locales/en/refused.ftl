# Why the rules or the server say no: one sentence for each reason.

# What was signed, and when.
refused-foreign-base = STOP. This computer and the server do not agree about what happened so far. Do not try again; compare with the others by another way, and show this to a mediator.
refused-stale-base = Something that this depends on has changed in the meantime. Look at it again, and repeat if you still want it.
refused-clock-skew = What you signed and the server’s clock are { $by } apart; at most 10 minutes are allowed. If it had to wait for the server, do it again. Otherwise check the clock of this computer.
refused-unknown-rules = The association works by rules (version { $version }) that this program does not know yet. Update the program; until then nothing can be signed.
refused-rate-limit = You have reached your limit for today. Go on tomorrow.
refused-genesis-twice = This association is founded already. Ask for an invitation to join it.

# People and invitations.
refused-stranger = This association does not know your identity. Ask for an invitation.
refused-not-admitted = You have joined but are not taken in yet. Wait until the charter or your admission is signed.
refused-not-founded = The first charter is not in force yet. This becomes possible once all trustees have signed it.
refused-not-trustee = Only a trustee can do this; agreeing to a request takes one who holds a part of the account’s key. Ask one of them.
refused-may-not-invite = Only those whom the charter names for it may invite, take in or remove people; before the first charter, only the founder. Ask one of them.
refused-invitation-unknown = The association does not know this invitation. Ask the person who invited you for a new one.
refused-invitation-used = This invitation has already been used. If that was not you, tell the person who invited you at once.
refused-invitation-cancelled = This invitation was cancelled. Ask for a new one.
refused-invitation-expired = This invitation has expired. Ask for a new one.
refused-invitation-roles = The roles are not those of the invitation. Use the invitation as you received it, or ask for a new one.
refused-invitation-exists = This invitation exists already. Make a new one.
refused-invitation-life = An invitation can be valid for 30 days at most. Make one that ends earlier.
refused-already-joined = You already belong to this association. To use another computer as well, run “sequestre restore-identity” there.
refused-not-your-keys = The identity that signed this is not the one that it is about. Use your own identity; --home says in which folder it is.
refused-device-known = This device key is already in use. Each computer needs its own: do not copy folders between computers, run “sequestre restore-identity” in an empty one.
refused-device-unknown = You have no such device, or it is already revoked. “sequestre device” lists yours.
refused-not-removable = Trustees, mediators and technicians cannot leave or be removed this way: first a new charter must release them from their office.

# Charter and proposals.
refused-admission-mismatch = This is not what the newcomer signed when joining, or that person is not waiting to be taken in. Look at the inbox and propose again.
refused-charter-names-stranger = The charter names somebody who has not joined. Wait for that person, or leave them out with --drop NAME.
refused-charter-version = The next charter is version { $expected }: no number is skipped or used twice. Propose it again.
refused-charter-log-key = A charter cannot change the server’s address or the key of the log. Leave both as they are and propose again.
refused-bad-charter = This charter contradicts itself. Correct it and propose it again.
refused-proposal-unknown = There is no such proposal. “sequestre inbox” shows what waits for you.
refused-proposal-differs = The proposal is not the one that you saw; your signature was not accepted. Look at it again before you sign.
refused-proposal-closed = This proposal is no longer open: it was decided, replaced, or nobody decided in time. “sequestre charter” shows the open ones.
refused-already-signed = You have already signed this proposal. Nothing more is needed from you.
refused-not-concerned = This proposal does not need your signature. There is nothing for you to do.

# Accounts.
refused-may-not-ask = The charter does not let you ask for accounts of this vault. Ask a trustee to request it.
refused-may-not-deposit = The charter does not let you deposit in this vault. Choose another one with --vault, or ask a trustee to deposit it.
refused-vault-unknown = The charter has no vault of this name. “sequestre charter” lists the vaults.
refused-vault-differs = A new version stays in the vault of its account. Leave out --vault.
refused-deal-shape = The parts of the key do not fit the trustees who guard this vault now; perhaps the charter has just changed. Deposit again.
refused-credential-exists = This account is already in escrow. To replace its password, add --new-version.
refused-credential-unknown = There is no such account. “sequestre credentials” lists them.
refused-version-conflict = This account is already at version { $current }: somebody deposited in the meantime. Ask them which password is valid before you deposit again.
refused-part-unknown = This account does not contain that. “sequestre credentials LABEL” shows what it contains.
refused-no-share = You hold no part of this key, so there is nothing for you to confirm.

# Requests and access.
refused-duration = In this vault, access can be asked for from 1 minute up to { $longest }. Choose another length with --for.
refused-request-life = A request must stay open for some time, 7 days at most. Choose another length with --open-for.
refused-own-share = This program did not count your own part of the key correctly. Update it, then ask again.
refused-already-requested = Your request { $request } for this account is still open. Wait for the answer, or take it back with “sequestre return { $request }”.
refused-request-unknown = There is no such request. “sequestre inbox” shows what waits for you, “sequestre leases” what you asked for.
refused-request-differs = The request is not the one that you saw; your agreement was not accepted. Look at it again before you agree.
refused-request-closed = This request is no longer open. If access is still needed, the person can ask again.
refused-request-expired = This request ended on { $at }. If access is still needed, the person can ask again.
refused-own-request = This is your own request: your part of the key counts already. Others must agree.
refused-already-approved = You have already agreed to this request, and that is final. Once the access is granted, “sequestre revoke” can end it.
refused-released-shape = Your computer did not hand over exactly your parts of the key. Update this program, then agree again.
refused-not-yours = This request is somebody else’s. Only the person who asked can do this.
refused-nothing-to-end = There is no access to end yet. Refuse the request instead: “sequestre deny NUMBER --reason …”.
refused-veto-used = You stopped access to this account only a short while ago and cannot do so again before { $until }: the others have agreed anew. Another trustee still can.
refused-may-not-destroy = Only the people whom the charter names in its “destroy” agreement can propose to destroy something. Ask one of them.
refused-text-unknown = There is no such text, or it is something sealed, which is destroyed with its account.
refused-text-in-use = The others still need this text to know what they decide upon. End what it belongs to first; the name of an account is destroyed with the account.
refused-text-used = This text stands in the log already, or was destroyed. Every text is written only once: give the command anew.
refused-sealed-used = Something sealed, or a key to it, stands in the log already or was destroyed. Deposit it anew; if this program did it by itself, tell a technician.
refused-too-many-proposals = Three destructions that you proposed are still open. Wait until the others agreed to one, or until one is 30 days old.
refused-version-in-use = This is the current version, or a version that is still there took parts over from it. Deposit everything anew first, or destroy the whole account.
refused-credential-destroyed = This account was destroyed. To put it in escrow again, deposit a new one.
refused-organisation-destroyed = This association was destroyed. Its log can be read and checked, but nothing can be added to it any more.
refused-not-agreed = There is nothing to confirm yet: the proposal still waits for signatures. “sequestre inbox” shows it.
refused-too-early = This can be confirmed from { $at } on, not before: until then everybody can think about it and object.
refused-nothing-to-veto = One can only object to what takes two agreements. If you are against this proposal, do not sign it.
refused-proposal-vetoed = Somebody objected to this already, and one objection asks for as much as two.
refused-vault-in-use = Accounts lie in a vault that the new charter no longer has: nobody could open them. Keep the vault, or destroy its accounts first.
refused-vault-askers = Accounts lie in a vault that nobody could ask for under the new charter. Name somebody who may ask.
refused-not-collectable = There is nothing to fetch: the request is not granted yet, or it is over. “sequestre leases” shows which.
refused-already-confirmed = You have already said this about these parts of keys. Nothing more is needed from you until somebody asks again.
refused-starter-unknown = Whoever started this recovery never belonged to this association. Tell the others and a mediator what you answered, and to whom.
refused-starter-signature = The person who is named as having started this recovery did not sign its request. Ask them, and tell the others.
refused-own-answer = You started this recovery yourself: your part of the key counts already. The others enter what they answered.
refused-already-answered = Your answer about these accounts stands in the log already.
refused-claim-shape = Only parts of the key that somebody handed over for this very request can be called bad. Update the program and try again.
refused-already-claimed = What you say about this person and this request stands in the log already. A mediator can read it there.
refused-may-not-drill = Only trustees and mediators can start a drill, and only they and technicians can record the result of one.
refused-drill-rest = A drill was started less than 7 days ago. Wait for the answers; the next one can start on { $from }.
refused-drill-tree = The result of a drill must name the copy that was restored. Update the program and record it again.
refused-nothing-to-test = There was no access under this request, or it ended more than 7 days ago. Ask for access and try it then.
refused-own-deposit = You put this account in escrow yourself. Somebody else must show that the access works.
refused-not-due = It is not time for this yet. If you did not ask for it, tell the technician.

# What is open to the server, and what it does at providers.
refused-not-vouched = Only keys that this server’s log vouches for can have something opened to the server, and nothing else opens to them. Run “sequestre sync” and ask again.
refused-no-connector = The server cannot do anything at this account’s provider: it has no connector. Ask for the password itself.
refused-has-connector = Access to this account is made at its provider; nothing has to be kept a second time. Update the program.
refused-not-open = This account is not open to the server. Ask the others to open it with “sequestre unseal”.
refused-connector-changed = How the server reaches this account has changed since this was asked for. Look at it, and ask again.
refused-checked-out = Somebody else is using this account, and only one person at a time can. Wait until { $until }, or ask them to give it back.
refused-still-at-target = What was made at the provider for request { $request } is not gone from there yet. Have the account opened with “sequestre unseal” so that the server can remove it, then try again.
refused-window-too-short = The account is open to the server only until { $until }, which is too short for access that has to end before. Have it opened for longer.
refused-nothing-open = Nothing is open to the server that you could close; or the others have opened it again since you closed it, and another trustee would have to close it.
refused-rotation-pending = The server is just changing this account’s password. Wait until that is done, and look again.
refused-delegation-unknown = There is no such standing right.
refused-delegation-over = This standing right is over: used up, past its date, or ended. Ask for access, or for a new one.
refused-delegation-terms = A standing right lasts 366 days at most, and is for somebody who may ask for accounts of this vault.
refused-wrapped-shape = What was kept a second time is not exactly what was agreed to, or not for this server. Update the program and try again.

# The server.
refused-unknown-organisation = This server does not keep your association. Ask the others by voice whether it has moved.
refused-founding-token = This founding code is unknown or already used. Ask the technician for a new one.
refused-missing-blob = A piece of what you sent did not reach the server. Do it again; tell the technician if it happens twice.
refused-blob-too-large = This is too large for the server. Shorten it: at most 256 KiB in one piece.
refused-text-too-large = A name, a reason or an account sheet is too long. Shorten it: at most 4,096 bytes each.
refused-not-awaited = Nobody is waiting for these parts of the key: the request is over, or your agreement is not in the log. “sequestre inbox” shows what still waits for you.
refused-not-yet-uploaded = The agreement is there, but not enough trustees’ computers have delivered their parts yet. Ask those who agreed to run “sequestre sync”, then try again.
refused-bad-cosignature = The server did not accept this computer’s confirmation of the log. Run “sequestre sync”; tell the technician if it happens again.
refused-busy = The server has too much to do just now. Try again in a minute.
refused-storage = The server’s disk does not work as it should, and nothing was recorded. Tell the technician, and try again later.
refused-closing = The server is being stopped. Try again when it is back.
refused-malformed = The server did not understand this program. Update the program, or ask the technician to update the server.
refused-bad-signature = The signature did not reach the server intact. Do it again; tell the technician and a mediator if it happens twice.
refused-no-device = The server does not see which computer is calling. Join with “sequestre join”, or bring your identity here with “sequestre restore-identity”.
refused-unknown-device = The association does not know this computer, or no longer: it was never added, it was revoked, or you have left. Bring your identity into an empty folder (--home) with “sequestre restore-identity”, or ask for an invitation.
refused-device-differs = This was signed for another computer than the one that sent it. Do it on that computer.
refused-not-made-yet = The server has not made this access yet. Wait a moment, then try again; “sequestre status” says what it is waiting for.
refused-badly-wrapped = What was kept for this delegation does not open. Ask for access, and for a new delegation.
refused-too-many-keys = This computer asked the server for too many keys without using them. Wait a quarter of an hour, then try again.
refused-no-codes = The server cannot show codes for this access any more, perhaps because it was restarted. Ask for access again.
refused-target = The server could not ask the provider. Try again later, or ask the technician.
refused-too-many-requests = This computer is calling the server too often. Wait a minute, then try again.
refused-timeout = The server did not finish in time. Try again: what was done already is not done twice.
refused-unknown-method = The server is older than this program and cannot do this. Ask the technician to update it.
refused-unknown-service = The server does not offer this. Ask the technician to update it.
refused-message-too-large = This is too much for the server at once. Make it smaller, or do it in several steps.
refused-beyond-log = Entry { $asked } was asked for, but the server’s log has only { $size } entries. Run “sequestre sync”; if it happens again, show this to the others and to a mediator.
