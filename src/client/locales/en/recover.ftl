# Recovery without the server: starting.
recover-started = The request for { $count ->
    [one] one account
   *[other] { $count } accounts
} is in { $path }. Send it to the trustees. Call each of them and read this code aloud: { $code }
recover-forward =
    To forward:
    { $name } asks for your parts of the keys of { $organisation } ({ $count ->
        [one] one account
       *[other] { $count } accounts
    }), without the server: “{ $reason }”.
    Save the attached file. When { $name } has called you, run: sequestre recover answer FILE -o answer.txt
    Type the code that { $name } reads to you, and send answer.txt back by any way; only { $name } can open it.
recover-start-not-here = You were not taken in yet, or you left the association: nobody’s program would answer you. Have somebody who belongs to it start the recovery.
recover-not-a-member = The log in this copy does not know this identity. If you typed 24 words, compare each of them with the paper, and their order; otherwise this is the copy of another association, or older than your arrival.
recover-no-accounts = There is no account to recover.
recover-exists = { $path } is there already. Choose another name; nothing is overwritten.
recover-no-replica = This folder does not know the association of this request. Give somebody’s copy of the log with --replica DIR.
recover-other-organisation = This copy of the log belongs to another association than the request.
failed-replica-none = { $path } holds no copy of a log: a folder with the files “checkpoint” and “entries” is needed, organisations/… in the folder of a trustee.
failed-replica-cut = The copy of the log in { $path } is cut short: { $have } of { $need } entries are there. Take the copy of another trustee; nothing was changed.

# Answering.
recover-head = Recovery without the server. { $name } asks for your parts of the keys of { $count ->
    [one] one account.
   *[other] { $count } accounts.
}
recover-fingerprint = Fingerprint of the person: { $code }
recover-reason = Reason, given on { $time }: “{ $reason }”
recover-account = “{ $label }” (vault “{ $vault }”, account { $id })
recover-part = {"  "}{ $part } (parts of its key handed over so far, in all requests: { $released }; enough to open it: { $needed })
recover-part-old = {"    "}This is version { $version }, which was replaced since. It is no longer the current one.
recover-account-unnamed = Account { $id } (vault “{ $vault }”): what it is called is missing from this copy
recover-names-missing = The names of { $count ->
    [one] one person are
   *[other] { $count } people are
} missing from this copy: it cannot be checked whether one of them is called like whoever asks. Compare the fingerprint.
recover-roles = Roles: { $roles }
recover-technician = WARNING: this person runs the server that is said to be gone.
recover-not-asker = WARNING: by the charter this person may not ask for what is in: { $list }.
recover-copy-ends = Your copy of the log ends on { $time }; parts given from this computer since are counted.
ask-recover-withheld = Names are missing from this copy, perhaps because somebody held them back. Go on all the same, by fingerprint and account number?
ask-recover-doubtful = { $name } could not ask for this while there is a server. Go on all the same?
recover-not-yours = { $count ->
    [one] One part of an account that is asked for
   *[other] { $count } parts of accounts that are asked for
} cannot be answered by you: you hold no part of the key, or your copy of the log does not know it.
recover-tree-same = The log of this person is the same as yours.
recover-tree-shorter = The log of this person is an older state of yours: { $count ->
    [one] one entry is
   *[other] { $count } entries are
} missing there.
recover-tree-longer = The log of this person has { $count ->
    [one] one entry
   *[other] { $count } entries
} more than yours, which cannot be checked here. If you can still reach the server, run “sequestre sync” first.
ask-recover-answer = Hand over your parts of these keys to { $name }? Call { $name } first, at a number or face that you know.
ask-recover-code = The code of 20 digits that this person reads to you
recover-code-differs = This is not the code of this file. Nothing was handed over. Have it read again; if it still differs, somebody exchanged the file: tell the others.
recover-own-bad = Your part of a key for “{ $label }” is left out: { $fault }.
recover-own-none = None of your parts of these keys can be used from this copy of the log. Use a trustee’s copy with --replica DIR.
recover-answered = Your parts of the keys of { $count ->
    [one] one account are
   *[other] { $count } accounts are
} in { $path }. Send it to { $name } by any way; nobody else can open it.
recover-enters = What was given is entered in the log by your program, at its next contact with a server.
recover-enters-not = Nobody enters what was given in the log by itself: this folder has no contact with a server. The signed commands lie in { $path }. Keep them. When there is a server again, somebody whose computer belongs to the association takes them over with “sequestre recover enter” and this folder, wherever it was copied or sent; or run “sequestre restore-identity” here (--home). Until then the log does not know of this recovery.
recover-stranger = The person { $id } does not stand in this copy of the log. Nothing was handed over and nothing is believed.
recover-starter-gone = Whoever asks has left the association. Nothing was handed over; tell the others.
recover-starter-candidate = Whoever asks has been invited and was never taken in. Nothing was handed over; tell the others.
recover-expired = This request was made on { $time }. Requests are answered for 30 days. Nothing was handed over; if it is still needed, have a new one made, and check this computer’s clock.
recover-own-request = This is your own request. Your parts count by themselves when you finish it.
recover-no-share = You hold no part of any key that is asked for. Nothing was handed over.
recover-other-log = By { $path }, { $name } has another log than yours. That is the word of { $name } alone: no server signed it, and it may be a mistake. It is kept in { $kept }. Ask { $name } by voice, and compare with others.
recover-copy-other = The copy in { $path } is not of the same log as yours, and the key of your log did not sign it. It is not used; ask whoever gave it to you.

