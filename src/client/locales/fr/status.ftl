# Mots communs aux commandes de lecture.
view-text-missing = (ce texte n’est pas sur cet ordinateur)
view-role-trustee = gardien·ne
view-role-mediator = médiateur·rice
view-role-technician = technicien·ne
view-role-member = membre
view-all-trustees = les gardien·nes
view-all-mediators = les médiateur·rices
view-all-technicians = les technicien·nes
view-all-members = les membres
view-nobody = personne
view-part-password = mot de passe
view-part-totp = secret des codes à usage unique
view-part-codes = codes de secours
view-part-notes = notes
view-standing-candidate = pas encore admis·e
view-standing-admitted = fait partie de l’association
view-standing-gone = parti·e depuis le { $time }
view-due-now = maintenant
view-due-later = plus tard
view-cause-ended = l’accès accordé à { $name } (demande { $request }) a pris fin
view-cause-revoked = un·e gardien·ne a mis fin à l’accès accordé à { $name } (demande { $request })
view-cause-shares = les parts de clé remises pour plusieurs demandes suffisent ensemble, la dernière est la demande { $request }
view-cause-shares-recovery = les parts de clé remises pour plusieurs demandes ou récupérations suffisent ensemble ; l’une d’elles est l’entrée { $request } du journal
view-cause-recovered = { $name } l’a ouvert sans le serveur, avec les réponses d’autres personnes (entrée { $entry } du journal)
view-cause-left = { $name } le connaît et est parti·e
view-unrecorded-access = Le serveur n’a pas noté que l’accès de { $name } à « { $label } » (demande { $request }) a pris fin le { $time }. Il est terminé quand même : le mot de passe est réputé à changer. Demandez pourquoi au ou à la technicien·ne.
view-unrecorded-request = Le serveur n’a pas noté que la demande { $request } de { $name } pour « { $label } » a pris fin le { $time }. Elle ne peut plus être accordée ni retirée. Demandez pourquoi au ou à la technicien·ne.
view-stage-waiting = { $missing ->
    [one] attend encore 1 accord
   *[other] attend encore { $missing } accords
}
view-stage-granted = accordée, à récupérer
view-stage-leased = accès en cours
view-stage-uncollected = jamais récupérée, compte comme accès en cours
view-end-expired = trop peu d’accords à temps
view-end-withdrawn = retirée
view-end-lease-expired = accès terminé, temps écoulé
view-end-returned = accès rendu
view-end-revoked = arrêté par { $name }
view-end-left = terminé, la personne est partie

# En-têtes des tableaux.
status-head-name = Nom
status-head-roles = Rôles
status-head-standing = Situation
status-head-devices = Appareils
status-head-since = Depuis
status-head-fingerprint = Empreinte (à comparer de vive voix)
status-head-device = Appareil
status-head-quorum = Accord
status-head-agree = Combien de personnes
status-head-people = Parmi
status-head-vault = Coffre
status-head-opened-by = Ouvert par (un seul suffit)
status-head-askers = Peut demander
status-head-depositors = Peut déposer
status-head-longest = Accès le plus long
status-head-label = Compte
status-head-version = Version
status-head-parts = Contenu
status-head-deposited = Déposé par
status-head-confirmed = Parts vérifiées
status-head-due = À changer
status-head-asked = Dernière demande
status-head-request = Demande
status-head-who = Qui
status-head-state = État
status-head-until = Jusqu’au

# Où en sont les choses.
status-organisation = Association « { $name } » ({ $id })
status-log = Le journal compte { $n ->
    [one] 1 entrée
   *[other] { $n } entrées
}, la dernière du { $time }.
status-reachable = Synchronisé à l’instant avec { $address } : tout a été vérifié.
status-unreachable = Le serveur { $address } est injoignable. Voici ce que cet ordinateur savait le { $time }.
status-not-served = Le serveur { $address } n’a pas pu faire sa part : { $why } Voici ce que cet ordinateur savait le { $time }.
status-not-believed = La réponse du serveur n’a pas été acceptée : voir la dernière ligne. Ce qui est montré ici avait été vérifié avant.
status-clock = L’horloge de cet ordinateur semble retarder de { $by } : d’autres ont signé plus tard que cela. Réglez-la avant de continuer.
status-witnesses-unknown = Sans le serveur, on ne sait pas combien de témoins ont confirmé ce journal dernièrement.
status-witnesses-none = Le journal n’a pas encore de témoins : c’est la charte qui les désigne.
status-witnesses-enough = { $fresh ->
    [one] Un témoin sur { $of } a
   *[other] { $fresh } témoins sur { $of } ont
} vu ce journal ces 7 derniers jours (il en faut { $needed }) : tout va bien.
status-witnesses-few = { $fresh ->
    [0] Aucun des { $of } témoins n’a vu ce journal ces 7 derniers jours
    [one] Un seul témoin sur { $of } a vu ce journal ces 7 derniers jours
   *[other] Seulement { $fresh } témoins sur { $of } ont vu ce journal ces 7 derniers jours
} ; il en faut { $needed }. Demandez aux autres de lancer « sequestre sync ».
status-charter = Charte : version { $version }, code { $code }
status-no-charter = Il n’y a pas encore de charte en vigueur.
status-me = Vous êtes { $name } : { $roles }.
status-me-candidate = Vous êtes { $name }. Vous avez rejoint l’association et n’êtes pas encore admis·e.
status-me-gone = Vous ne faites plus partie de cette association. Ce que vous lisez ici reste lisible.
status-waits = { $n ->
    [0] Rien ne vous attend.
    [one] Une chose vous attend :
   *[other] { $n } choses vous attendent :
}
status-item = - { $text }
status-due = Mot de passe à changer { $when } : « { $label } » ({ $cause })
status-running = Accès temporaire en cours : { $name }, « { $label } », jusqu’au { $time } (demande { $request })

