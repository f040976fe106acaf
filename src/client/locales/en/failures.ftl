# Failures.
failed-file = The file or folder { $path } could not be read or written.
failed-technical = This should not happen. Technical detail for whoever looks after the software: { $detail }
failed-refused = The server refuses this, for a reason that this program does not know ({ $reason }). Update the program.
failed-detail = (Technical detail: { $detail })
failed-identity-exists = { $path } already holds an identity. Use it, or choose another folder with --home.
failed-no-identity = { $path } holds no identity yet. Begin with “sequestre join” or “sequestre found”.
failed-passphrase = This is not the passphrase of your identity. Nothing was changed; try again.
failed-damaged = { $path } is damaged or was changed by another program. Restore it from a backup, or join this computer again with “sequestre restore-identity”.
failed-no-organisation = This folder knows no association yet. Begin with “sequestre join” or “sequestre found”.
failed-which-organisation = Which association? Choose one with --org: { $list }
failed-never-synchronised = Nothing has been fetched from the server yet. Run “sequestre sync” while it can be reached.
failed-folder-busy = Another “sequestre” is using this folder, and perhaps waits for an answer in another window. This is tried again.
failed-unreachable = The server { $address } could not be reached or did not answer. What was signed already is kept and will be sent next time (“sequestre status” says whether anything waits); otherwise give the command again.
failed-other-identity = The identity in this folder is not the one that belongs to this association.
failed-no-terminal = An answer is needed, and there is no terminal to ask. Use { $option }.
failed-unanswered = { $question } Without a terminal, answer with { $option }.
failed-open-file = Others can read { $path }. Make it readable by you alone (chmod 600), and choose a new passphrase if anybody may have seen it.
failed-passphrase-short = The passphrase in { $path } is too short. Take at least 12 characters.
failed-declined = Nothing was done.
failed-update = Entry { $index } of the log holds something that this program does not know; a newer one may. Update the program. Until then nothing new is accepted and nothing is signed.
failed-clock = The server’s clock and this computer’s are { $minutes } minutes apart. Set the wrong one before going on.
failed-text-missing = The text that belongs to this is not on this computer. Run “sequestre sync”; nothing is signed without it.
failed-text-unshowable = What the target would be told cannot be shown here as it is (it has several lines, is very long, or is filled up with blanks). Nothing was signed. Our programs never write such texts: ask whoever asks how they made it, and tell a mediator.
failed-name-unknown = Nobody here is called “{ $name }”.
failed-name-ambiguous = Several people are called “{ $name }”. Compare their fingerprints by voice, then give the number with its # instead of the name: { $list }
failed-label-unknown = There is no account called “{ $label }”. There are: { $list }
failed-label-ambiguous = Several accounts are called “{ $label }”. Give the number with its # instead of the label (in brackets: who deposited it): { $list }
failed-lookalike = “{ $name }” could be mistaken for “{ $other }”. Choose a name that differs more.
failed-looks-like-id = “{ $name }” looks like the number of a person or an account. Choose a name that does not begin with #.
failed-name-differs = The log calls the person whom you invited as “{ $name }” “{ $known }”. Nothing is proposed; cancel and invite again.
failed-quorum-form = “{ $text }” is not an agreement. Write for example everyday=2, or both=2:Alice,Bob,Carl+2:Dan,Eve,Fred.
failed-vault-form = “{ $text }” is not a vault. Write for example main=everyday,vital.
failed-role-unknown = “{ $name }” is not a role or a possible combination. Roles are trustee, mediator, technician, member; a mediator cannot be a trustee.
failed-threshold = The agreement “{ $quorum }” asks for { $threshold } of { $members }. Choose a number between 2 and { $members }.
failed-quorum-unknown = There is no agreement called “{ $quorum }”.
failed-plain-name = “{ $name }” cannot be the name of an agreement or a vault. Use 1 to 32 of the letters a–z, digits and hyphens, for example web-site.
failed-no-plan = This folder did not found the association, so it cannot propose its first charter. The founder does that.
failed-absent = Not everybody has joined yet. Missing: { $list }. Wait for them, or leave them out with --drop NAME.
failed-not-candidate = “{ $name }” is not waiting to be taken in.
failed-not-inviter = Only the person who invited “{ $name }” can check that the keys are really theirs. Ask that person to run “sequestre admit "{ $name }"”.
failed-joined-already = This computer has already joined this association. If the others left the log that it followed, begin anew with --begin-anew; else use another folder with --home.
failed-deposit-file = The deposit is not valid JSON with the known fields (problem near line { $line }, column { $column }). Fields: user_name, password, totp_secret, recovery_codes, notes, sheet.
failed-totp-secret = This is not the secret of a one-time code: providers show it as letters A–Z and digits 2–7, at least 16 of them, or as an address that begins with otpauth://totp/. A 6-digit code is not it.
failed-user-name-alone = A user name is kept together with its password. Give both, or neither.
failed-nothing-to-deposit = There is nothing to deposit. Give at least a password.
failed-vault-unknown = There is no vault called “{ $name }”. There are: { $list }
failed-label-taken = There is already an account called “{ $label }”. To replace its password, add --new-version.
failed-id-unknown = There is no request and no proposal with the number { $id }. “sequestre inbox” shows what waits for you.
failed-share-missing = Your part of this key is not on this computer yet. Run “sequestre sync” and try again.
failed-share-bad = Your part of this key does not match the log. Nothing was released; tell the depositor and a mediator.
failed-keys-missing = This request was made on another computer. Show it there, or ask again from here.
failed-not-granted = This request still needs { $missing ->
    [one] one more agreement.
   *[other] { $missing } more agreements.
}
failed-access-over = This access has ended. Ask again if you still need it.
failed-access-revoked = A trustee ended this access. Talk to them if you still need it.
failed-request-expired = This request was not granted in time. You can ask again.
failed-sealed-missing = The server did not hand out the sealed password. Try again, and tell a trustee if it happens twice.
failed-shares-not-here = The agreement is there, but not enough trustees’ computers have delivered their parts yet. Ask one of those who agreed to run “sequestre sync”.
failed-shares-bad = These trustees’ parts of the key were not usable: { $list }. Your access has begun, so that nobody can add an agreement: ask again with “sequestre request”, have other trustees agree, and tell a mediator.
failed-dealer = The trustees’ parts are all as they were dealt, and together they do not give the key: { $name }, who deposited this, dealt it wrongly. No further agreement helps. Tell { $name } and a mediator, and recover the account at its provider.
failed-dealer-server = The trustees’ parts are all as they were dealt, and together they do not give the key: the server, which made this secret itself, dealt it wrongly. No further agreement helps. Tell the others, a technician and a mediator; then set a new secret at the provider, and deposit it with --new-version.
failed-not-handed-over = The server did not take your part of the key for request { $id }, although your agreement stands in the log. It is kept, and offered again until the request is over. Tell the person who asked.
failed-device-unknown = None of your devices begins with “{ $device }”. “sequestre device” lists them.
failed-part-unknown = Unknown part. Parts are: { $list }
failed-duration-form = “{ $text }” is not a length of time. Write for example 30m, 2h or 3d.
failed-clipboard = The clipboard could not be used. Show the password on the screen instead.
failed-clipboard-still = It is NOT KNOWN whether the password is still in the clipboard: it could not be read or not be cleared. Copy something else now.
failed-no-home = Your home folder is not known. Choose a folder with --home.
failed-demo-step = The demonstration did not go as told at step “{ $step }”.

