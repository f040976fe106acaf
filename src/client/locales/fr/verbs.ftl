# Petits mots.
and = et
colon = {" "}:
k-of-n = { $k } sur { $n }
time-days = { $n ->
    [one] { $n } jour
   *[other] { $n } jours
}
time-hours = { $n ->
    [one] { $n } heure
   *[other] { $n } heures
}
time-minutes = { $n ->
    [one] { $n } minute
   *[other] { $n } minutes
}
time-seconds = { $n ->
    [one] { $n } seconde
   *[other] { $n } secondes
}
part-user-name = Nom d’utilisateur
part-password = Mot de passe
part-totp-secret = Secret des codes à usage unique
part-recovery-codes = Codes de secours
part-notes = Notes

# Attente.
progress-entries = Vérification du journal
progress-blobs = Réception
progress-shares = Vérification de vos parts de clés
progress-unlock = Ouverture de votre clé personnelle…

# Clé personnelle.
ask-passphrase = Phrase secrète
ask-new-passphrase = Nouvelle phrase secrète (vide : celle proposée)
ask-passphrase-again = La même phrase encore une fois
passphrase-proposal = Votre clé personnelle sera verrouillée par une phrase secrète. En voici une bonne :
passphrase-short = C’est trop court. Prenez au moins 12 caractères, ou laissez vide pour celle proposée.
passphrase-differs = Les deux phrases ne sont pas identiques. Encore une fois.
words-intro = Ces 24 mots sont votre clé personnelle. Écrivez-les maintenant sur papier ; ils ne sont montrés que cette fois. Avec eux, vous pouvez revenir sur n’importe quel ordinateur ; toute personne qui les trouve le pourrait aussi.
words-written = Les 24 mots de votre nouvelle clé personnelle sont dans { $path }. Recopiez-les sur papier, vérifiez, puis supprimez ce fichier. Avec eux, vous pouvez revenir sur n’importe quel ordinateur ; toute autre personne qui les trouverait aussi.
ask-word = Pour vérifier : quel est le mot { $position } ?
word-wrong = Ce n’est pas le mot de la liste ci-dessus. Regardez votre papier.
identity-made = Votre clé personnelle est créée et se trouve, verrouillée, dans { $path }.
ask-words = Les 24 mots, séparés par des espaces
ask-founding-code = Collez le code de fondation donné par un·e technicien·ne, puis une ligne vide :
ask-invitation = Collez l’invitation, puis une ligne vide :
ask-card = Collez la carte de contact de l’association, puis une ligne vide :
ask-unwitnessed = { $fresh ->
    [0] Aucun des { $of } témoins n’a
    [one] Un seul témoin sur { $of } a
   *[other] Seuls { $fresh } témoins sur { $of } ont
} confirmé ce journal ces 7 derniers jours, et il en faut { $needed } pour exclure que le serveur vous en montre un autre. Continuer quand même ?
ask-no-witnesses = Personne n’a encore pu témoigner de ce journal : la charte n’est pas en vigueur. Continuez seulement si vous avez comparé le code de la charte avec les autres de vive voix. Tout le monde a-t-il lu le même ?

# Fonder et rejoindre.
found-done = « { $name } » est fondée. Son numéro est { $id }.
found-next = Remettez chaque invitation à la personne qu’elle nomme, et à nulle autre. Quand tout le monde est arrivé, lancez « sequestre charter propose ».
invite-written = L’invitation pour { $name } est dans { $path }.
invite-next = Remettez-la à cette personne et à nulle autre. Quand elle sera arrivée, votre boîte de réception le dira.
invite-file =
    Invitation pour { $name } à rejoindre { $organisation }, valable jusqu’au { $until }.
    Vous seul·e pouvez l’utiliser, une fois. Installez Séquestre, puis lancez :
      sequestre join CE-FICHIER
    Lisez ensuite votre empreinte à la personne qui vous a invité·e, au téléphone ou en face.
