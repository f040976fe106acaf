# Failures.
failed-file = The file or folder { $path } could not be read or written.
failed-technical = This should not happen. Technical detail for whoever looks after the software: { $detail }
failed-identity-exists = { $path } already holds an identity. Use it, or choose another folder with --home.
failed-no-identity = { $path } holds no identity yet. Begin with “sequestre join” or “sequestre found”.
failed-passphrase = This is not the passphrase of your identity. Nothing was changed; try again.
failed-damaged = { $path } is damaged or was changed by another program. Restore it from a backup, or join this computer again with “sequestre restore-identity”.
failed-no-organisation = This folder knows no association yet. Begin with “sequestre join” or “sequestre found”.
failed-which-organisation = Which association? Choose one with --org: { $list }
failed-never-synchronised = Nothing has been fetched from the server yet. Run “sequestre sync” while it can be reached.
failed-unreachable = The server { $address } could not be reached or did not answer. What you signed is kept and will be sent next time.
failed-other-identity = The identity in this folder is not the one that belongs to this association.
failed-no-terminal = { $question ->
    [""] An answer is needed, and there is no terminal to ask. Use { $option }.
   *[other] { $question } There is no terminal to ask; answer with { $option }.
}
failed-declined = Nothing was done.
failed-clock = The server's clock and this computer's are { $minutes } minutes apart. Set the wrong one before going on.
failed-text-missing = The text that belongs to this is not on this computer. Run “sequestre sync”; nothing is signed without it.
failed-name-unknown = Nobody here is called “{ $name }”.
failed-name-ambiguous = Several people are called “{ $name }”. Compare their fingerprints by voice: { $list }
failed-label-unknown = There is no account called “{ $label }”. There are: { $list }
failed-label-ambiguous = Several accounts are called “{ $label }”. Ask the depositor to rename one.
failed-lookalike = “{ $name }” could be mistaken for “{ $other }”. Choose a name that differs more.