# Personnes et appareils.
status-this-is-you = { $name } (vous)
status-device-this = cet ordinateur
status-device-other = en service
status-device-revoked = révoqué le { $time }

# La charte.
status-trustees = Gardien·nes : { $names }
status-mediators = Médiateur·rices : { $names }
status-technicians = Technicien·nes : { $names }
status-quorums = Accords (combien de personnes doivent être d’accord) :
status-admission = Les membres sont admis et retirés de l’association par « { $quorum } ».
status-vaults = Coffres :
status-limits = Chaque personne peut ajouter { $entries } entrées et { $kibibytes } Kio par jour au journal.
status-proposals = Propositions ouvertes :
status-no-proposals = Rien n’est proposé.
status-proposal-charter = - { $proposal } : charte version { $version }, proposée par { $proposer }, ouverte jusqu’au { $time }. Code { $code }. Ont signé : { $signed }. Signatures encore nécessaires : { $missing }, parmi { $others }.
status-proposal-admission = - { $proposal } : admettre { $name } comme { $roles }, proposé par { $proposer }, ouvert jusqu’au { $time }. Empreinte { $fingerprint }. Ont signé : { $signed }. Signatures encore nécessaires : { $missing }, parmi { $others }.
status-proposal-removal = - { $proposal } : retirer { $name } de l’association (« { $reason } »), proposé par { $proposer }, ouvert jusqu’au { $time }. Ont signé : { $signed }. Signatures encore nécessaires : { $missing }, parmi { $others }.

# Comptes et accès.
status-no-accounts = Aucun compte n’est encore sous séquestre. Commencez par « sequestre deposit ».
status-who-when = { $name }, { $time }
status-confirmed = { $good } sur { $holders }
status-confirmed-faulty = { $good } sur { $holders } ; mauvaises : { $bad }
status-account = « { $label } » dans le coffre « { $vault } » ({ $id })
status-account-version = - version { $version } : { $parts }, déposée par { $name } le { $time }
status-account-version-server = - version { $version } : { $parts }, créée par le serveur le { $time }, à la demande de { $name }
status-account-quorum = Ouvert par « { $quorum } » : { $agree } ({ $names })
status-account-confirmed = Parts de clé que les gardien·nes ont ouvertes et trouvées justes : { $confirmed }
status-account-released = Parts de clé remises jusqu’ici ({ $part }) : { $n }, par { $names }
status-account-known = Connu par { $name }, qui a déposé la version { $version }
status-account-made = Le serveur a créé le secret de la version { $version } ; il n’a été montré à personne.
status-account-could-read = A pu être lu par { $name } ({ $parts }) depuis le { $time } : gère le serveur, où c’était ouvert (entrée { $request } du journal)
status-account-exposed = Connu par { $name } ({ $parts }) depuis le { $time }, par la demande { $request }
status-account-recovered = Connu par { $name } ({ $parts }) depuis le { $time } au plus tard, par une récupération sans le serveur (entrée { $request } du journal)
status-account-carried = Connu par { $name } ({ $parts }) depuis le { $time } : dépôt antérieur, inchangé depuis
status-account-due = Mot de passe à changer { $when } : { $cause }
status-account-not-due = Rien n’est à changer.
status-account-requests = Les dernières demandes :
status-account-sheet = Fiche du compte :
status-account-no-sheet = La fiche du compte n’est pas sur cet ordinateur : les gardien·nes et les médiateur·rices l’ont.
status-sheet-field = - { $name } : { $text }
status-sheet-odd = (contient des caractères qui ne peuvent pas être montrés)
status-no-leases = Aucune demande et aucun accès.

# Lignes de la fiche du compte.
sheet-kind = Nature
sheet-url = Adresse de connexion
sheet-legal-holder = Titulaire légal
sheet-recovery-mailbox = Boîte aux lettres pour « mot de passe oublié »
sheet-recovery-mailbox-by = Qui lit cette boîte
sheet-recovery-telephone = Téléphone pour les codes
sheet-recovery-telephone-by = Qui tient ce téléphone
sheet-other-administrators = Autres administrateur·rices
sheet-renewal-date = Date de renouvellement
sheet-paid-by = Qui paie
sheet-change-password-page = Page pour changer le mot de passe