join-done = Vous avez rejoint { $organisation }. Vous pouvez lire son journal ; la charte ou votre admission doit encore être signée.
join-fingerprint = Votre empreinte, à lire de vive voix à la personne qui vous a invité·e : { $code }
restore-done = Bon retour, { $name }. { $organisation } connaît maintenant cet ordinateur.
found-newcomer = { $name } est arrivé·e avec l’empreinte { $code }
ask-admit = L’empreinte de { $name } est { $code }. Est-ce bien ce que { $name } vous a lu ?
ask-leave = Vous allez quitter { $organisation }. Les mots de passe que vous connaissez seront à changer. Partir ?
leave-done = Vous avez quitté { $organisation }.
leave-unseen = Vous avez quitté { $organisation } : le serveur a pris votre commande et ne connaît plus cet ordinateur. Son journal ne peut plus être vérifié d’ici ; demandez à quelqu’un qui est encore là s’il montre votre départ.
ask-revoke-this = C’est l’ordinateur devant vous : il sera exclu. Le révoquer ?
device-revoked = L’appareil { $device } est révoqué.

# Propositions.
proposal-by = Proposition { $index }, faite par { $name }.
proposal-charter = Charte, version { $version }.
proposal-trustees = Gardien·nes : { $list }
proposal-mediators = Médiateur·rices : { $list }
proposal-technicians = Technicien·nes : { $list }
proposal-quorum = Accord « { $name } » : { $words }
proposal-vault = Le coffre « { $name } » s’ouvre par : { $list }. Peuvent demander : { $askers }. Peuvent déposer : { $depositors }. Accès le plus long : { $longest }.
proposal-roll = Admis avec elle. Chaque personne doit vous avoir lu cette empreinte :
proposal-newcomer = - { $name } comme { $roles }, empreinte { $code }
proposal-first = Aucune charte n’est encore en vigueur : tout ceci est nouveau.
proposal-is-in-force = Cette charte est déjà en vigueur : vous en prenez seulement acte.
proposal-changes = Ce qui change par rapport à la version { $version }, qui est en vigueur :
proposal-no-changes = - rien que son numéro
proposal-where-trustees = Gardien·nes
proposal-where-mediators = Médiateur·rices
proposal-where-technicians = Technicien·nes
proposal-where-quorum = Accord « { $name } »
proposal-added = - { $place } : NOUVEAU { $name }, empreinte { $code }
proposal-removed = - { $place } : PLUS DE { $name }, empreinte { $code }
proposal-new = - nouveau : { $text }
proposal-gone = - supprimé : { $text }
proposal-before = - jusqu’ici : { $text }
proposal-leavers = - ces personnes quittent l’association avec elle : { $list }
proposal-never-safe = ATTENTION : sous cette charte, rien de ce qui est inscrit ne devient jamais sûr si le serveur se perd : parmi les personnes qui détiennent des parts, trop sont technicien·nes et ne comptent pas pour cela.
proposal-lookalike = ATTENTION : « { $name } » (empreinte { $code }) peut être confondu avec « { $other } » (empreinte { $known }). Ce sont deux clés différentes. Demandez de vive voix avant d’accepter.
proposal-charter-code = Code de la charte, à lire à haute voix par tout le monde et à comparer : { $code }
proposal-admission = Admettre { $name } comme { $roles }. Son empreinte est { $code }.
proposal-removal = Retirer { $name } (empreinte { $code }). Motif : « { $reason } »
proposal-in-force = C’est décidé et en vigueur.
proposal-superseded = Une proposition plus récente l’a remplacée.
proposal-open = La proposition { $index } attend : { $list }
ask-sign-charter = Tout le monde a-t-il lu le même code de charte à haute voix, les personnes marquées comme nouvelles vous ont-elles lu leur empreinte, et êtes-vous d’accord ?
ask-sign-admission = Avez-vous comparé l’empreinte de vive voix, et êtes-vous d’accord ?
ask-sign-removal = Êtes-vous d’accord ?

