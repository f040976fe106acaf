# The paper kit: what the command says.
kit-done = The page is in { $path }. Open it in a browser, print it, and keep it where you keep papers that matter.
kit-printer = CAREFUL: the 24 words are on this page, and whoever reads them can act as you. Print on a printer of your own, by cable; shared and network printers, and print shops, keep copies. Then delete { $path }.
kit-exists = { $path } exists already, and nothing is written over it. Choose another name.
kit-no-output = Say which file to write, with --output.
kit-no-charter = The page holds the charter code, and no charter is in force yet. Make it when the charter is signed.
kit-contacts-long = { $path } is too long for one page: at most { $lines } lines of { $columns } characters.
kit-check-same = These are the 24 words of your identity, each in its place.
kit-check-another = These are 24 good words, but of another identity; its fingerprint is { $code }. Is this the right paper?
kit-check-count = { $found } words were entered, and 24 are needed. The first that is missing or different is word { $position }. Compare with the paper.
kit-check-differ = Not the words of your identity, at these places: { $list }. If you typed what is on the paper, the paper is wrong: write a new one with “sequestre kit --words”.
failed-not-private = Files in { $path } can be read by others, whatever rights they are given (a USB stick, a shared folder?), and this one would hold your 24 words. Nothing was written; choose a folder of this computer.

# The page.
kit-language = en
kit-title = Emergency page of { $name }
kit-made = Made on { $date }, when the log had { $n } entries
kit-what-trustee = “{ $organisation }” keeps the passwords of its web accounts in escrow with the free software Séquestre. { $name } ({ $roles }) holds parts of the keys. Nobody alone opens anything; enough trustees together open everything that is theirs to open, also when the server, or the person who runs it, is gone. There is no password on this page.
kit-what-other = “{ $organisation }” keeps the passwords of its web accounts in escrow with the free software Séquestre. { $name } belongs to it ({ $roles }) and holds no parts of keys; the trustees below do, and enough of them together open everything that is theirs to open, also when the server is gone. There is no password on this page.
kit-people-head = Whom to call
kit-people = Call them yourself, at a number that you know. Do not believe anybody who calls you, whatever they can read to you: fingerprints and codes stand on every page and tell keys apart, not people. Whom you do not know by voice, let somebody introduce who does.
kit-head-telephone = Telephone
kit-numbers-head = What to compare by voice, and what opens what
kit-charter = Charter code (version { $version })
kit-fingerprint = Your fingerprint
kit-server = Server
kit-vaults = What opens the vaults
kit-vault = “{ $name }”: { $opened }
kit-words-head = The 24 words: your identity
kit-words-shown = Whoever reads these can act as you. In this order, from left to right:
kit-words-kept = They are not on this page, so that nobody who finds it can act as you. To find them again, a hint that only you understand:
kit-card-head = Contact card of the association
kit-card = No secret: where the association is found, and how its log is recognised. Type all lines, or scan the picture and paste the text.
kit-gone-head = If the server is gone, or locks you out
kit-gone-1 = Delete nothing. Your computer (folder .sequestre) holds all that is needed, and so does each trustee’s.
kit-gone-2 = Call the other trustees, at numbers that you know. Everybody reads the charter code aloud (35 digits, on this page): it must be the same.
kit-gone-3 = One of you runs “sequestre recover start --reason … -o request.txt”, notes the code of 20 digits that it prints, and sends the file to the others, by any way.
kit-gone-4 = Each of the others calls that person and runs “sequestre recover answer request.txt -o NAME.txt”; when it asks, type the 20 digits that you are read (not the charter code); then send the answer back.
kit-gone-5 = Who began runs “sequestre recover finish NAME.txt … -o accounts.age”. It opens what enough answers allow, and says who is still needed for the rest.
kit-gone-6 = Change every password that was opened. To go on with another server, all follow a move that the trustees sign: “sequestre move --help”.
kit-gone-other = Call the trustees above: they recover the accounts from the copies on their computers. Keep your own copy, too; it proves what happened.
kit-restore-head = If your computer is gone
kit-restore-1 = Install Séquestre on another computer.
kit-restore-2 = Run “sequestre restore-identity” and type the 24 words in their order. A mistake is shown with its place; nothing is guessed.
kit-restore-3 = Type or paste the contact card.
kit-restore-4 = “sequestre device” lists your computers; shut the lost one out: “sequestre device revoke NUMBER”.
kit-restore-5 = If the server is gone, too: your words and the folder of another trustee are enough for the commands beside, with --words-file FILE and --replica FOLDER.
kit-footer = Make a new page when trustees, server or charter change. “sequestre kit check” says whether the words on your paper are the right ones.
kit-footer-words = Keep this page like the key of a safe. Delete the file that it was printed from. Make a new page when trustees, server or charter change. “sequestre kit check” says whether the words on your paper are the right ones.

# What --help says.
help-kit = Write a page to print: whom to call and what to do when the server or your computer is gone
help-kit-words = Put your 24 words on the page
help-kit-words-kept = Put on the page, instead, a hint to where your 24 words are, which only you understand: a finder reads it, too [default: room to write it by hand]
help-kit-contacts = Text file with telephones and whatever else belongs on the page
help-kit-output = HTML file to write; it must not exist
help-kit-check = Type the 24 words from your paper, and learn whether they are right, or which are not
help-kit-check-words-file = File with the 24 words; - reads them from standard input; without it, you are asked to type them