# Texts.
text-empty = Nothing was written. Write something.
text-too-long = This text is too long: at most 4096 bytes, about 4000 letters.
text-invisible = Character { $position } is invisible or changes the direction of the text, and could disguise it. Remove it.
text-damaged = A text is not the one that the log names. Run “sequestre sync”.

# Codes.
code-none = There is no code in this. Copy the code whole: its lines begin with sqi1, sqc1 or sqf1.
code-wrong-kind = This is { $found ->
    [invitation] an invitation
    [card] a contact card
   *[founding] a founding code
}, and { $wanted ->
    [invitation] an invitation
    [card] a contact card
   *[founding] a founding code
} is needed.
code-character = Character { $position } of line { $line } cannot occur in a code. Compare it with the original; nothing is guessed.
code-typo-at = Line { $line } is mistyped, probably at character { $position }. Compare it with the original; nothing is guessed.
code-typo = Line { $line } is mistyped or incomplete. Compare all of it with the original; nothing is guessed.
code-other-set = Line { $line } belongs to another code than line 1. Enter the lines of one code only.
code-missing = Line { $number } of { $count } is missing. Enter it too.
code-malformed = This code was typed correctly, but this program cannot use it. Ask for a new one, or update the program.

# Words on paper.
words-count = { $found } words were entered, and 24 are needed. Compare with the paper.
words-unknown = Word { $position } is not in the list. Compare its spelling with the paper.
words-checksum = All words are in the list, but they do not go together: at least one is not the word on the paper, or two are exchanged. Compare them one by one; nothing is guessed.

# Distrust: stop and talk.
distrust-stopped = STOP. This association’s log contradicted itself earlier; nothing more is accepted from this server. The evidence is in { $path }. Show it to the others and to a mediator.
distrust-checkpoint = STOP. The server’s checkpoint does not carry the signature of this association’s log. Talk to the others by another way.
distrust-fork = STOP. The server shows a log that is not a continuation of the one this computer verified: somebody rewrote what happened, or shows different people different logs. Both signed notes are kept in { $path }. Show them to the others and to a mediator.
distrust-lost-tail = STOP. The server lost the end of the log, or is hiding it. Both signed notes are kept in { $path }. Show them to the others and to a mediator.
distrust-entry = STOP. Entry { $index } of the log does not hold: it was changed, or never allowed. The signed note is kept in { $path }. Show it to the others and to a mediator.
distrust-backdated = STOP. The server adds entries dated before the last time this computer checked the log. Talk to the others.
distrust-receipt = STOP. The server said “done” but the log does not show it at entry { $index }. Nothing counts as done; talk to the others.
distrust-collected = STOP. The server handed out the parts of the key without writing it in the log. Talk to the others.
distrust-server-key = STOP. What answers at { $address } is not the server you know, or somebody is in between. Nothing was sent. Ask the others by voice whether the server moved.
distrust-nonsense = STOP. The server at { $address } gave an answer that makes no sense. Talk to its technician and to the others.
distrust-joiner = STOP. The keys that joined as “{ $name }” do not come from somebody who holds your invitation. Do not take them in; write a new invitation, and hand it over in person.
distrust-inviter = STOP. This log does not know the person who invited you. Do not go on; ask that person by voice.