# Boîte de réception.
inbox-head = { $organisation } : { $count ->
    [0] rien ne vous attend.
    [one] une chose vous attend.
   *[other] { $count } choses vous attendent.
}
inbox-request = { $id } — { $name } demande « { $label } » pour { $duration } : « { $reason } ». Elle reste ouverte encore { $left }.{ $denied ->
    [0] {""}
   *[other] {" "}Vous avez refusé ; vous pouvez encore accepter.
}
inbox-granted = { $id } — votre demande pour « { $label } » est accordée : « sequestre show { $id } » commence votre accès.
inbox-charter-sign = { $id } — { $name } propose la charte version { $subject } ; il faut votre signature.
inbox-charter-acknowledge = { $id } — { $name } propose la charte version { $subject } ; merci d’en prendre acte.
inbox-admission = { $id } — { $name } propose d’admettre { $subject }.
inbox-removal = { $id } — { $name } propose de retirer { $subject } de l’association.
inbox-candidate = { $name } est arrivé·e avec votre invitation. Comparez les empreintes de vive voix, puis lancez « sequestre admit "{ $name }" ».
inbox-due-now = « { $label } » : changez ce mot de passe MAINTENANT chez le fournisseur, puis déposez le nouveau avec --new-version.
inbox-due-later = « { $label } » : ce mot de passe devrait être changé chez le fournisseur, puis déposé avec --new-version.
inbox-next = Pour accepter : « sequestre approve NUMÉRO ». Pour refuser : « sequestre deny NUMÉRO --reason … ».

# Demandes, vues par les gardien·nes.
request-head = Demande { $id } : { $name } demande « { $label } ».
request-version = C’est la version { $version } ; la plus récente est la version { $current }.
request-fingerprint = Empreinte de la personne : { $code }
request-reason = Motif : « { $reason } »
request-duration = Pour { $duration } à partir du moment où le mot de passe est récupéré ; la demande reste ouverte jusqu’au { $until }.
request-part = { $part } (parts de sa clé remises jusqu’ici, toutes demandes confondues : { $released } ; pour l’ouvrir, il en faut : { $needed })
request-agreed = Ont déjà accepté : { $list }
ask-approve = Remettre votre part de la clé pour cela ?
approve-done = Votre accord à la demande { $id } est au journal, et votre part de la clé est remise.
approve-granted = Votre accord à la demande { $id } est au journal. L’accord est complet : la personne peut récupérer le mot de passe.
deny-done = Votre refus de la demande { $id } est au journal. Vous pouvez encore accepter plus tard.
show-accused = Le journal dit maintenant que la part de clé de { $name } pour la demande { $id } était inutilisable. Le programme de { $name } va revérifier.
shares-checked = { $good ->
    [one] Une de vos parts de clés a été vérifiée : elle s’ouvre et correspond.
   *[other] { $good } de vos parts de clés ont été vérifiées : elles s’ouvrent et correspondent.
}
shares-bad = ATTENTION : { $bad } de vos parts de clés sont inutilisables. Le journal le dit maintenant ; prévenez la personne qui a fait le dépôt.

# Dépôts.
deposit-intro = Ce que vous tapez maintenant est scellé sur cet ordinateur. Laissez vide ce qui n’existe pas.
ask-user-name = Nom d’utilisateur
ask-password = Mot de passe (caché)
ask-totp-secret = Secret des codes à usage unique (caché)
ask-recovery-codes = Codes de secours (cachés)
ask-notes = Notes qui doivent rester secrètes (cachées)
deposit-sheet-intro = Maintenant la fiche du compte. Le serveur peut la lire : pas de secret ici.
ask-kind = Genre de compte (domaine, hébergement, boîte mail, …)
ask-url = Adresse de connexion
ask-legal-holder = Titulaire légal
ask-recovery-mailbox = Boîte mail pour « mot de passe oublié »
ask-recovery-mailbox-by = Qui lit cette boîte
ask-recovery-telephone = Téléphone pour les codes
ask-recovery-telephone-by = Qui a ce téléphone
ask-other-administrators = Qui d’autre l’administre
ask-renewal-date = Date de renouvellement (09/03/2027)
ask-paid-by = Qui le paie
ask-change-password-page = Page pour changer le mot de passe
deposit-done = « { $label } » est sous séquestre, version { $version }. Cet ordinateur en a déjà oublié la clé.

# Accès.
request-done = La demande { $id } pour « { $label } » est au journal et reste ouverte jusqu’au { $until }.
request-forward =
    Texte à transmettre aux gardien·nes :

    {"  "}{ $name } ({ $organisation }) demande l’accès à « { $label } » pour { $duration }.
      Motif : { $reason }
      Pour voir : sequestre inbox — pour accepter : sequestre approve { $id }
      La demande reste ouverte jusqu’au { $until }.