# Files that people send.
recover-file-none = { $path } is no file of a recovery. Ask for it again, as an attachment.
recover-file-request = { $path } is a request, and an answer is needed here. A request is answered with “sequestre recover answer”.
recover-file-answer = { $path } is an answer, and a request is needed here. Answers go to “sequestre recover finish” of whoever asked.
recover-file-damaged = { $path } is damaged: cut short, or changed on the way. Ask for it again, as an attachment; what came before is kept.
recover-file-newer = { $path } was made by a newer version of this program. Update yours.
recover-file-foreign = { $path } answers another person’s request, or one made on another computer. Ask its sender to answer yours.
recover-file-stale = { $path } answers your earlier request of { $time } (code { $code }), not this one. Ask for an answer to the newest, or finish the earlier one with --from.
recover-file-mixed = { $path } was put together from an answer to another request. It is not used; ask its sender by voice what they sent.
recover-file-signature = { $path } is not signed by the person whom it names. It is not used; tell the others.
recover-answer-again = { $name } answered already; { $path } adds nothing.
recover-bad-shares = Parts of keys from { $name } cannot be used: { $fault }. It concerns: { $list }. Their other parts are kept; ask them, or one more trustee.
recover-fault-missing = missing from this copy of the log
recover-fault-sealed = not to be opened with the key of whoever it was dealt to
recover-fault-not-dealt = nothing was dealt to this person
recover-fault-duplicate = given twice
recover-fault-unreadable = unreadable
recover-fault-field = of another account, version or agreement
recover-fault-altered = other than what the log names

# Finishing.
recover-none-started = No recovery is under way here: none was started, or it is finished. Begin with “sequestre recover start”, or have people who are here type their 24 words (--words, --words-file).
recover-key-elsewhere = This recovery was started on another computer, or it was finished, or its files are gone: its key is not here. Finish it there, or start anew.
recover-here-reason = everybody is at one computer
recover-parts-unknown = { $count ->
    [one] One part of an account
   *[other] { $count } parts of accounts
} that this recovery is about cannot be found in this copy of the log. Use a newer copy with --replica DIR.
recover-closed = Still closed: { $list }. Missing: { $missing ->
    [one] one more person
   *[other] { $missing } more people
}. Could still answer: { $names }. What was collected is kept.
recover-closed-no-blob = Enough parts of the key are there, but the sealed content is missing from this copy: { $list }. Use another trustee’s copy with --replica DIR. What was collected is kept.
recover-closed-bad-blob = The key is there, but what was sealed with it is damaged or belongs elsewhere: { $list }. Recover these accounts at their providers.
recover-closed-dealer = Every part of the key is as it was dealt, and together they do not give the key: { $list }. Whoever deposited these accounts, or the server where it made the secret, dealt something else. Recover them at their providers, and tell a mediator.
recover-nothing-open = Nothing can be opened yet. What was collected is kept: run the same again when more answers are there.
recover-passphrase = The file will be locked with a passphrase. Here is a good one:
recover-sealing = Locking the file…
recover-written = { $count ->
    [one] One account is
   *[other] { $count } accounts are
} open{ $closed ->
    [0] .
   *[other] , { $closed } of them not entirely.
} This is in { $path }, locked with the passphrase: “age -d” opens it, too.
recover-written-plain = { $count ->
    [one] One account is
   *[other] { $count } accounts are
} open{ $closed ->
    [0] .
   *[other] , { $closed } of them not entirely.
} This is in { $path }, readable by anybody who gets this file. Delete it as soon as you can.
recover-forgotten = Everything that was asked for is open: the key and the answers of this recovery were deleted from this computer.
recover-kept = What was collected is kept on this computer. Whoever has this computer and your passphrase has these accounts.
recover-old-version = “{ $label }”: { $parts } was replaced since; what was opened is an old version.
recover-note-version = { $part }: version { $version } (log as of { $time })
recover-note-old = { $part }: OLD version { $version }; it was replaced since (log as of { $time })
recover-now-change = Change every one of these passwords at its provider: they count as known from now on.