show-head = « { $label } » — encore { $left }, jusqu’au { $until } :
show-foot = Quand vous avez fini : « sequestre return { $id } ». Tant que le mot de passe n’est pas changé, vous comptez parmi les personnes qui le connaissent.
clipboard-lent = Le mot de passe est dans le presse-papiers pour { $seconds } secondes.
clipboard-cleared = Le presse-papiers est vidé.
clipboard-other = Autre chose a été copié entre-temps : le presse-papiers est resté tel quel, et le mot de passe n’y est plus.
clipboard-gone = Le mot de passe n’est plus dans le presse-papiers.
return-done-made = L’accès { $id } est rendu : le serveur retire ce qu’il avait créé chez la cible.
return-done = La demande { $id } est rendue. Si vous aviez vu le mot de passe, il est maintenant à changer.
revoke-done = L’accès { $id } a pris fin. Le mot de passe est maintenant à changer, tout de suite.
outbox-delivered = Quelque chose que vous aviez signé est maintenant au journal.
outbox-refused = Refusé, ne sera plus envoyé : { $what }.
sync-done = Le journal est vérifié ; nombre d’entrées : { $size }.
request-account = {"  "}Coffre « { $vault } », compte { $id }
request-sealed-as = {"  "}ATTENTION : ce qui est demandé a été scellé sous un autre nom : { $list }

# Recommencer.
anew-screen-new = Le journal par lequel recommencer : { $n } entrées, chez { $address } (clé du journal { $key })
anew-screen-old = Le journal que cet ordinateur a vérifié a { $own } entrées ; { $common } d’entre elles sont aussi dans l’autre, et { $lost } n’y sont pas :
anew-screen-damaged = Ce que cet ordinateur avait du journal est illisible : on ne peut rien y comparer, ni rien en emporter.
ask-anew-code = Le code de la charte, 35 chiffres, tel que vous le lit quelqu’un dont vous connaissez la voix (sur son ordinateur : sequestre status)
anew-code-differs = STOP. Ce n’est pas le code de la charte que montre ce serveur. Rien n’a été changé. Faites-le relire par quelqu’un dont vous connaissez la voix ; s’il diffère encore, ce n’est pas son association.
anew-no-charter = STOP. Le journal que montre ce serveur s’arrête avant que l’association ait eu une charte : il n’y a pas de code que quelqu’un puisse vous lire. Rien n’a été changé. Demandez aux autres une nouvelle carte de contact, et dites-leur ce que montre ce serveur.
anew-not-left = STOP. { $n ->
        [one] Une entrée que cet ordinateur a vérifiée n’est
       *[other] { $n } entrées que cet ordinateur a vérifiées ne sont
    } pas dans le journal que montre ce serveur, et aucun déménagement de l’association n’en est parti : le serveur a perdu ou remplacé ce qu’il avait montré. Rien n’a été changé ; la copie de cet ordinateur est peut-être la seule. Montrez-la aux autres et à un·e médiateur·rice ; si tout le monde est d’accord, faites-la rétablir et déménagez (« sequestred restore », « sequestre move propose »).
anew-stopped = STOP. Cet ordinateur a surpris le journal à se contredire, et aucun déménagement de l’association n’en est parti depuis. Rien n’a été changé. Montrez aux autres et à un·e médiateur·rice ce qui se trouve dans evidence/ ; c’est un déménagement qui y met fin (« sequestre move follow »), puis, s’il part d’ailleurs que de ce que cet ordinateur a, un nouveau commencement.
ask-begin-anew = Désormais, cet ordinateur croit ce serveur et ce journal de { $organisation }, comme au premier jour, et plus ce qu’il avait vérifié lui-même. Seule la voix qui vous a lu le code de la charte s’en porte garante. Ce que cet ordinateur avait est mis de côté, et non supprimé. Recommencer ?
anew-nothing = Cet ordinateur n’a pas rejoint cette association : il n’y a rien à mettre de côté. Omettez --begin-anew.
anew-done = Ce que cet ordinateur avait de l’association se trouve dans { $path }, tel quel : entrées, notes signées et fichiers. Montrez-le à un·e médiateur·rice. Supprimez-le quand plus personne n’en a besoin : les parts de clé scellées y restent, même détruites ailleurs.