# Forgetting, and what was given elsewhere.
ask-recover-expired = You asked for this on { $time } (“{ $reason }”). Requests are answered for 30 days; that is over. Open what was collected all the same? (“sequestre recover forget” deletes it; then a new one can be started.)
ask-recover-forget = Delete the key of your recovery of { $time } (“{ $reason }”), and { $count ->
    [0] no answer
    [one] one answer
   *[other] { $count } answers
} to it? What was not opened then stays closed, until it is asked for anew.
recover-forgotten-asked = The key and the answers of this recovery were deleted from this computer. The request is kept; the log keeps what was answered.
recover-nothing-collected = There is nothing to delete: no recovery was started in this home, or not that one, or it is finished or was deleted already.
recover-which = Several recoveries were started here. Name the request of one:
    { $list }
recover-one-of = { $time }: “{ $reason }”, { $path }
recover-no-command = { $path } is no signed answer to a recovery of this association. It was not taken over.
recover-no-commands = There is no signed answer here. Name the files, or the folder “outbox” that the other computer named.
recover-too-many = There are more than { $most } files here: no single organisation has as many. Nothing was taken over. Check that this is the folder “outbox” that the other computer named; if it is, name the files in several goes.
recover-taken-over = { $count ->
    [0] No signed answer was
    [one] One signed answer was
   *[other] { $count } signed answers were
} taken over{ $known ->
    [0] .
    [one] ; one stood in the log already, or waits here.
   *[other] ; { $known } stood in the log already, or wait here.
} Your program enters them at its next contact with a server (“sequestre sync”).

# Help.
help-recover = Open accounts without the server, from a copy of the log and enough trustees
help-recover-start = Make a signed request for the other trustees
help-recover-start-account = An account to recover, by its label; can be repeated; without it, all
help-recover-start-reason = Why; everybody who answers reads it
help-recover-start-output = Write the request into this new file
help-recover-start-replica = Use this copy of the log (an organisations/… folder) instead of your own
help-recover-start-words-file = Use the identity of the 24 words in this file; - reads standard input
help-recover-answer = Look at a request, compare its code by voice, and give your parts of the keys
help-recover-answer-request = The request file that you received
help-recover-answer-code = The 20 digits that the person who asks read to you; without it, you are asked
help-recover-answer-output = Write the answer into this new file
help-recover-answer-replica = Use this copy of the log (an organisations/… folder) instead of your own
help-recover-answer-words-file = Use the identity of the 24 words in this file; - reads standard input
help-recover-finish = Open everything that the answers allow, and write it
help-recover-finish-answers = Answer files; those given earlier were kept
help-recover-finish-from = The request to finish, if you started several
help-recover-finish-output = Write the accounts into this new file
help-recover-finish-format = JSON that Bitwarden and Vaultwarden import (the default), CSV for other importers (never open it in a spreadsheet), or a text
help-recover-finish-plain = Do not lock the file with a passphrase: whoever gets it reads everything
help-recover-finish-keep = Keep the key and the answers here, even when everything was opened
help-recover-finish-output-passphrase-file = Take the passphrase of the new file from this file
help-recover-finish-words-file = The 24 words of somebody who is here, in a file; can be repeated; then no answers are needed
help-recover-finish-words = How many people are here who type their 24 words
help-recover-finish-replica = Use this copy of the log (an organisations/… folder) instead of your own
help-recover-forget = Delete the key and the answers of a recovery that you started
help-recover-forget-request = Its request; without it, the only one that was started here
help-recover-enter = Take over answers that were given at a computer without contact, so that they reach the log
help-recover-enter-files = Signed answers, or the folder “outbox” in which they lie
recover-format-unknown = “{ $name }” is no form. There are: bitwarden, csv, text.
